"""One frozen `RegistryConfig`, read once: argument > environment > `registry.toml` in the state folder."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import platformdirs
from msgspec import Meta

from modelhubd.errors import CannotStart

DEFAULT_PORT = 7718
ENVIRONMENT = "MODELHUB_REGISTRY_"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_NAME = re.compile(r"[a-z0-9][a-z0-9./-]{0,127}")


class RegistryConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting there is; the field names are the file's names."""

    state_dir: Path
    """Where the database (SQLite) and the keys are."""
    database: str = ""
    """Address of the database, `postgresql://…`; empty is a SQLite file in the state folder."""
    connections: Annotated[int, Meta(ge=2, le=200)] = 10
    """To PostgreSQL, at most, of this process."""
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = DEFAULT_PORT
    """0 takes a free one."""
    tls_cert: str = ""
    """A PEM file with the certificate and its chain."""
    tls_key: str = ""
    behind_proxy: bool = False
    """A proxy that speaks TLS stands before it: without TLS it may then listen to other machines."""
    name: str = "modelhub-registry"
    """Of this registry, the origin of its audit log; chosen at the first start and kept from then on."""
    four_eyes: bool = True
    """Whether nobody may approve what they have published themselves."""
    require_digest: bool = True
    """Whether a file without a SHA-256 keeps a version from approval."""
    allow_origins: tuple[str, ...] = ()
    """Origins of artifacts that are fine although they are http or private: machines are set up for them."""
    requests_per_s: Annotated[float, Meta(gt=0)] = 50.0
    """Of one principal, in the long run, to this process."""
    requests_at_once: Annotated[int, Meta(ge=1)] = 400
    """Of one principal that has been quiet for a while."""
    timestamp_s: Annotated[int, Meta(ge=60)] = 86_400
    """How long the signed catalog counts as fresh without the registry being heard of."""
    timestamp_renewal_s: Annotated[int, Meta(ge=1)] = 3600
    """Age at which the timestamp is made again."""
    metadata_s: Annotated[int, Meta(ge=120)] = 7 * 86_400
    """How long snapshot and targets metadata is good; made again at half of it."""
    root_s: Annotated[int, Meta(ge=86_400)] = 365 * 86_400
    """How long a root is good; only the root keys can make another one."""
    superseded_s: Annotated[int, Meta(ge=0)] = 900
    """How long files of an older release are kept for those in the middle of a refresh."""
    drain_s: Annotated[float, Meta(ge=0, le=600)] = 10.0
    """Seconds that requests in flight are waited for at the end."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "text", "json"] = "auto"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                "name has lower-case letters, digits and . / - only, such as registry.example.org"
            )
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("tls_cert and tls_key go together")
        if self.host not in LOOPBACK and not self.tls_cert and not self.behind_proxy:
            raise ValueError(
                f"host {self.host!r} lets other machines in, so it needs tls_cert and tls_key, or "
                "behind_proxy where a proxy that speaks TLS stands before it"
            )

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite+aiosqlite:///{self.state_dir / 'registry.db'}"


def default_state_dir(environ: Mapping[str, str]) -> Path:
    """`$MODELHUB_REGISTRY_STATE_DIR`, else `registry` under `$MODELHUB_HOME`, else the platform's."""
    if chosen := environ.get(f"{ENVIRONMENT}STATE_DIR", ""):
        return Path(chosen).expanduser().absolute()
    if home := environ.get("MODELHUB_HOME", ""):
        return Path(home).expanduser().absolute() / "registry"
    return Path(platformdirs.PlatformDirs("modelhub-registry", appauthor=False).user_state_dir)


def read_config(environ: Mapping[str, str], arguments: Mapping[str, Any]) -> RegistryConfig:
    """Merge the layers. An argument that is None was not given.

    Raises:
        CannotStart: an unknown key, or a value that cannot be.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    state_dir = Path(given.pop("state_dir", None) or default_state_dir(environ)).absolute()
    known = set(RegistryConfig.__struct_fields__)
    values = _file(state_dir / "registry.toml", known)
    for name in sorted(known - {"state_dir"}):
        if (text := environ.get(ENVIRONMENT + name.upper())) is not None:
            values[name] = _plain(text)
            if name == "allow_origins":
                values[name] = [part.strip() for part in text.split(",") if part.strip()]
    values |= {name: _plain(value) if isinstance(value, str) else value for name, value in given.items()}
    try:
        return msgspec.convert(values | {"state_dir": os.fspath(state_dir)}, RegistryConfig, strict=False,
                               dec_hook=_decoded)  # fmt: skip
    except (msgspec.ValidationError, ValueError) as error:
        raise CannotStart(f"The registry cannot be configured so: {error}.") from error


def _file(path: Path, known: set[str]) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CannotStart(f"registry.toml cannot be read: {error}. Correct it or move it away.") from error
    if unknown := sorted(found.keys() - known):
        raise CannotStart(
            f"registry.toml sets {', '.join(unknown)}, which does not exist. "
            f"Known are {', '.join(sorted(known))}."
        )
    return found


def _plain(text: str) -> Any:
    """`on` and `off` are what people say of switches."""
    return {"on": True, "off": False}.get(text.lower(), text)


def _decoded(kind: type, value: Any) -> Any:
    return kind(value)
