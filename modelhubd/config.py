"""One frozen `Config`, read once at the start from layers: default < file < saved < environment < argument
< administrator's lock."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct, field

from modelhubd.errors import CannotStart
from modelhubd.places import Places
from modelhubd.trust.names import is_option_id, is_reference
from modelhubd.wire.downloads import SLOWEST, Connections, MaxActive, fault_in_schedule
from modelhubd.wire.servers import LoadDefaults
from modelhubd.wire.settings import clashes
from modelhubd.wire.status import ConfigValue

DEFAULT_PORT = 7717
GIB = 1024**3
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True):
    port: Annotated[int, Meta(ge=0, le=65535)] = DEFAULT_PORT
    """Of loopback TCP; 0 takes a free one, which `runtime.json` names."""
    tcp: bool = True
    allow_origins: tuple[str, ...] = ()
    """Web origins whose pages may call the API."""
    embed_origins: tuple[str, ...] = ()
    """Applications that may show the page in a frame."""


class ModelsConfig(msgspec.Struct, frozen=True, kw_only=True):
    dir: str = ""
    """Where models are kept; empty is the data folder of the platform."""
    reserve_bytes: Annotated[int, Meta(ge=0)] = 2 * GIB
    """Free disk that downloads leave alone."""


class DownloadsConfig(msgspec.Struct, frozen=True, kw_only=True):
    max_active: MaxActive = 2
    """Downloads that run at once."""
    connections: Connections = 16
    """Per download, at most."""
    max_bytes_per_s: Annotated[int, Meta(ge=0)] = 0
    """Over all downloads; 0 is without a limit."""
    schedule: str = ""
    """Hours of the day, local time, in which downloads run, such as `22:00-06:00`; empty is always."""
    allow_origins: tuple[str, ...] = ()
    """Origins that may be http or have a private address, such as `http://mirror.example:8080`."""

    def __post_init__(self) -> None:
        if 0 < self.max_bytes_per_s < SLOWEST:
            raise ValueError(f"max_bytes_per_s must be 0 or at least {SLOWEST}")
        if (reason := fault_in_schedule(self.schedule)) is not None:
            raise ValueError(f"schedule cannot be {self.schedule!r}: {reason}")


class UpdatesConfig(msgspec.Struct, frozen=True, kw_only=True):
    automatic: bool = False
    """Whether newer versions of what is installed are downloaded and put in its place by themselves. What a
    policy or a requirement holds back is not, and the old version is kept."""
    window: str = "02:00-05:00"
    """Hours of the day, local time, in which that begins; empty is always. Downloads keep to their own
    schedule and limits."""

    def __post_init__(self) -> None:
        if (reason := fault_in_schedule(self.window)) is not None:
            raise ValueError(f"window cannot be {self.window!r}: {reason}")


class CatalogConfig(msgspec.Struct, frozen=True, kw_only=True):
    registry_url: str = ""
    """Address of the organisation's registry, such as `https://models.example.org`; empty is none. http is
    for this machine itself and for origins in `downloads.allow_origins`."""
    registry_root: str = ""
    """Path of the TUF root that the registry's catalog is checked by: its `1.root.json`, from somebody you
    trust. Metadata beside it (`timestamp.json`, `snapshot.json`, `targets.json`) counts as seen before."""
    sync_interval_s: Annotated[int, Meta(ge=10, le=7 * 86400)] = 3600
    """Between looks at the registry, give or take a tenth."""


class PolicyConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What this machine may use; see docs/decisions/0030. An administrator's file may lock each."""

    require_verified: bool = False
    """Only models that an administrator of the registry has verified."""
    require_signature: bool = False
    """Only versions that their publisher has signed with a key that the registry pins."""
    require_digest: bool = False
    """Only options whose files all have a SHA-256."""
    allowed_publishers: tuple[str, ...] = ()
    """First parts of the ids that may be used; empty allows all."""
    local_entries: bool | None = None
    """Whether files in `catalog.d` count; unset is yes without a registry and no with one."""
    direct_urls: bool | None = None
    """Whether downloads may name an address of their own; unset is yes without a registry and no with one."""
    offline: bool = False
    """No outbound connection at all."""
    report_installs: bool = True
    """Whether installs are counted at the organisation's registry."""

    def __post_init__(self) -> None:
        for publisher in self.allowed_publishers:
            if not is_option_id(publisher):
                raise ValueError(f"allowed_publishers cannot hold {publisher!r}: write the first part of ids")


