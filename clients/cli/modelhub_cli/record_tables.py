"""How records, figures and rules stand in tables."""

from modelhub_cli import words
from modelhub_cli.output import Column
from modelhubd.wire.records import AuditRule, Group, Outcome, Percentiles, Record

STYLES = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.CANCELLED: "yellow"}


def figure(value: float | None, unit: str = "") -> str:
    """Three digits; empty where nobody tells."""
    return "" if value is None else f"{value:.3g}{unit}"


def _median(found: Percentiles | None, unit: str = "") -> str:
    return "" if found is None else f"{found.p50:.3g} / {found.p90:.3g}{unit}"


def _ended(record: Record) -> str:
    return record.code or record.finish_reason or record.outcome.value


def local(text: str) -> str:
    """A time as the clock on the wall shows it; what is none stays."""
    found = words.moment(text)
    return text if found is None else f"{found.astimezone():%m-%d %H:%M:%S}"


def subject(rule: AuditRule) -> tuple[str, str]:
    """(`node`, `app` or `model`, its name): what the rule is of."""
    return next((name, value) for name in ("node", "app", "model") if (value := getattr(rule, name)))


RECORDS: tuple[Column[Record], ...] = (
    Column(title="id", raw=lambda record: record.id, style="dim"),
    Column(title="at", raw=lambda record: record.at, shown=lambda record: local(record.at)),
    Column(title="model", raw=lambda record: record.model, style="bold", flexible=True),
    Column(title="app", raw=lambda record: record.app, from_width=100),
    Column(title="node", raw=lambda record: record.node, from_width=100),
    Column(title="in", raw=lambda record: record.prompt_tokens, right=True),
    Column(title="out", raw=lambda record: record.completion_tokens, right=True),
    Column(
        title="first", raw=lambda record: record.ttft_s, shown=lambda record: figure(record.ttft_s, " s"),
        right=True, from_width=90,
    ),
    Column(
        title="took", raw=lambda record: record.latency_s,
        shown=lambda record: figure(record.latency_s, " s"), right=True,
    ),
    Column(
        title="tok/s", raw=lambda record: record.tokens_per_s,
        shown=lambda record: figure(record.tokens_per_s), right=True, from_width=90,
    ),
    Column(
        title="sure", raw=lambda record: record.confidence, shown=lambda record: figure(record.confidence),
        right=True, from_width=110,
    ),
    Column(title="ended", raw=_ended, style=lambda record: STYLES[record.outcome]),
    Column(title="mark", raw=lambda record: record.mark.value if record.mark else None, from_width=90),
    Column(title="content", raw=lambda record: record.content, style="yellow"),
)  # fmt: skip
GROUPS: tuple[Column[Group], ...] = (
    Column(title="group", raw=lambda group: group.key, shown=lambda group: group.key or "none", style="bold"),
    Column(title="requests", raw=lambda group: group.totals.requests, right=True),
    Column(
        title="failed", raw=lambda group: group.totals.failed, right=True,
        style=lambda group: "red" if group.totals.failed else "",
    ),
    Column(title="cancelled", raw=lambda group: group.totals.cancelled, right=True, from_width=90),
    Column(title="in", raw=lambda group: group.totals.prompt_tokens,
           shown=lambda group: words.count(group.totals.prompt_tokens), right=True),
    Column(title="out", raw=lambda group: group.totals.completion_tokens,
           shown=lambda group: words.count(group.totals.completion_tokens), right=True),
    Column(title="first 50/90 %", raw=lambda group: group.totals.ttft_s and group.totals.ttft_s.p50,
           shown=lambda group: _median(group.totals.ttft_s, " s"), right=True, from_width=90),
    Column(title="took 50/90 %", raw=lambda group: group.totals.latency_s and group.totals.latency_s.p50,
           shown=lambda group: _median(group.totals.latency_s, " s"), right=True),
    Column(title="tok/s", raw=lambda group: group.totals.tokens_per_s and group.totals.tokens_per_s.p50,
           shown=lambda group: _median(group.totals.tokens_per_s), right=True, from_width=90),
    Column(title="good", raw=lambda group: group.totals.good, right=True, from_width=100),
    Column(title="bad", raw=lambda group: group.totals.bad, right=True, from_width=100),
)  # fmt: skip
RULES: tuple[Column[AuditRule], ...] = (
    Column(title="keeps", raw=lambda rule: rule.keep, style="yellow"),
    Column(title="of", raw=lambda rule: subject(rule)[0]),
    Column(title="name", raw=lambda rule: subject(rule)[1], style="bold", flexible=True),
    Column(title="days", raw=lambda rule: rule.max_age_days, right=True),
)
