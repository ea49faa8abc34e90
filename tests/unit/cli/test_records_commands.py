"""What `modelhub records` asks of the daemon, what it says, and its exit codes."""

from pathlib import Path
from typing import Any

import pytest

from modelhubd.wire.records import (
    Audit,
    AuditRule,
    Content,
    Exported,
    ExportPreview,
    Gap,
    Group,
    Mark,
    Outcome,
    Percentiles,
    Purged,
    Record,
    RecordDetail,
    RecordPage,
    RecordStats,
    Totals,
)
from tests.fakes.hub import Asked, Hub, json_answer
from tests.unit.cli.conftest import Modelhub

PATH = "/api/v1/records"
GAP = Gap(since="2026-11-30T12:00:00.000Z", until="2026-11-30T12:05:00.000Z", requests=3, reason="queue_full")
RULE = AuditRule(keep="preview", app="editor")


def record(**more: Any) -> Record:
    fields: dict[str, Any] = {
        "id": "01a2", "at": "2026-11-30T12:00:00.000Z", "route": "/v1/chat/completions", "streamed": True,
        "model": "lab/tiny", "prompt_tokens": 20, "completion_tokens": 8, "latency_s": 1.5,
        "outcome": Outcome.PASS, "finish_reason": "stop",
    }  # fmt: skip
    return Record(**fields | more)


def last(hub: Hub, method: str) -> Asked:
    return [asked for asked in hub.asked if asked.method == method][-1]


def sent(hub: Hub, method: str) -> Any:
    """The body without what is left as it is."""
    return {name: value for name, value in last(hub, method).body.items() if value not in (None, False)}


def test_records_are_listed_with_how_they_ended_and_what_is_missing(hub: Hub, modelhub: Modelhub) -> None:
    failed = record(id="01a3", outcome=Outcome.FAIL, code="answered_400", content="preview")
    hub.on(f"GET {PATH}", json_answer(RecordPage(items=(failed, record()), total=2, gaps=(GAP,))))
    shown = modelhub("records", "list", "--since", "2d", "--outcome", "fail", "--match", "tiny", "-n", "5")
    assert [row[0] for row in shown.rows] == ["01a3", "01a2"]
    assert "answered_400" in shown.rows[0] and "preview" in shown.rows[0] and "stop" in shown.rows[1]
    assert "3 requests" in shown.err and "queue_full" in shown.err
    asked = dict(last(hub, "GET").query)
    assert (asked["outcome"], asked["q"], asked["limit"]) == ("fail", "tiny", "5")
    assert asked["since"].endswith("Z")
    assert modelhub("records", "list", "--json").values[0]["total"] == 2  # type: ignore[index]  # a page
    assert modelhub("records", "list", "-q").out.split() == ["01a3", "01a2"]


@pytest.mark.parametrize("text", ["yesterday", "5", "1w", "999999d", ""])
def test_a_time_that_is_none_is_refused(hub: Hub, modelhub: Modelhub, text: str) -> None:
    assert modelhub("records", "list", "--since", text).code == 2


def test_one_record_is_shown_with_what_is_kept_of_it(hub: Hub, modelhub: Modelhub) -> None:
    content = Content(keep="preview", request="Who?", answer="Me.", expires_at="2026-12-07T12:00:00.000Z")
    mark = Mark(value="bad", reason="wrong", at="2026-11-30T12:00:00.000Z")
    hub.on(f"GET {PATH}/01a2", json_answer(RecordDetail(record=record(mark=mark), content=content)))
    shown = dict(row for row in modelhub("records", "show", "01a2").rows if len(row) == 2)
    assert (shown["model"], shown["mark"], shown["request"], shown["answer"]) == (
        "lab/tiny",
        "bad",
        "Who?",
        "Me.",
    )


def test_figures_are_shown_by_group(hub: Hub, modelhub: Modelhub) -> None:
    quick = Percentiles(p50=0.5, p90=0.9, p99=1.0)
    totals = Totals(requests=7, passed=6, failed=1, latency_s=quick)
    groups = (Group(key="lab/tiny", totals=totals), Group(key=None, totals=Totals(requests=1)))
    answer = RecordStats(by="model", since=None, until=None, total=totals, groups=groups)
    hub.on(f"GET {PATH}/stats", json_answer(answer))
    shown = modelhub("records", "stats", "--by", "model")
    assert [row[:3] for row in shown.rows] == [["lab/tiny", "7", "1"], ["", "1", "0"]]
    assert "7 requests, 1 failed" in shown.err
    assert modelhub("records", "stats", "--by", "weather").code == 2


