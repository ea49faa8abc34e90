"""Running models."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from modelhubd.wire.base import Message, Request

KvType = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]
Switch = Literal["auto", "on", "off"]
Ctx = Annotated[int, Meta(ge=0, le=16_777_216)]
ReasoningBudget = Annotated[int, Meta(ge=-1, le=1_000_000)]
SettingValue = int | str | bool | None


class ServerState(StrEnum):
    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self in (ServerState.STOPPED, ServerState.FAILED)


class LoadDefaults(Request, frozen=True, kw_only=True, omit_defaults=True):
    """What a load may set and a machine may have a habit of; None leaves a field to the layer below."""

    ctx: Ctx | None = None
    """Context length in tokens; 0 is the model's own."""
    gpu_layers: Annotated[int, Meta(ge=0, le=999)] | Literal["auto", "all"] | None = None
    threads: Annotated[int, Meta(ge=1, le=1024)] | None = None
    flash_attention: Switch | None = None
    kv_type_k: KvType | None = None
    kv_type_v: KvType | None = None
    reasoning: Switch | None = None
    reasoning_budget: ReasoningBudget | None = None
    """Tokens a model may think; -1 is unlimited."""
    parallel: Annotated[int, Meta(ge=1, le=256)] | None = None
    batch: Annotated[int, Meta(ge=1, le=65_536)] | None = None
    mmap: bool | None = None
    mlock: bool | None = None
    seed: Annotated[int, Meta(ge=0, le=4_294_967_295)] | None = None


class LoadSettings(LoadDefaults, frozen=True, kw_only=True, omit_defaults=True):
    """What a load may set; None leaves a field to the layer below."""

    ttl_s: Annotated[int, Meta(ge=-1)] | None = None
    """Seconds an idle server stays; -1 is for ever."""


class ModelSettings(Message, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a catalog entry recommends: what is the model's own and not a machine's."""

    ctx: Ctx | None = None
    flash_attention: Switch | None = None
    kv_type_k: KvType | None = None
    kv_type_v: KvType | None = None
    reasoning: Switch | None = None
    reasoning_budget: ReasoningBudget | None = None


class EffectiveSetting(Message, frozen=True, kw_only=True):
    """One setting in force and the layer it comes from: `default`, then what the configuration says
    (`administrator`, `file`, `environment`, `argument`), `model` (the catalog's entry), `saved`, `load`."""

    value: SettingValue
    origin: str


class SettingsAnswer(Message, frozen=True, kw_only=True):
    """Load settings of an installed option, all of them by name, and what is saved of them."""

    saved: dict[str, SettingValue]
    effective: dict[str, EffectiveSetting]
    """What a load that sets nothing would have."""
    defaults: dict[str, EffectiveSetting]
    """The same, if nothing were saved."""
    locked: tuple[str, ...] = ()
    """Settings that the administrator has locked."""
    notes: tuple[str, ...] = ()
    """What is allowed and worth knowing, and why a load would be refused."""
    revision: str
    """Of this answer: its ETag without the quotes."""


class LoadRequest(Request, frozen=True, kw_only=True):
    library_id: str
    """An artifact's id, or a model reference, which means its active artifact."""
    settings: LoadSettings = LoadSettings()
    name: str | None = None
    ttl_s: Annotated[int, Meta(ge=-1)] | None = None
    force: bool = False


class EstimateRequest(Request, frozen=True, kw_only=True):
    settings: LoadSettings = LoadSettings()


class DeviceShare(Message, frozen=True, kw_only=True):
    """The part of a load on one graphics card, in bytes, and the memory that is free there now."""

    id: str
    name: str
    needed_bytes: int
    free_bytes: int
    total_bytes: int
    fits: bool


class Estimate(Message, frozen=True, kw_only=True):
    """Memory a load will take, in bytes, and whether it is there."""

    weights_bytes: int
    kv_bytes: int
    compute_bytes: int
    overhead_bytes: int
    total_bytes: int
    available_bytes: int
    fits: bool
    reason: str
    ctx: int
    basis: str = "formula"
    """What the figures come from: `formula`, `llama-fit-params` (llama.cpp's own), or `measured` (earlier
    loads on this machine correct them)."""
    devices: tuple[DeviceShare, ...] = ()
    """What goes to graphics cards; the rest is in main memory."""
    evicts: tuple[str, ...] = ()
    settings: dict[str, EffectiveSetting] = msgspec.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What is allowed and worth knowing, such as a context beyond the model's own."""


class LoadPlan(Message, frozen=True, kw_only=True):
    """What a load would do, as `POST /servers?dry_run=true` answers it."""

    library_id: str
    model: str
    version: int
    option: str
    name: str
    running: str | None = None
    """Id of the server that runs it so already: it would be the answer, and nothing would be started."""
    build: str | None = None
    settings: dict[str, EffectiveSetting] = msgspec.field(default_factory=dict)
    estimate: Estimate
    options: tuple[str, ...] = ()
    """The command line, without files and addresses."""
    ignored: tuple[str, ...] = ()
    """Settings that nobody asked for and that this build has no option for."""


class ServerMemory(Message, frozen=True, kw_only=True):
    estimated_bytes: int | None = None
    measured_bytes: int | None = None


class ServerError(Message, frozen=True, kw_only=True):
    """`code` is one of out_of_memory bad_model unsupported_architecture bad_setting port_in_use
    binary_missing killed crashed timeout."""

    code: str
    detail: str
    log_tail: tuple[str, ...] = ()


class Server(Message, frozen=True, kw_only=True):
    id: str
    name: str
    library_id: str
    model: str
    version: int
    option: str
    state: ServerState
    pid: int | None = None
    build: str | None = None
    settings: dict[str, EffectiveSetting] = msgspec.field(default_factory=dict)
    memory: ServerMemory = ServerMemory()
    endpoint: str | None = None
    """Path of the gateway that answers for it, such as `/v1`, once ready."""
    error: ServerError | None = None
    load_progress: float | None = None
    """0 to 1 while it loads, where the build tells; as a gauge in between."""
    started_at: str
    ready_at: str | None = None
    last_used_at: str | None = None
    yields: bool = False
    """It was loaded for a trial: it makes way for every other load, and no request is answered by it."""


class ServerLoad(Message, frozen=True, kw_only=True):
    """Gauge `server.load`."""

    id: str
    busy_slots: int
    tokens_per_s: float | None = None
    load_progress: float | None = None
    """0 to 1 while it loads."""
    rss_bytes: int | None = None