class LlamaConfig(msgspec.Struct, frozen=True, kw_only=True):
    binary: str = ""
    """Path of the llama-server to use; empty looks on PATH, then for the built-in one."""
    memory_budget_bytes: Annotated[int, Meta(ge=0)] = 0
    """For all loaded models together; 0 is what is available, less a reserve."""
    default_ttl_s: Annotated[int, Meta(ge=-1)] = 900
    """Seconds after which an idle server is unloaded; -1 never."""
    drain_s: Annotated[float, Meta(ge=0, le=600)] = 5.0
    """Seconds that requests in flight are waited for when a server stops."""
    max_waiting: Annotated[int, Meta(ge=1, le=10_000)] = 128
    """Requests that may wait for one model, to be loaded or to answer; more are told to come back later."""
    aliases: tuple[str, ...] = ()
    """Further names of models for the gateway, such as `gpt-4o-mini=qwen/qwen3-8b`."""

    def __post_init__(self) -> None:
        for alias in self.aliases:
            name, equals, meant = alias.partition("=")
            if not (equals and _ALIAS.fullmatch(name) and is_reference(meant)):
                raise ValueError(
                    f"aliases cannot hold {alias!r}: write name=publisher/name, the name without a slash"
                )
        if len({alias.partition("=")[0] for alias in self.aliases}) != len(self.aliases):
            raise ValueError("aliases name something twice")

    @property
    def meaning(self) -> dict[str, str]:
        """Alias → the reference it stands for."""
        return dict(alias.split("=", 1) for alias in self.aliases)


class LoadConfig(LoadDefaults, frozen=True, kw_only=True):
    """What every load begins with, where neither the catalog's entry nor somebody using it says otherwise. A
    locked key holds for every load. How long an idle one stays is `llama.default_ttl_s`."""

    def __post_init__(self) -> None:
        for clash in clashes(self):
            raise ValueError(f"{clash.fields[0]} = {getattr(self, clash.fields[0])}: {clash.reason}")


class LogConfig(msgspec.Struct, frozen=True, kw_only=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"
    """`auto` is text on a terminal and JSON otherwise."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every section and key there is; the field names are the file's names."""

    server: ServerConfig = ServerConfig()
    models: ModelsConfig = ModelsConfig()
    downloads: DownloadsConfig = DownloadsConfig()
    updates: UpdatesConfig = UpdatesConfig()
    catalog: CatalogConfig = CatalogConfig()
    policy: PolicyConfig = PolicyConfig()
    llama: LlamaConfig = LlamaConfig()
    load: LoadConfig = LoadConfig()
    log: LogConfig = LogConfig()


SECTIONS: dict[str, type[msgspec.Struct]] = {
    item.name: item.type for item in msgspec.structs.fields(Settings)
}


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
    lay("argument", {_known(key, "the command line"): text for key, text in (arguments or {}).items()})
    lay("administrator", {key: administrator[key] for key in locked})
    return Config(
        settings=_settings(values, origins),
        origins=origins,
        locked=locked,
        places=places,
        environ=dict(environ),
    )


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
    locked = frozenset(_known(str(key), shown) for key in locks)
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
            found[_known(f"{name}.{key}", shown)] = value
    return found


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Of our sections. Other programs have variables of this form too; one that looks like a slip of ours is
    taken for one."""
    found = {}
    for name, text in environ.items():
        if match := re.fullmatch(r"MODELHUB_([A-Z0-9]+)_([A-Z0-9_]+)", name):
            key = f"{match[1]}.{match[2]}".lower()
            if match[1].lower() in SECTIONS or difflib.get_close_matches(key, all_keys(), cutoff=0.85):
                found[_known(key, f"the environment ({name})")] = text
    return found


def _known(key: str, where: str) -> str:
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
