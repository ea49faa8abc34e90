"""Load settings: layers laid over each other, and checked before anything starts."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from modelhubd.config import Config
from modelhubd.errors import Conflict, InvalidInput
from modelhubd.wire.architecture import Architecture, ModelFacts
from modelhubd.wire.problem import FieldError
from modelhubd.wire.servers import (
    EffectiveSetting,
    LoadDefaults,
    LoadSettings,
    ModelSettings,
    SettingValue,
)
from modelhubd.wire.settings import FULL_PRECISION, Clash, clashes

Layer = tuple[str, LoadSettings | ModelSettings]
"""An origin and what it sets."""
Effective = dict[str, EffectiveSetting]
"""Every setting by name."""

DEFAULTS = LoadSettings(
    gpu_layers="auto",
    flash_attention="auto",
    kv_type_k="f16",
    kv_type_v="f16",
    reasoning="auto",
    parallel=1,
    batch=2048,
    mmap=True,
    mlock=False,
)
NAMES = LoadSettings.__struct_fields__
ORIGINS = ("default", "administrator", "file", "environment", "argument", "model", "saved", "load")
"""Where a value may come from, the lowest layer first."""
ORIGIN_WORDS = {
    "default": "by default",
    "administrator": "set by the administrator",
    "file": "from config.toml",
    "environment": "from the daemon's environment",
    "argument": "from the daemon's command line",
    "model": "recommended by the catalog",
    "saved": "saved for this model",
    "load": "as asked for",
}
NOT_ASKED_FOR = ("default", "model")
KV_BLOCK = 32
"""Values that a quantised type packs together; each head must hold a whole number of them."""


class Below(msgspec.Struct, frozen=True, kw_only=True):
    """The layers below a load, the lowest first, and the settings that the administrator has locked."""

    layers: tuple[Layer, ...]
    locked: frozenset[str] = frozenset()

    def with_layer(self, origin: str, settings: LoadSettings | ModelSettings) -> "Below":
        """These layers and one above them."""
        return msgspec.structs.replace(self, layers=(*self.layers, (origin, settings)))

    def lay(self) -> tuple[LoadSettings, Effective]:
        """What they make together; see `lay`."""
        return lay(self.layers, self.locked)


class Configured(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration makes the default of loads, and which of it is locked."""

    layers: tuple[Layer, ...] = ()
    locked: frozenset[str] = frozenset()

    @classmethod
    def of(cls, config: Config) -> "Configured":
        keys = {name: f"load.{name}" for name in LoadDefaults.__struct_fields__}
        values = {name: getattr(config.settings.load, name) for name in keys}
        keys["ttl_s"], values["ttl_s"] = "llama.default_ttl_s", config.settings.llama.default_ttl_s
        by_origin: dict[str, dict[str, Any]] = {}
        for name, key in keys.items():
            if key in config.origins:
                by_origin.setdefault(config.origins[key], {})[name] = values[name]
        return cls(
            layers=tuple((origin, LoadSettings(**found)) for origin, found in by_origin.items()),
            locked=frozenset(name for name, key in keys.items() if key in config.locked),
        )


def default_settings(*, ctx: int, threads: int, ttl_s: int) -> LoadSettings:
    """The lowest layer: `ctx` tokens of context, that many threads and seconds to live when idle."""
    return msgspec.structs.replace(DEFAULTS, ctx=ctx, threads=threads, ttl_s=ttl_s)


def lay(layers: Iterable[Layer], locked: frozenset[str] = frozenset()) -> tuple[LoadSettings, Effective]:
    """The settings in force, and each one's value and where it comes from. Later layers win, but for what is
    locked: that is as the configuration has it."""
    found: Effective = dict.fromkeys(NAMES, EffectiveSetting(value=None, origin="default"))
    for origin, settings in layers:
        above = ORIGINS.index(origin) > ORIGINS.index("argument")
        for name, value in made(settings).items():
            if not (above and name in locked):
                found[name] = EffectiveSetting(value=value, origin=origin)
    return _in_force(found), found


def made(settings: LoadSettings | ModelSettings) -> dict[str, SettingValue]:
    """What is set, by name."""
    values = {name: getattr(settings, name) for name in settings.__struct_fields__}
    return {name: value for name, value in values.items() if value is not None}


def check(
    effective: Effective, architecture: Architecture, *, own: str = "load", at: str = "/settings"
) -> None:
    """Refuse what llama-server would refuse. The pointer is that of the field in the highest layer: it is the
    one that whoever sent the layer `own` can change.

    Raises:
        InvalidInput: the settings do not go together, or not with this model.
    """
    errors = tuple(_error(clash, effective, own, at) for clash in faults(effective, architecture))
    if errors:
        raise InvalidInput(f"{errors[0].pointer}: {errors[0].detail}", errors=errors)


def faults(effective: Effective, architecture: Architecture) -> Iterator[Clash]:
    """Everything for which `check` refuses."""
    settings = _in_force(effective)
    yield from clashes(settings)
    if settings.flash_attention == "off" or architecture.attention in ("mla", "recurrent"):
        return
    for name, kind, sizes in (
        ("kv_type_k", settings.kv_type_k, (architecture.head_dim_k, architecture.head_dim_k_sliding)),
        ("kv_type_v", settings.kv_type_v, (architecture.head_dim_v, architecture.head_dim_v_sliding)),
    ):
        odd = next((size for size in sizes if size is not None and size % KV_BLOCK), None)
        if kind not in (None, *FULL_PRECISION) and odd is not None:
            yield Clash(
                fields=(name,),
                reason=f"{kind} packs {KV_BLOCK} values together, and the heads here have {odd}. Use f16.",
            )


def notes(effective: Effective, facts: ModelFacts) -> tuple[str, ...]:
    """What is allowed and worth knowing."""
    settings, trained = _in_force(effective), facts.architecture.context_length
    found = []
    per_request = (settings.ctx or 0) // (settings.parallel or 1)
    if trained is not None and per_request > trained:
        found.append(
            f"The model was trained for {trained} tokens of context: {per_request} for each request take"
            " memory, and llama-server does not use those beyond."
        )
    if settings.reasoning == "on" and not facts.thinks:
        found.append("The model's chat template has no switch for reasoning, so that it changes nothing.")
    return tuple(found)


def refuse_locked(asked: LoadSettings, below: Below, *, at: str = "/settings") -> None:
    """Raises Conflict `decided_elsewhere` for a setting that is locked to another value."""
    _, configured = below.lay()
    errors = tuple(
        FieldError(
            pointer=f"{at}/{name}",
            detail=f"the administrator of this machine has locked it to {configured[name].value}; ask them",
        )
        for name, value in made(asked).items()
        if name in below.locked and value != configured[name].value
    )
    if errors:
        raise Conflict(
            f"{errors[0].pointer} cannot be set here: {errors[0].detail}.",
            code="decided_elsewhere",
            errors=errors,
        )


def _in_force(effective: Effective) -> LoadSettings:
    return LoadSettings(**{name: setting.value for name, setting in effective.items()})  # type: ignore[arg-type]  # each value comes from a field of the same name


def _rank(setting: EffectiveSetting) -> int:
    return ORIGINS.index(setting.origin)


def _error(clash: Clash, effective: Effective, own: str, at: str) -> FieldError:
    to_blame = max(clash.fields, key=lambda name: _rank(effective[name]))
    others = "".join(
        f" ({name} is {effective[name].value}, {ORIGIN_WORDS[effective[name].origin]}.)"
        for name in clash.fields
        if effective[name].origin != own
    )
    return FieldError(pointer=f"{at}/{to_blame}", detail=clash.reason + others)
