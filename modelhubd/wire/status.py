"""What the daemon says of itself."""

import msgspec

from modelhubd.wire.base import Message, Request
from modelhubd.wire.catalog import CatalogInfo
from modelhubd.wire.records import RecordsSummary

API_MIN, API_MAX = 1, 1


class ApiRange(Message, frozen=True, kw_only=True):
    min: int
    max: int


class Version(Message, frozen=True, kw_only=True):
    version: str
    api: ApiRange
    epoch: str
    features: tuple[str, ...]


class Health(Message, frozen=True, kw_only=True):
    status: str = "ok"


class QueueSummary(Message, frozen=True, kw_only=True):
    queued: int
    active: int
    waiting: int
    paused: int
    failed: int
    rate_bytes_per_s: float
    held_until: str | None = None
    """The schedule lets nothing run before then."""
    leftovers: int = 0
    """Partial files that belong to no download."""
    leftover_bytes: int = 0


class Outbound(Message, frozen=True, kw_only=True):
    """A host the daemon has ever connected to, what for, and how many times."""

    host: str
    purpose: str
    connections: int
    first_at: str | None = None
    last_at: str | None = None


class FirstRunSummary(Message, frozen=True, kw_only=True):
    """How many downloads of the first run are in which state."""

    waiting: int = 0
    enqueued: int = 0
    done: int = 0
    skipped: int = 0


class Status(Message, frozen=True, kw_only=True):
    version: str
    pid: int
    epoch: str
    started_at: str
    uptime_s: float
    models_installed: int
    servers_running: int
    catalog: CatalogInfo
    downloads: QueueSummary
    disk_free_bytes: int | None
    disk_used_bytes: int
    """By installed models."""
    rss_bytes: int
    llama_server: str | None
    """Version of the build that loads models; None when there is none."""
    outbound: tuple[Outbound, ...]
    warnings: tuple[str, ...] = ()
    first_run: FirstRunSummary = FirstRunSummary()
    records: RecordsSummary = RecordsSummary(state="off")


class ConfigValue(Message, frozen=True, kw_only=True):
    value: str | int | float | bool | tuple[str, ...] | None
    source: str
    """`default`, `file`, `saved`, `environment`, `argument` or `administrator`."""
    locked: bool = False


class ConfigAnswer(Message, frozen=True, kw_only=True):
    values: dict[str, ConfigValue] = msgspec.field(default_factory=dict)


class SessionCode(Message, frozen=True, kw_only=True):
    code: str
    expires_in_s: int
    url: str | None


class SessionRequest(Request, frozen=True, kw_only=True):
    code: str


class SessionToken(Message, frozen=True, kw_only=True):
    token: str
    expires_at: str


class RuntimeInfo(Message, frozen=True, kw_only=True):
    """`runtime.json`: where a daemon can be reached. A hint only."""

    pid: int
    socket: str
    url: str | None
    token_file: str
    version: str
    api: int
    epoch: str
