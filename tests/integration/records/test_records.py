"""What has ended is in the database: listed, counted, marked, deleted."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from modelhubd.errors import Conflict, InvalidInput, NotFound
from modelhubd.records import retaining
from modelhubd.records.figures import SeriesQuery, StatsQuery
from modelhubd.records.service import RecordsQuery
from modelhubd.wire.records import (
    AuditRule,
    Feedback,
    Outcome,
    Purge,
    SetAudit,
)
from tests.integration.records.conftest import EDITOR, NOW, Place, exchange, server

EVERYTHING = RecordsQuery()


async def test_everything_known_of_a_request_is_listed_the_newest_first(place: Place) -> None:
    async with place.records() as records:
        first = exchange(
            app=EDITOR, node="draft", streamed=True,
            figures={
                "cached_tokens": 3, "ttft_s": 0.2, "tokens_per_s": 40.0, "finish_reason": "stop",
                "confidence": 0.9,
            },
        )  # fmt: skip
        refused = exchange(server=None, model="", status=None, outcome=Outcome.FAIL, code="model_not_found")
        records.ended(first)
        records.ended(refused)
        found = await records.list(EVERYTHING)
        assert (found.total, [record.id for record in found.items]) == (2, [refused.id, first.id])
        unknown, known = found.items
        assert (known.app, known.app_version, known.node, known.streamed) == ("editor", "2.1", "draft", True)
        assert (known.model, known.version, known.option, known.library_id) == (
            "lab/tiny",
            1,
            "gguf-f16",
            "lib-1",
        )
        assert (known.option_digest, known.server_build) == ("digest of lib-1", "11549")
        assert known.settings_digest is not None and len(known.settings_digest) == 16
        assert (known.prompt_tokens, known.cached_tokens, known.completion_tokens) == (20, 3, 8)
        assert (known.ttft_s, known.tokens_per_s, known.latency_s) == (0.2, 40.0, 1.0)
        assert (known.finish_reason, known.confidence, known.outcome, known.content) == (
            "stop",
            0.9,
            Outcome.PASS,
            None,
        )
        assert (unknown.model, unknown.code, unknown.version) == (None, "model_not_found", None)
        other = exchange(server=server(ctx=1024))
        records.ended(other)
        assert (await records.get(other.id)).record.settings_digest != known.settings_digest
    assert place.path.stat().st_mode & 0o777 == 0o600
    assert all(file.stat().st_mode & 0o077 == 0 for file in place.path.parent.glob("records.db*"))
    async with place.records() as records:  # after a restart
        assert (await records.list(EVERYTHING)).total == 3


async def test_lists_are_filtered_and_paged(place: Place) -> None:
    async with place.records() as records:
        for n in range(25):
            records.ended(
                exchange(
                    NOW + timedelta(minutes=n),
                    app=EDITOR if n % 2 else None,
                    node="draft" if n % 5 == 0 else "review" if n % 5 == 1 else None,
                    server=server("lab/other" if n % 3 == 0 else "lab/tiny"),
                    model="lab/other" if n % 3 == 0 else "lab/tiny",
                    outcome=Outcome.FAIL if n == 7 else Outcome.PASS,
                    code="answered_400" if n == 7 else None,
                )
            )
        totals = {
            name: (await records.list(query)).total
            for name, query in {
                "model": RecordsQuery(model="lab/other"),
                "app": RecordsQuery(app="editor"),
                "node": RecordsQuery(node="draft"),
                "both": RecordsQuery(app="editor", node="review"),
                "outcome": RecordsQuery(outcome=Outcome.FAIL),
                "since": RecordsQuery(since="2026-11-30T12:50:00Z"),
                "until": RecordsQuery(until="2026-11-30T13:50:00+01:00"),
                "q": RecordsQuery(q="OTHER"),
                "code": RecordsQuery(q="answered"),
                "literal": RecordsQuery(q="%"),
                "no content": RecordsQuery(q="hello"),
            }.items()
        }
        assert totals == {
            "model": 9, "app": 12, "node": 5, "both": 3, "outcome": 1, "since": 5, "until": 20, "q": 9,
            "code": 1, "literal": 0, "no content": 0,
        }  # fmt: skip
        seen, after = [], None
        while True:
            page = await records.list(RecordsQuery(limit=10, after=after))
            records.ended(exchange())  # what comes meanwhile shifts nothing
            seen += [record.id for record in page.items]
            if (after := page.next) is None:
                break
        assert len(seen) == len(set(seen)) == 25
        for wrong in (
            RecordsQuery(since="yesterday"),
            RecordsQuery(until="2026-01-01T00:00:00"),
            RecordsQuery(after="x"),
        ):
            with pytest.raises(InvalidInput):
                await records.list(wrong)


async def test_figures_are_of_what_is_there_after_marks_and_deletions_too(place: Place) -> None:
    async with place.records() as records:
        made = [
            exchange(
                NOW + timedelta(hours=n // 4),
                app=EDITOR if n % 2 else None,
                figures={"latency_s": 1.0 + n % 4, "ttft_s": 0.5, "tokens_per_s": 50.0, "confidence": 0.5},
                server=server(version=1 + n // 8),
                outcome=Outcome.CANCELLED if n == 3 else Outcome.PASS,
            )
            for n in range(16)
        ]
        for one in made:
            records.ended(one)
        found = await records.stats(StatsQuery())
        assert (found.total.requests, found.total.passed, found.total.cancelled) == (16, 15, 1)
        assert (found.total.prompt_tokens, found.total.completion_tokens, found.total.confidence) == (
            320,
            128,
            0.5,
        )
        assert found.total.latency_s is not None and 1.9 < found.total.latency_s.p50 < 2.1
        assert [group.key for group in found.groups] == ["lab/tiny"]
        by_version = await records.stats(StatsQuery(by="version"))
        assert [(group.key, group.totals.requests) for group in by_version.groups] == [
            ("lab/tiny@1:gguf-f16", 8), ("lab/tiny@2:gguf-f16", 8),
        ]  # fmt: skip
        by_hour = await records.stats(StatsQuery(by="hour", since="2026-11-30T13:59:00Z"))
        assert [(group.key, group.totals.requests) for group in by_hour.groups] == [
            (f"2026-11-30T{hour}:00:00.000Z", 4) for hour in (13, 14, 15)
        ]
        assert (await records.stats(StatsQuery(model="lab/tiny", app="editor"))).total.requests == 8
        assert (await records.stats(StatsQuery(model="lab/tin"))).total.requests == 0
        series = await records.series(
            SeriesQuery(by="app", since="2026-11-30T12:00:00Z", until="2026-11-30T16:00:00Z")
        )
        assert [(line.key, [point.requests for point in line.points]) for line in series.lines] == [
            (None, [2, 2, 2, 2]), ("editor", [2, 2, 2, 2]),
        ]  # fmt: skip
        assert series.lines[1].points[0].cancelled == 1
        minutes = await records.series(SeriesQuery(step="minute", until="2026-11-30T13:31:00Z"))
        assert [(point.at, point.requests) for point in minutes.lines[0].points] == [
            ("2026-11-30T13:30:00.000Z", 4)
        ]
        assert minutes.lines[0].points[0].latency_s is not None
        days = await records.series(SeriesQuery(step="day"))
        assert [(point.at, point.requests) for point in days.lines[0].points] == [
            ("2026-11-30T00:00:00.000Z", 16)
        ]
        with pytest.raises(InvalidInput):
            await records.series(SeriesQuery(step="minute", since="2026-11-01T00:00:00Z"))

        marked = await records.mark(made[0].id, Feedback(mark="bad", reason="wrong"))
        assert marked.mark is not None and (marked.mark.value, marked.mark.reason) == ("bad", "wrong")
        await records.mark(made[1].id, Feedback(mark="good"))
        await records.mark(made[0].id, Feedback(mark="good"))
        total = (await records.stats(StatsQuery())).total
        assert (total.requests, total.good, total.bad) == (16, 2, 0)
        assert (await records.mark(made[1].id, Feedback(mark=None))).mark is None
        with pytest.raises(NotFound):
            await records.mark("nothing", Feedback(mark="good"))
        with pytest.raises(InvalidInput):
            await records.mark(made[0].id, Feedback(mark=None, reason="slow"))

        with pytest.raises(InvalidInput):
            await records.purge(Purge())
        assert (await records.purge(Purge(before="2026-11-30T14:00:00Z"))).records == 8
        assert (await records.purge(Purge(app="editor"))).records == 4
        left = await records.stats(StatsQuery(by="version"))
        assert (left.total.requests, left.total.good, left.total.confidence) == (4, 0, 0.5)
        assert [group.key for group in left.groups] == ["lab/tiny@2:gguf-f16"]
        assert left.total.latency_s is not None and 0.9 < left.total.latency_s.p50 < 1.1
        assert (await records.list(EVERYTHING)).total == 4
        assert (await records.purge(Purge(all=True))).records == 4
        assert (await records.stats(StatsQuery())).total.requests == 0
    with sqlite3.connect(place.path) as database:
        assert {
            database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("record", "hour", "hour_bucket")
        } == {0}
    database.close()


async def test_content_is_kept_by_rule_alone_and_for_as_long_as_it_says(place: Place) -> None:
    secret = {
        "request": b'{"messages":[{"role":"user","content":"canary asked"}]}',
        "answer": b'{"choices":[{"text":"canary said"}]}',
    }

    def on_disk() -> bytes:
        return b"".join(file.read_bytes() for file in sorted(place.path.parent.glob("records.db*")))

    async with place.records() as records:
        assert not records.wants("/v1/completions", None, server(), EDITOR, None)  # type: ignore[arg-type]  # not looked at
        first = exchange(app=EDITOR, **secret)
        records.ended(first)  # content that nobody asked for
        assert (await records.get(first.id)).content is None
        assert b"canary" not in on_disk()

        queue = place.bus.subscribe(["records"])
        rules = (
            AuditRule(keep="preview", node="draft", max_age_days=30),
            AuditRule(keep="whole", app="editor", max_age_days=1),
        )
        assert (await records.set_audit(SetAudit(rules=rules))).rules == rules
        assert [event.type for event in (await queue.take(within_s=1)).events] == ["record.audit"]
        place.bus.unsubscribe(queue)
        assert records.wants("/v1/completions", None, server(), EDITOR, None)  # type: ignore[arg-type]
        assert not records.wants("/v1/completions", None, server(), None, "other")  # type: ignore[arg-type]
        whole, preview, other = (
            exchange(app=EDITOR, **secret),
            exchange(node="draft", **secret),
            exchange(**secret),
        )
        cut = exchange(node="draft", too_long=True)
        for one in (whole, preview, other, cut):
            records.ended(one)
        kept = (await records.get(whole.id)).content
        assert kept is not None and kept.request == secret["request"].decode()
        assert kept.expires_at == "2026-12-01T12:30:00.000Z"
        shown = (await records.get(preview.id)).content
        assert shown is not None and (shown.request, shown.answer) == ("canary asked", "canary said")
        assert (await records.get(other.id)).content is None
        too_long = (await records.get(cut.id)).content
        assert too_long is not None and too_long.too_long and too_long.request is None
        listed = await records.list(EVERYTHING)
        assert [record.content for record in listed.items] == ["preview", None, "preview", "whole", None]
        assert (await records.summary()).audit == rules
        assert (await records.audit()).contents == 3

    async with place.records() as records:  # rules outlive a restart
        assert (await records.audit()).rules == rules
        place.clock.later(days=2)
        assert (await records.get(whole.id)).content is None
        await records._retaining.look()
        assert (await records.audit()).contents == 2
        assert (await records.get(whole.id)).record.id == whole.id
        await records.set_audit(SetAudit(rules=(), forget=False))
        assert (await records.audit()).contents == 2
        await records.set_audit(SetAudit(rules=()))
        assert (await records.audit()).contents == 0
        assert b"canary" not in on_disk()
        await records.set_audit(SetAudit(rules=rules))
        records.ended(exchange(app=EDITOR, **secret))
        assert (await records.purge(Purge(all=True, content_only=True))).contents == 1
        assert (await records.list(EVERYTHING)).total == 6
        assert b"canary" not in on_disk()

    async with place.records(allow_content=False) as records:
        assert not records.wants("/v1/completions", None, server(), EDITOR, None)  # type: ignore[arg-type]
        forbidden = exchange(app=EDITOR, **secret)
        records.ended(forbidden)
        assert (await records.get(forbidden.id)).content is None
        assert (await records.summary()).audit == () and not (await records.audit()).allowed
        with pytest.raises(Conflict):
            await records.set_audit(SetAudit(rules=rules))


async def test_what_is_switched_off_records_nothing(place: Place) -> None:
    async with place.records(enabled=False) as records:
        records.ended(exchange())
        assert (await records.list(EVERYTHING)).total == 0
        assert (await records.summary()).state == "off"


async def test_old_records_go_and_a_clock_that_jumps_takes_no_young_ones(place: Place) -> None:
    async with place.records(max_age_days=10) as records:
        for days in (-30, -20, -5, -1, 0):
            records.ended(exchange(NOW + timedelta(days=days)))
        records.ended(exchange(datetime(1970, 1, 2, tzinfo=UTC)))  # the battery was empty
        records.ended(exchange(NOW + timedelta(days=4000)))
        records.ended(exchange(NOW))
        await records.flush()
        look = records._retaining.look
        assert await look() == 0, "in the first hour nothing goes"
        place.clock.later(hours=2)
        assert await look() == 2
        assert (await records.list(EVERYTHING)).total == 6
        ids = [record.id for record in (await records.list(EVERYTHING)).items]
        place.clock.now += timedelta(days=3650)
        assert await look() == 0, "the clock was set just now"
        place.clock.now -= timedelta(days=3650)
        place.clock.later(minutes=30)
        assert await look() == 0
        assert [record.id for record in (await records.list(EVERYTHING)).items] == ids
        place.clock.later(days=11)
        assert await look() == 6
        assert (await records.stats(StatsQuery())).total.requests == 0


async def test_beyond_its_size_the_oldest_go(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retaining, "BATCH", 100)
    async with place.records(max_bytes=400_000) as records:
        for n in range(2500):
            records.ended(exchange(NOW + timedelta(seconds=n)))
        newest = (await records.list(RecordsQuery(limit=1))).items[0].id
        gone = await records._retaining.look()
        found = await records.list(EVERYTHING)
        assert 0 < gone < 2500 and found.total == 2500 - gone
        assert found.items[0].id == newest
        assert await records._retaining.look() == 0
        assert (await records.stats(StatsQuery())).total.requests == found.total


async def test_a_reader_of_events_gets_a_gauge_and_no_event_for_each_record(place: Place) -> None:
    async with place.records() as records:
        queue = place.bus.subscribe(["records"])
        for _ in range(500):
            records.ended(exchange())
        async with asyncio.timeout(10):
            while not (batch := await queue.take(within_s=5)).gauges:
                pass
        assert batch.events == () and [kind for kind, _ in batch.gauges] == ["record.stats"]
        assert b'"records":500' in batch.gauges[0][1]
        place.bus.unsubscribe(queue)
