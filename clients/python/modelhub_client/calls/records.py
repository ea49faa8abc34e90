"""What passed the gateway, as the daemon remembers it."""

from collections.abc import Iterable

from modelhub_client.call import UNHURRIED_S, Call, api, body_of, segment
from modelhubd.wire.records import (
    Audit,
    AuditRule,
    Exported,
    ExportPreview,
    ExportRequest,
    Feedback,
    GroupBy,
    MarkReason,
    MarkValue,
    Outcome,
    PreviewPart,
    Purge,
    Purged,
    Record,
    RecordDetail,
    RecordPage,
    RecordSeries,
    RecordStats,
    SeriesBy,
    SetAudit,
    Step,
    WriteExport,
)


def records(
    *,
    model: str | None = None,
    app: str | None = None,
    node: str | None = None,
    outcome: Outcome | str | None = None,
    since: str | None = None,
    until: str | None = None,
    q: str | None = None,
    limit: int | None = None,
    after: str | None = None,
) -> Call[RecordPage]:
    """The newest first; times are RFC 3339. `q` is part of a model's, app's or node's name, or of a code."""
    target = api(
        "/records",
        {
            "model": model, "app": app, "node": node,
            "outcome": None if outcome is None else Outcome(outcome).value,
            "since": since, "until": until, "q": q or None, "limit": limit, "after": after,
        },
    )  # fmt: skip
    return Call(method="GET", target=target, answer=RecordPage)


def record(record_id: str) -> Call[RecordDetail]:
    """One, by the header `Modelhub-Record` of its answer, with what is kept of its content."""
    return Call(method="GET", target=api(f"/records/{segment(record_id)}"), answer=RecordDetail)


def record_stats(
    by: GroupBy = "model",
    *,
    since: str | None = None,
    until: str | None = None,
    model: str | None = None,
    app: str | None = None,
    node: str | None = None,
    limit: int | None = None,
) -> Call[RecordStats]:
    """Figures in all and by group, over whole hours."""
    target = api(
        "/records/stats",
        {"by": by, "since": since, "until": until, "model": model, "app": app, "node": node, "limit": limit},
    )
    return Call(method="GET", target=target, answer=RecordStats)


def record_series(
    by: SeriesBy = "none",
    *,
    step: Step = "hour",
    since: str | None = None,
    until: str | None = None,
    model: str | None = None,
    app: str | None = None,
    node: str | None = None,
    lines: int | None = None,
) -> Call[RecordSeries]:
    """Figures over time, for plots."""
    target = api(
        "/records/series",
        {
            "by": by, "step": step, "since": since, "until": until, "model": model, "app": app, "node": node,
            "lines": lines,
        },
    )  # fmt: skip
    return Call(method="GET", target=target, answer=RecordSeries)


def mark_record(record_id: str, mark: MarkValue | None, reason: MarkReason | None = None) -> Call[Record]:
    """Say what you think of an answer; None takes it back."""
    return Call(
        method="POST",
        target=api(f"/records/{segment(record_id)}/feedback"),
        answer=Record,
        body=body_of(Feedback(mark=mark, reason=reason)),
    )


def purge_records(
    *,
    all: bool = False,
    before: str | None = None,
    model: str | None = None,
    app: str | None = None,
    node: str | None = None,
    content_only: bool = False,
    set_aside: bool = False,
) -> Call[Purged]:
    """Delete records for good, or only their content."""
    wanted = Purge(
        all=all, before=before, model=model, app=app, node=node, content_only=content_only,
        set_aside=set_aside,
    )  # fmt: skip
    return Call(
        method="POST",
        target=api("/records/purge"),
        answer=Purged,
        body=body_of(wanted),
        timeout_s=UNHURRIED_S,
    )


def records_audit() -> Call[Audit]:
    """Whose content is kept."""
    return Call(method="GET", target=api("/records/audit"), answer=Audit)


def set_records_audit(rules: Iterable[AuditRule], *, forget: bool = True) -> Call[Audit]:
    """Keep content by these rules and no others; what none covers is deleted unless `forget` is false."""
    return Call(
        method="PUT",
        target=api("/records/audit"),
        answer=Audit,
        body=body_of(SetAudit(rules=tuple(rules), forget=forget)),
    )


def preview_export(
    *,
    since: str | None = None,
    until: str | None = None,
    k: int = 10,
    rows: bool = True,
    name_models: bool = False,
) -> Call[ExportPreview]:
    """Exactly what an export would hold; nothing is written."""
    wanted = ExportRequest(since=since, until=until, k=k, rows=rows, name_models=name_models)
    return Call(
        method="POST", target=api("/records/export/preview"), answer=ExportPreview, body=body_of(wanted)
    )


def preview_part(preview: str, offset: int = 0) -> Call[PreviewPart]:
    """Whole lines of what the preview of this id holds, from a byte of it on; `next` is where to go on."""
    target = api(f"/records/export/preview/{segment(preview)}", {"offset": offset or None})
    return Call(method="GET", target=target, answer=PreviewPart)


def export_records(preview: str) -> Call[Exported]:
    """Write what the preview of this id showed, to a file on the daemon's machine."""
    return Call(
        method="POST",
        target=api("/records/export"),
        answer=Exported,
        body=body_of(WriteExport(preview=preview)),
    )
