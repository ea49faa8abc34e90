"""What this machine may use, who says so, and what a program that asks may be."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from modelhubd.wire.base import Message, Request
from modelhubd.wire.registry import Slug

REFUSED_BY_POLICY = "refused_by_policy"
PUBLISHERS_MAX = 256


class PolicySwitch(Message, frozen=True, kw_only=True):
    """`source` is `default`, `file`, `saved`, `environment`, `argument` or `administrator`."""

    value: bool
    source: str
    locked: bool = False
    """By the administrator of this machine."""


class PolicyList(Message, frozen=True, kw_only=True):
    value: tuple[str, ...]
    source: str
    locked: bool = False


class Policy(Message, frozen=True, kw_only=True):
    """What is in force, and who says so."""

    require_verified: PolicySwitch
    """Only models that an administrator of the registry has verified, as of a signed snapshot."""
    require_signature: PolicySwitch
    """Only versions with a good signature by a key that the registry pins for their publisher."""
    require_digest: PolicySwitch
    """Only options whose files all have a SHA-256, and what was checked against it."""
    allowed_publishers: PolicyList
    """First parts of the ids that may be used; empty allows all."""
    local_entries: PolicySwitch
    """Whether entries in `catalog.d` count, and models that no catalog lists may be used."""
    direct_urls: PolicySwitch
    """Whether downloads may name an address of their own."""
    offline: PolicySwitch
    """No outbound connection at all."""
    report_installs: PolicySwitch
    """Whether installs are counted at the organisation's registry."""


class ChangePolicy(Request, frozen=True, kw_only=True):
    """What is absent stays as it is; null forgets what was saved, so that the layer below decides again."""

    require_verified: bool | UnsetType | None = UNSET
    require_signature: bool | UnsetType | None = UNSET
    require_digest: bool | UnsetType | None = UNSET
    allowed_publishers: Annotated[tuple[Slug, ...], Meta(max_length=PUBLISHERS_MAX)] | UnsetType | None = (
        UNSET
    )
    local_entries: bool | UnsetType | None = UNSET
    direct_urls: bool | UnsetType | None = UNSET
    offline: bool | UnsetType | None = UNSET
    report_installs: bool | UnsetType | None = UNSET


class App(msgspec.Struct, frozen=True, kw_only=True):
    """What a program calls itself in `Modelhub-App: <id>/<version>`; the version is one of PEP 440."""

    id: str
    version: str
