"""The event stream on the wire."""

from typing import Any

from modelhubd.wire.base import Message

STATE_TYPES = (
    "download.created", "download.changed", "download.removed", "download.limits", "catalog.synced",
    "catalog.stale", "library.added", "library.changed", "library.removed", "library.job",
    "update.available", "update.removed", "server.changed", "server.removed", "device.changed",
    "policy.changed", "record.audit", "trial.changed", "trial.removed", "evaluation.changed",
    "evaluation.removed",
)  # fmt: skip
GAUGE_TYPES = (
    "download.progress", "library.progress", "record.stats", "server.load", "evaluation.progress",
)  # fmt: skip
TOPICS = (
    "downloads", "library", "servers", "updates", "catalog", "device", "policy", "records", "trials",
    "evaluations",
)  # fmt: skip

TOPIC_OF_PREFIX = {
    "download": "downloads", "catalog": "catalog", "library": "library", "update": "updates",
    "server": "servers", "device": "device", "policy": "policy", "record": "records", "trial": "trials",
    "evaluation": "evaluations",
}  # fmt: skip


class Hello(Message, frozen=True, kw_only=True):
    """First on every stream. `reason`: None when resumed, else `fresh`, `restarted`, `expired`, `unknown`."""

    epoch: str
    resumed: bool
    reason: str | None
    heartbeat_s: float


class Snapshot(Message, frozen=True, kw_only=True):
    """The whole state under the asked topics. `reason` adds `lagged` to those of `Hello`."""

    reason: str
    state: dict[str, Any]


class StateAnswer(Message, frozen=True, kw_only=True):
    cursor: str
    state: dict[str, Any]


class Frame(Message, frozen=True, kw_only=True, omit_defaults=True):
    """One NDJSON line; gauges and housekeeping frames carry no id."""

    id: str | None = None
    type: str
    data: Any = None


class Removed(Message, frozen=True, kw_only=True):
    id: str


class DownloadProgress(Message, frozen=True, kw_only=True):
    """Gauge `download.progress`."""

    id: str
    done_bytes: int
    total_bytes: int | None
    rate_bytes_per_s: float
    eta_s: float | None
    verified_bytes: int = 0
