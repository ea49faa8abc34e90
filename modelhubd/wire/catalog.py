"""Catalog entries as publishers write them, and what catalog routes answer.

`gc=False`: they come by the ten thousand and hold no cycles, and the collector would stop everything to look.
"""

from enum import StrEnum

import msgspec

from modelhubd.wire.architecture import Architecture
from modelhubd.wire.base import Message, Page
from modelhubd.wire.fit import Fit
from modelhubd.wire.servers import ModelSettings


class Format(StrEnum):
    GGUF = "gguf"
    MLX = "mlx"
    SAFETENSORS = "safetensors"


class Role(StrEnum):
    MODEL = "model"
    SHARD = "shard"
    PROJECTOR = "projector"
    DRAFT = "draft"
    CONFIG = "config"
    TOKENIZER = "tokenizer"


class OptionFile(Message, frozen=True, kw_only=True, gc=False):
    """One file of an option. `sha256` (64 lower-case hex digits) and `size_bytes` are None where unknown."""

    name: str
    role: Role = Role.MODEL
    size_bytes: int | None = None
    sha256: str | None = None
    urls: tuple[str, ...] = ()


class Option(Message, frozen=True, kw_only=True, gc=False):
    """One downloadable form of a version. `size_bytes` is the sum of its files'."""

    id: str
    format: Format
    quantization: str | None = None
    quantizer: str | None = None
    size_bytes: int | None = None
    files: tuple[OptionFile, ...]

    @property
    def has_digests(self) -> bool:
        """Whether every file carries a SHA-256; an option without is shown as unverified."""
        return all(file.sha256 is not None for file in self.files)


class License(Message, frozen=True, kw_only=True, gc=False):
    spdx: str | None = None
    name: str | None = None
    url: str | None = None
    commercial: bool | None = None
    gated: bool | None = None


class VersionNote(Message, frozen=True, kw_only=True):
    version: int
    published_at: str | None = None
    published_by: str | None = None
    notes: str | None = None


class Requires(Message, frozen=True, kw_only=True):
    """PEP 440 specifiers: per application id, for the daemon, for the llama-server build."""

    app: dict[str, str] = msgspec.field(default_factory=dict)
    daemon: str | None = None
    llama_server: str | None = None


class Hardware(Message, frozen=True, kw_only=True):
    """Declared needs; they can only make a verdict stricter. Memory is the main memory and that of graphics
    cards together. Empty tuples allow everything."""

    min_ram_bytes: int | None = None
    recommended_ram_bytes: int | None = None
    os: tuple[str, ...] = ()
    arch: tuple[str, ...] = ()


class Signature(Message, frozen=True, kw_only=True, gc=False):
    """One of a DSSE envelope: base64 of the signature, and the id of the key that made it."""

    keyid: str
    sig: str


class Envelope(Message, frozen=True, kw_only=True, gc=False):
    """A DSSE envelope (https://github.com/secure-systems-lab/dsse) around an in-toto statement."""

    payload: str
    """Base64 of the statement's JSON."""
    payload_type: str = msgspec.field(name="payloadType", default="application/vnd.in-toto+json")
    signatures: tuple[Signature, ...]


class CatalogEntry(Message, frozen=True, kw_only=True, gc=False):
    """One model as the floor, a registry or a `catalog.d` file states it; `id` and `options` are required."""

    id: str
    options: tuple[Option, ...]
    display_name: str | None = None
    publisher: str | None = None
    description: str | None = None
    parameters: int | None = None
    active_parameters: int | None = None
    capabilities: tuple[str, ...] = ()
    license: License = License()
    tags: tuple[str, ...] = ()
    context_length: int | None = None
    architecture: Architecture = Architecture()
    base_model: str | None = None
    homepage: str | None = None
    verified: bool = False
    published_by: str | None = None
    published_at: str | None = None
    version: int = 1
    versions: tuple[VersionNote, ...] = ()
    requires: Requires = Requires()
    hardware: Hardware = Hardware()
    settings: ModelSettings = ModelSettings()
    """Recommended for loads of this version."""
    envelopes: tuple[Envelope, ...] = ()
    """Signatures of the publisher over this version; see `entries.content`."""
    older: "tuple[CatalogEntry, ...]" = ()
    """Older versions for programs that cannot use this one, newest first, without what they share with it:
    see `entries.older`."""


class Counters(Message, frozen=True, kw_only=True, gc=False):
    downloads: int = 0
    stars: int = 0


