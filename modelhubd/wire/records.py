"""What passed the gateway, as it is remembered on this machine."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from modelhubd.wire.base import Message, Request

GroupBy = Literal["model", "version", "app", "node", "day", "hour"]
"""`version` is the exact reference, `publisher/name@1:option`. Days and hours are of UTC."""
SeriesBy = Literal["model", "version", "app", "node", "none"]
Step = Literal["minute", "hour", "day"]
AuditKeep = Literal["preview", "whole"]
MarkValue = Literal["good", "bad"]
MarkReason = Literal["wrong", "format", "unsafe", "slow", "other"]
Days = Annotated[int, Meta(ge=1, le=3650)]


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105  # no password
    """Answered whole, with a status below 400."""
    FAIL = "fail"
    """Refused, answered with an error, or broken off by the server."""
    CANCELLED = "cancelled"
    """The client went away, or did not read."""


class Mark(Message, frozen=True, kw_only=True):
    """What somebody thinks of an answer."""

    value: MarkValue
    reason: MarkReason | None = None
    at: str


class Record(Message, frozen=True, kw_only=True):
    """One request to the gateway. It holds nothing of what was asked or answered. None: not known."""

    id: str
    """Also the header `Modelhub-Record` of the answer."""
    at: str
    """When it came, by the clock of that moment. Lists are in the order in which requests ended."""
    route: str
    streamed: bool
    app: str | None = None
    app_version: str | None = None
    node: str | None = None
    """The step of a workflow that asked, by the header `Modelhub-Node`."""
    model: str | None = None
    """None where no server was reached and no installed model was meant."""
    version: int | None = None
    option: str | None = None
    library_id: str | None = None
    option_digest: str | None = None
    server_build: str | None = None
    settings_digest: str | None = None
    """The first 16 hex digits of the SHA-256 of the server's settings; alike where all of them are."""
    status: int | None = None
    prompt_tokens: int | None = None
    """All of them, those found in the server's cache too."""
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    ttft_s: float | None = None
    """Time to the first token: of one not streamed, by what the server says it took to write."""
    tokens_per_s: float | None = None
    """While writing."""
    latency_s: float
    """To the end, loading and waiting in between."""
    finish_reason: str | None = None
    confidence: float | None = None
    """Mean probability of the tokens written, 0 to 1, where log-probabilities were asked for."""
    outcome: Outcome
    code: str | None = None
    """Why it did not pass."""
    mark: Mark | None = None
    content: AuditKeep | None = None
    """What content is kept of it, because an audit rule says so."""


class Content(Message, frozen=True, kw_only=True):
    """What is kept of request and answer, until `expires_at`."""

    keep: AuditKeep
    request: str | None
    """The body as it came, or of a preview the beginning of the last thing said."""
    answer: str | None
    too_long: bool = False
    """There was more than may be kept: nothing is."""
    expires_at: str


class RecordDetail(Message, frozen=True, kw_only=True):
    record: Record
    content: Content | None = None


class Gap(Message, frozen=True, kw_only=True):
    """Requests that could not be recorded, between two times."""

    since: str
    until: str
    requests: int
    reason: Literal["queue_full", "not_written", "set_aside"]
    """More came than could be written, the disk was full or broken, or the database was not readable."""


class RecordPage(Message, frozen=True, kw_only=True):
    """As every list, and the gaps in the time that it covers."""

    items: tuple[Record, ...]
    next: str | None = None
    total: int
    gaps: tuple[Gap, ...] = ()


class Percentiles(Message, frozen=True, kw_only=True):
    """Within 5 % of the true ones: they come from buckets 10 % wide."""

    p50: float
    p90: float
    p99: float


class Totals(Message, frozen=True, kw_only=True):
    requests: int = 0
    passed: int = 0
    failed: int = 0
    cancelled: int = 0
    good: int = 0
    """Marked so."""
    bad: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    confidence: float | None = None
    """Mean over the requests that have one."""
    ttft_s: Percentiles | None = None
    tokens_per_s: Percentiles | None = None
    latency_s: Percentiles | None = None
    """All three of requests that passed."""


class Group(Message, frozen=True, kw_only=True):
    """`key` is the model, app or node, None where there was none; of hours and days when they begin."""

    key: str | None
    totals: Totals


class RecordStats(Message, frozen=True, kw_only=True):
    """Times are whole hours: `since` is rounded down and `until` up. The largest groups come first, of times
    the oldest."""

    by: GroupBy
    since: str | None
    until: str | None
    total: Totals
    groups: tuple[Group, ...]
    more: int = 0
    """Groups that are left out."""
    gaps: tuple[Gap, ...] = ()


