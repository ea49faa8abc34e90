"""Decides which layer's word is in force for each policy. No I/O.

An administrator's lock > argv > environment > saved through the API > the user's file > default.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import fields

from modelhubd.config import Config
from modelhubd.policy.decision import Rules
from modelhubd.settings import PolicyConfig
from modelhubd.wire.policy import Policy, PolicyList, PolicySwitch

KEYS = tuple(item.name for item in fields(Policy))
OWN_WORD = ("local_entries", "direct_urls")
"""Where nobody says anything: yes without a registry, no with one."""


class Layers(Struct, frozen=True, kw_only=True):
    """What the configuration says, and where it says so."""

    values: PolicyConfig = PolicyConfig()
    origins: Mapping[str, str] = field(default_factory=dict)
    locked: frozenset[str] = frozenset()
    has_registry: bool = False

    @classmethod
    def of(cls, config: Config) -> "Layers":
        return cls(
            values=config.settings.policy,
            origins=config.origins,
            locked=config.locked,
            has_registry=bool(config.settings.catalog.registry_url),
        )

    def is_locked(self, key: str) -> bool:
        return full(key) in self.locked

    def source(self, key: str) -> str:
        """Of what the configuration says."""
        return self.origins.get(full(key), "default")

    def fixed(self, key: str) -> bool:
        """Whether what is saved does not count."""
        return self.is_locked(key) or self.source(key) in ("environment", "argument")

    def value(self, key: str) -> Any:
        found = getattr(self.values, key)
        return not self.has_registry if found is None and key in OWN_WORD else found


def in_force(layers: Layers, saved: Mapping[str, Any]) -> tuple[Rules, Policy]:
    """The policies, and how they are shown. `saved` holds what people have set through the API."""
    values: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    for key in KEYS:
        counts = key in saved and not layers.fixed(key)
        values[key] = saved[key] if counts else layers.value(key)
        kind = PolicyList if isinstance(values[key], tuple) else PolicySwitch
        source = "saved" if counts else layers.source(key)
        shown[key] = kind(value=values[key], source=source, locked=layers.is_locked(key))
    return Rules(**values), Policy(**shown)


def who(policy: Policy, key: str) -> str:
    """Who has set it, in words."""
    match getattr(policy, key).source:
        case "administrator":
            return "set by the administrator of this machine"
        case "argument":
            return "set on the daemon's command line"
        case "environment":
            return f"set in the daemon's environment, MODELHUB_POLICY_{key.upper()}"
        case "saved":
            return "set through the API"
        case "file":
            return "set in config.toml"
        case _:
            return "the default where a registry is set" if key in OWN_WORD else "the default"


def remedy(policy: Policy, key: str) -> str:
    """What can be done about it."""
    found = getattr(policy, key)
    if found.locked:
        return "Only the administrator can change it: ask them."
    match found.source:
        case "argument":
            return f"Start the daemon without --set {full(key)}=… to change it."
        case "environment":
            return f"Unset MODELHUB_POLICY_{key.upper()} and restart the daemon to change it."
        case _:
            return f"`modelhub policy set {key} …` changes it."


def full(key: str) -> str:
    """The policy's name among all settings."""
    return f"policy.{key}"
