"""One frozen `Config`, read once at the start from layers: default < file < saved < environment < argument
< administrator's lock."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec
from msgspec import Struct, field

from modelhubd.errors import CannotStart
from modelhubd.places import Places
from modelhubd.settings import SECTIONS, Settings
from modelhubd.wire.status import ConfigValue


class Config(Struct, frozen=True, kw_only=True):
    """Settings in force, where each comes from, and the folders they name."""

    settings: Settings
    origins: Mapping[str, str] = field(default_factory=dict)
    """`section.key` → layer, for keys that are not at their default."""
    locked: frozenset[str] = frozenset()
    places: Places
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def models_dir(self) -> Path:
        """
        Raises:
            CannotStart: it begins with the `~` of a user who has no home.
        """
        chosen = self.settings.models.dir
        try:
            return Path(chosen).expanduser().absolute() if chosen else self.places.models_dir
        except RuntimeError as error:
            raise CannotStart(f"models.dir cannot be {chosen!r}: {error} Write the path out.") from error

    def with_models_dir(self, path: str | None) -> "Config":
        """The same with the folder that the models were moved to, unless something above that decides."""
        if path is None or self.models_dir_fixed_by is not None:
            return self
        models = msgspec.structs.replace(self.settings.models, dir=path)
        return msgspec.structs.replace(
            self,
            settings=msgspec.structs.replace(self.settings, models=models),
            origins={**self.origins, "models.dir": "saved"},
        )

    @property
    def models_dir_fixed_by(self) -> str | None:
        """Who decides where models are, if what is saved does not count: the administrator, the command line
        or the environment, in words."""
        if "models.dir" in self.locked:
            return "the administrator of this machine"
        return {
            "argument": "the daemon's command line (--models-dir)",
            "environment": "the daemon's environment (MODELHUB_MODELS_DIR)",
        }.get(self.origins.get("models.dir", "default"))

    def described(self) -> dict[str, ConfigValue]:
        """`section.key` → value, source, lock, for people and for `GET /config`."""
        return {
            key: ConfigValue(value=value, source=self.origins.get(key, "default"), locked=key in self.locked)
            for key, value in _flat(self.settings).items()
        }


def read_config(
    places: Places, environ: Mapping[str, str], arguments: Mapping[str, str] | None = None
) -> Config:
    """Merge the layers.

    `arguments` maps `section.key` to text, as given on the command line.

    Raises:
        CannotStart: an unknown key (the nearest known one is named) or a value that cannot be.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}

    def lay(layer: str, found: Mapping[str, Any]) -> None:
        values.update(found)
        origins.update(dict.fromkeys(found, layer))

    administrator, locked = _administrator(places.administrator_file)
    lay("administrator", administrator)
    lay("file", _file(places.config_file, "config.toml"))
    lay("environment", _environment(environ))
    lay("argument", {known_key(key, "the command line"): text for key, text in (arguments or {}).items()})
    lay("administrator", {key: administrator[key] for key in locked})
    return Config(
        settings=_settings(values, origins),
        origins=origins,
        locked=locked,
        places=places,
        environ=dict(environ),
    )


def value_of(key: str, text: str) -> Any:
    """The value that a text means for `section.key`.

    Raises:
        CannotStart: there is no such key (the nearest is named), or it cannot have this value.
    """
    name, _, item = known_key(key, "The command line").partition(".")
    kind = {found.name: found.type for found in msgspec.structs.fields(SECTIONS[name])}[item]
    try:
        return _from_text(text, kind)
    except (msgspec.ValidationError, ValueError) as error:
        raise CannotStart(f"{key} cannot be {text!r}: {error}.") from error


def all_keys() -> list[str]:
    return [f"{name}.{key}" for name, section in SECTIONS.items() for key in section.__struct_fields__]


def _settings(values: Mapping[str, Any], origins: Mapping[str, str]) -> Settings:
    sections: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        name, _, item = key.partition(".")
        kind = {found.name: found.type for found in msgspec.structs.fields(SECTIONS[name])}[item]
        try:
            if isinstance(value, str) and origins[key] in ("environment", "argument"):
                sections.setdefault(name, {})[item] = _from_text(value, kind)
            else:
                sections.setdefault(name, {})[item] = msgspec.convert(value, kind)
        except (msgspec.ValidationError, ValueError) as error:
            raise CannotStart(f"{key} (from {origins[key]}) cannot be {value!r}: {error}.") from error
    made: Any = {}
    for name, found in sections.items():
        try:
            made[name] = SECTIONS[name](**found)
        except ValueError as error:
            raise CannotStart(f"[{name}] cannot be: {error}.") from error
    return Settings(**made)


def _from_text(text: str, kind: Any) -> Any:
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if not text and type(None) in get_args(kind):
        return None
    if kind is bool:
        return msgspec.convert(
            {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text), bool
        )
    return msgspec.convert(text, kind, strict=False)


def _file(path: Path, shown: str) -> dict[str, Any]:
    return _values(_document(path, shown), shown)


def _administrator(path: Path) -> tuple[dict[str, Any], frozenset[str]]:
    """The administrator's values, and which keys their `lock = ["section.key"]` closes to everybody else."""
    shown = "the administrator's config.toml"
    document = _document(path, shown)
    locks = document.pop("lock", [])
    if not isinstance(locks, list):
        raise CannotStart(f'{shown}: lock must be a list such as ["server.port"].')
    values = _values(document, shown)
    locked = frozenset(known_key(str(key), shown) for key in locks)
    if missing := sorted(locked - values.keys()):
        raise CannotStart(f"{shown} locks {', '.join(missing)} without giving a value.")
    return values, locked


def _document(path: Path, shown: str) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"{shown} cannot be read: {error}. Correct it or move it away.") from error
    import tomllib  # most people have no such file, and the daemon starts sooner without it

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CannotStart(f"{shown} is not TOML: {error}.") from error


def _values(document: Mapping[str, Any], shown: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, section in document.items():
        if not isinstance(section, dict):
            raise CannotStart(
                f"{shown}: {name} must be a section such as [{_nearest(name, list(SECTIONS))}]."
            )
        for key, value in section.items():
            found[known_key(f"{name}.{key}", shown)] = value
    return found


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Of our sections. Other programs have variables of this form too; one that looks like a slip of ours is
    taken for one."""
    found = {}
    for name, text in environ.items():
        if match := re.fullmatch(r"MODELHUB_([A-Z0-9]+)_([A-Z0-9_]+)", name):
            key = f"{match[1]}.{match[2]}".lower()
            if match[1].lower() in SECTIONS or difflib.get_close_matches(key, all_keys(), cutoff=0.85):
                found[known_key(key, f"the environment ({name})")] = text
    return found


def known_key(key: str, where: str) -> str:
    """The key itself.

    Raises:
        CannotStart: there is no such key; the nearest is named.
    """
    keys = all_keys()
    if key not in keys:
        raise CannotStart(
            f"{where} sets {key!r}, which does not exist. Did you mean {_nearest(key, keys)!r}?"
        )
    return key


def _nearest(word: str, known: list[str]) -> str:
    return (difflib.get_close_matches(word, known, n=1, cutoff=0.0) or known)[0]


def _flat(settings: Settings) -> dict[str, Any]:
    return {
        f"{name}.{key}": getattr(getattr(settings, name), key)
        for name, section in SECTIONS.items()
        for key in section.__struct_fields__
    }