def test_an_answer_is_marked(hub: Hub, modelhub: Modelhub) -> None:
    mark = Mark(value="bad", reason="wrong", at="2026-11-30T12:00:00.000Z")
    hub.on(f"POST {PATH}/01a2/feedback", json_answer(record(mark=mark)))
    assert modelhub("records", "mark", "01a2", "bad", "--reason", "wrong").out == "01a2\n"
    assert sent(hub, "POST") == {"mark": "bad", "reason": "wrong"}
    assert modelhub("records", "mark", "01a2", "splendid").code == 2


def test_what_shall_be_deleted_is_named_and_confirmed(hub: Hub, modelhub: Modelhub) -> None:
    hub.on(f"POST {PATH}/purge", json_answer(Purged(records=4, contents=1, set_aside=2)))
    assert modelhub("records", "purge").code == modelhub("records", "purge", "--all").code == 2
    shown = modelhub("records", "purge", "--all", "--set-aside", "--yes")
    assert (shown.code, shown.out) == (0, "4\n") and "2 databases" in shown.err
    assert sent(hub, "POST") == {"all": True, "set_aside": True}


def test_an_export_is_shown_and_then_written_where_it_is_wanted(
    hub: Hub, modelhub: Modelhub, tmp_path: Path
) -> None:
    preview = ExportPreview(
        id="p1", text='{"k":10}\n', whole=True, size_bytes=9, sha256="f" * 64, groups=1, rows=0, merged=2,
        left_out=True, fields=("day",),
    )  # fmt: skip
    hub.on(f"POST {PATH}/export/preview", json_answer(preview))
    hub.on(f"POST {PATH}/export", json_answer(Exported(name="made.json", size_bytes=9, sha256="f" * 64)))
    shown = modelhub("records", "export", "--k", "20", "--no-rows")
    assert shown.out == preview.text and "left out" in shown.err
    assert sent(hub, "POST") == {"k": 20}
    target = tmp_path / "shared.json"
    lost = modelhub("records", "export", "--to", str(target), "--yes")
    assert lost.code == 1 and "could not be moved" in lost.err
    made = tmp_path / "state" / "exports" / "made.json"
    made.parent.mkdir(parents=True)
    made.write_text(preview.text)
    assert modelhub("records", "export", "--to", str(target), "--yes").out == f"{target}\n"
    assert target.read_text() == preview.text and not made.exists()
    assert modelhub("records", "export", "--to", str(target), "--yes").code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--keep", "whole"), ("--keep", "whole", "--app", "a", "--node", "b"), ("--app", "a"),
        ("--keep", "whole", "--app", "a", "--off"), ("--keep", "all", "--app", "a"),
    ],
)  # fmt: skip
def test_a_rule_that_is_unclear_is_refused(hub: Hub, modelhub: Modelhub, arguments: tuple[str, ...]) -> None:
    hub.on(f"GET {PATH}/audit", json_answer(Audit(rules=(), allowed=True)))
    assert modelhub("records", "audit", *arguments).code == 2


def test_rules_are_added_replaced_and_taken_away(hub: Hub, modelhub: Modelhub) -> None:
    hub.on(f"GET {PATH}/audit", json_answer(Audit(rules=(RULE,), allowed=True, contents=3)))
    hub.on(f"PUT {PATH}/audit", json_answer(Audit(rules=(), allowed=True)))
    shown = modelhub("records", "audit")
    assert shown.rows == [["preview", "app", "editor", "7"]] and "3 records" in shown.err

    def rules() -> Any:
        return [
            {name: value for name, value in rule.items() if value is not None}
            for rule in last(hub, "PUT").body["rules"]
        ]

    assert (
        "No content" in modelhub("records", "audit", "--keep", "whole", "--node", "draft", "--days", "2").err
    )
    assert rules() == [
        {"keep": "preview", "app": "editor", "max_age_days": 7},
        {"keep": "whole", "node": "draft", "max_age_days": 2},
    ]
    modelhub("records", "audit", "--keep", "whole", "--app", "editor")
    assert rules() == [{"keep": "whole", "app": "editor", "max_age_days": 7}]
    modelhub("records", "audit", "--off", "--app", "other")
    assert rules() == [{"keep": "preview", "app": "editor", "max_age_days": 7}]
    modelhub("records", "audit", "--off")
    assert rules() == []
