"""What `config.toml` may hold: a struct for each section, whose fields are the keys."""

import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from modelhubd.trust.digests import is_sha256
from modelhubd.trust.names import is_option_id, is_reference
from modelhubd.wire.downloads import SLOWEST, Connections, MaxActive, fault_in_schedule
from modelhubd.wire.servers import LoadDefaults
from modelhubd.wire.settings import clashes

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
    hf_endpoint: str = ""
    """Where `hf:` names are looked up: Hugging Face or a mirror with its API. Empty is `$HF_ENDPOINT`, else
    `https://huggingface.co`."""

    def __post_init__(self) -> None:
        if 0 < self.max_bytes_per_s < SLOWEST:
            raise ValueError(f"max_bytes_per_s must be 0 or at least {SLOWEST}")
        if (reason := fault_in_schedule(self.schedule)) is not None:
            raise ValueError(f"schedule cannot be {self.schedule!r}: {reason}")


class LibraryConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What is installed: how it is looked after, what applications bring, what is downloaded by itself."""

    scrub: Literal["off", "weekly", "monthly"] = "monthly"
    """How often each installed file is read again whole, slowly and only while the machine is idle."""
    scrub_bytes_per_s: Annotated[int, Meta(ge=1024 * 1024, le=1 << 40)] = 32 * 1024 * 1024
    """How fast that is at most."""
    bundles: tuple[str, ...] = ()
    """Folders of bundles that applications ship: their models are used where they are."""
    bundle_keys: tuple[str, ...] = ()
    """Public keys (Ed25519, 64 hex digits) whose signature over a bundle counts as known."""
    first_run: tuple[str, ...] = ()
    """Models that are downloaded once, at the first run: `publisher/name`, perhaps with `:option`."""

    def __post_init__(self) -> None:
        for path in self.bundles:
            if not Path(path).expanduser().is_absolute():
                raise ValueError(f"bundles cannot hold {path!r}: write the whole path")
        for key in self.bundle_keys:
            if not is_sha256(key):
                raise ValueError(f"bundle_keys cannot hold {key!r}: a key has 64 lower-case hex digits")
        for reference in self.first_run:
            if not is_reference(reference):
                raise ValueError(f"first_run cannot hold {reference!r}: write publisher/name")


class UpdatesConfig(msgspec.Struct, frozen=True, kw_only=True):
    automatic: bool = False
    """Whether newer versions of what is installed are downloaded and put in its place by themselves. What a
    policy or a requirement holds back is not, and the old version is kept."""
    trial_first: bool = False
    """Whether an update is installed beside the old version and tried on its requests, and takes its place
    only when somebody promotes the trial."""
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


class RecordsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What passed the gateway, kept on this machine alone: times, counts and names, and no content. Whose
    content is kept is set with `modelhub records audit`."""

    enabled: bool = True
    """Whether requests are recorded."""
    max_age_days: Annotated[int, Meta(ge=1, le=3650)] = 90
    """After which records are deleted."""
    max_bytes: Annotated[int, Meta(ge=8 * 1024 * 1024)] = 512 * 1024 * 1024
    """Of the database; beyond it the oldest records are deleted."""
    confidence: Literal["asked", "always"] = "asked"
    """`always` has chats and completions answered with log-probabilities even where the client does not ask:
    the answers grow, and each record says how sure the model was."""
    allow_content: bool = True
    """Whether content may be kept where somebody switches it on; false keeps none, whatever was set."""
    preview_chars: Annotated[int, Meta(ge=20, le=2000)] = 200
    """Length of a preview."""


class LogConfig(msgspec.Struct, frozen=True, kw_only=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"
    """`auto` is text on a terminal and JSON otherwise."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every section and key there is; the field names are the file's names."""

    server: ServerConfig = ServerConfig()
    models: ModelsConfig = ModelsConfig()
    library: LibraryConfig = LibraryConfig()
    downloads: DownloadsConfig = DownloadsConfig()
    updates: UpdatesConfig = UpdatesConfig()
    catalog: CatalogConfig = CatalogConfig()
    policy: PolicyConfig = PolicyConfig()
    llama: LlamaConfig = LlamaConfig()
    load: LoadConfig = LoadConfig()
    records: RecordsConfig = RecordsConfig()
    log: LogConfig = LogConfig()


SECTIONS: dict[str, type[msgspec.Struct]] = {
    item.name: item.type for item in msgspec.structs.fields(Settings)
}