class Point(Message, frozen=True, kw_only=True):
    """One step of time; those without requests are left out. Seconds, tokens per second: medians."""

    at: str
    requests: int
    failed: int
    cancelled: int
    prompt_tokens: int
    completion_tokens: int
    ttft_s: float | None
    tokens_per_s: float | None
    latency_s: float | None
    latency_p90_s: float | None


class Line(Message, frozen=True, kw_only=True):
    """`key` as in `Group`; `rest` where it stands for all that have no line of their own."""

    key: str | None
    rest: bool = False
    points: tuple[Point, ...]


class RecordSeries(Message, frozen=True, kw_only=True):
    """Figures over time, for plots: a line for each of the largest groups, then one for the rest."""

    by: SeriesBy
    step: Step
    since: str
    until: str
    lines: tuple[Line, ...]
    gaps: tuple[Gap, ...] = ()


class Feedback(Request, frozen=True, kw_only=True):
    """A mark in place of the one before; none takes it back."""

    mark: MarkValue | None = None
    reason: MarkReason | None = None


class AuditRule(Request, frozen=True, kw_only=True):
    """Content is kept of what matches: exactly one of `node`, `app` and `model` is named."""

    keep: AuditKeep
    node: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    app: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    model: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """`publisher/name`."""
    max_age_days: Days = 7
    """After which the content is deleted; the record stays as long as records do."""


class Audit(Message, frozen=True, kw_only=True):
    """Whose content is kept. No rule, no content."""

    rules: tuple[AuditRule, ...]
    allowed: bool
    """Whether this machine's configuration lets content be kept at all."""
    contents: int = 0
    """Records whose content is kept just now, under earlier rules too."""


class SetAudit(Request, frozen=True, kw_only=True):
    """These rules and no others. `forget` deletes the content that no rule covers any more."""

    rules: Annotated[tuple[AuditRule, ...], Meta(max_length=100)]
    forget: bool = True


class Purge(Request, frozen=True, kw_only=True):
    """Deletes what all that is named holds for; `all` must be set where nothing is."""

    all: bool = False
    before: str | None = None
    """RFC 3339."""
    model: str | None = None
    app: str | None = None
    node: str | None = None
    content_only: bool = False
    """The content goes, the records stay."""
    set_aside: bool = False
    """Databases that were set aside go too."""


class Purged(Message, frozen=True, kw_only=True):
    records: int
    contents: int
    set_aside: int = 0


class ExportRequest(Request, frozen=True, kw_only=True):
    """What is to be exported, as the preview shows it; nothing is written yet."""

    since: str | None = None
    until: str | None = None
    k: Annotated[int, Meta(ge=2, le=1000)] = 10
    """Groups of fewer requests are merged until none is smaller."""
    rows: bool = True
    """Not aggregates alone."""
    name_models: bool = False
    """Models stand with their ids in the catalog; otherwise under a salted one."""


class ExportPreview(Message, frozen=True, kw_only=True):
    """`text` is the whole file, or its beginning; `GET /records/export/preview/{id}` shows the rest. These
    bytes, which `sha256` names, are what is written."""

    id: str
    """To be written with `POST /records/export` within ten minutes; one preview is kept at a time."""
    text: str
    whole: bool
    size_bytes: int
    sha256: str
    groups: int
    rows: int
    merged: int
    """Groups that were too small to stand alone."""
    left_out: bool
    """Some requests are in no group: all of them together were fewer than k. Or there were more rows than an
    export holds, and the oldest are left out."""
    fields: tuple[str, ...]


class PreviewPart(Message, frozen=True, kw_only=True):
    """Whole lines of what would be written, from a byte of it on."""

    text: str
    offset: int
    next: int | None
    """Where the next part begins; None with the last."""


class WriteExport(Request, frozen=True, kw_only=True):
    preview: str


class Exported(Message, frozen=True, kw_only=True):
    """`name` is of the file in `state/exports` of the daemon's home, readable by its owner alone."""

    name: str
    size_bytes: int
    sha256: str


class RecordsSummary(Message, frozen=True, kw_only=True):
    """How recording stands; gauge `record.stats` where something changes, at most once a second."""

    state: Literal["on", "off", "broken"]
    """`broken`: the database cannot be used just now; requests go on unrecorded."""
    records: int = 0
    size_bytes: int = 0
    missed: int = 0
    """Requests since the start that could not be recorded."""
    latest: str | None = None
    """Id of the newest record."""
    warnings: tuple[str, ...] = ()
    audit: tuple[AuditRule, ...] = ()
    """Whose content is kept."""