class JudgedOption(Message, frozen=True, kw_only=True):
    """An option with its verdict for this device. `digest` identifies its bytes; None where unverified."""

    id: str
    format: Format
    quantization: str | None = None
    quantizer: str | None = None
    size_bytes: int | None = None
    files: tuple[OptionFile, ...]
    digest: str | None
    unverified: bool
    installed: bool = False
    fit: Fit
    allowed: bool = True
    refusal: str | None = None
    """Which policy forbids it, who has set that, and what can be done."""


class ModelSummary(Message, frozen=True, kw_only=True, gc=False):
    """A search result. `fit` is that of `best_option`, the one a bare download would choose, or of the least
    bad option when none would be."""

    id: str
    display_name: str
    publisher: str
    description: str | None
    parameters: int | None
    active_parameters: int | None
    capabilities: tuple[str, ...]
    license: License
    tags: tuple[str, ...]
    context_length: int | None
    verified: bool
    source: str
    """`registry`, `floor` or `local`."""
    version: int
    published_at: str | None
    counters: Counters
    installed: bool
    formats: tuple[Format, ...]
    n_options: int
    best_option: str | None
    size_bytes: int | None
    """Of the best option."""
    fit: Fit
    allowed: bool = True
    """Whether the policies of this machine let it be used; see `GET /policy`."""
    refusal: str | None = None
    held_back: str | None = None
    """Why it is not for the program that asks, this daemon or its llama-server."""
    usable_version: int | None = None
    """What they get instead: the newest older version that is for them, if there is one."""


class FacetValue(Message, frozen=True, kw_only=True):
    value: str
    count: int


class CatalogPage(Page[ModelSummary], frozen=True, kw_only=True):
    """Search results; each facet counts what selecting that value would give under the other filters."""

    facets: dict[str, tuple[FacetValue, ...]]


class ModelDetail(Message, frozen=True, kw_only=True):
    """The whole entry, judged for this device."""

    id: str
    display_name: str
    publisher: str
    description: str | None
    parameters: int | None
    active_parameters: int | None
    capabilities: tuple[str, ...]
    license: License
    tags: tuple[str, ...]
    context_length: int | None
    architecture: Architecture
    base_model: str | None
    homepage: str | None
    verified: bool
    source: str
    published_by: str | None
    published_at: str | None
    version: int
    versions: tuple[VersionNote, ...]
    requires: Requires
    hardware: Hardware
    settings: ModelSettings = ModelSettings()
    """Recommended for loads of this version."""
    counters: Counters
    best_option: str | None
    fit: Fit
    options: tuple[JudgedOption, ...]
    installed_versions: tuple[int, ...]
    allowed: bool = True
    """Whether the policies of this machine let it be used, in one option at least; see `GET /policy`."""
    refusal: str | None = None
    held_back: str | None = None
    """Why this version is not for the program that asks, this daemon or its llama-server."""
    usable_version: int | None = None
    """What they get instead: the newest older version that is for them, if there is one."""


class CatalogFault(Message, frozen=True, kw_only=True):
    """One bad entry: `file` is a bare file name, `pointer` a JSON pointer into it."""

    file: str
    pointer: str
    reason: str


class SyncError(Message, frozen=True, kw_only=True):
    """Why the registry's catalog was not taken the last time. `code` is stable, `detail` says what to do."""

    code: str
    detail: str
    at: str


class AuditAlarm(Message, frozen=True, kw_only=True):
    """The registry's audit log is not a continuation of the one seen before. Stays until acknowledged."""

    code: str
    """`audit_forked`, `audit_shrunk`, `audit_other_log`, `audit_key_changed` or `audit_bad_checkpoint`."""
    detail: str
    at: str


class AuditWitness(Message, frozen=True, kw_only=True):
    """The last checkpoint of the registry's audit log that was consistent with all before it."""

    size: int
    root_hash: str
    """Hex."""
    alarm: AuditAlarm | None = None


class CatalogInfo(Message, frozen=True, kw_only=True):
    """Where the catalog comes from. `source` is `registry` or `floor`; `local_entries` come on top.

    `synced_at` is when its entries were last taken in. Where a registry is set, `checked_at` is when it last
    vouched for them, until `expires_at`; from then on they are `stale`.
    """

    source: str
    revision: str
    models: int
    local_entries: int
    faults: tuple[CatalogFault, ...] = ()
    synced_at: str | None = None
    expires_at: str | None = None
    stale: bool = False
    stale_since: str | None = None
    registry: str | None = None
    """Origin of the registry that is set; None without one."""
    published_at: str | None = None
    """When the registry made this revision."""
    checked_at: str | None = None
    last_error: SyncError | None = None
    """Of the last sync, if that failed."""
    audit: AuditWitness | None = None
    clock_ahead_s: float | None = None
    """How far this machine's clock is ahead of the registry's, as its last answer told."""
