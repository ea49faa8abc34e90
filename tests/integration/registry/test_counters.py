"""Downloads and stars: counted once, out of reach of publishes, unsigned."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.errors import Unavailable
from modelhubd.registry.counters import reports as reports_module
from modelhubd.registry.counters.inflation import MOST, hour_of
from modelhubd.registry.counters.popularity import FRESH_S, Counted
from modelhubd.registry.counters.reports import Reports
from modelhubd.registry.counters.store import Report
from modelhubd.registry.database import Database
from modelhubd.registry.schema import report
from tests.fakes.registry import Registry
from tests.integration.registry.publishes import (
    MODEL,
    approved,
    audited,
    catalog,
    patiently,
    publish,
    published,
    settled,
)


async def counters(registry: Registry, model: str = "acme/tiny") -> Any:
    """Once what was told of is written."""
    await registry.parts.reports.written()
    return (await registry.reader.get(f"/models/{model}")).json["counters"]


async def test_downloads_are_counted_a_few_times_an_hour_for_each_principal(registry: Registry) -> None:
    await approved(registry)
    assert await counters(registry) == {"downloads": 0, "stars": 0}
    for _ in range(MOST + 3):
        answer = await registry.reader.post(f"{MODEL}/downloads")
        assert (answer.status, answer.json) == (202, {"model": "acme/tiny"})
    assert (await counters(registry))["downloads"] == MOST
    another = await registry.person("another", "read")
    same_principal = await registry.person("reader", "read")
    await another.post(f"{MODEL}/downloads")
    await same_principal.post(f"{MODEL}/downloads")
    assert (await counters(registry))["downloads"] == MOST + 1


async def test_a_report_that_is_repeated_counts_once(registry: Registry) -> None:
    await approved(registry)
    await approved(registry, "acme/small")
    for _ in range(3):
        assert (await registry.reader.post(f"{MODEL}/downloads", key="one")).status == 202
    await registry.reader.post("/models/acme/small/downloads", key="one")
    await registry.reviewer.post(f"{MODEL}/downloads", key="one")
    assert (await counters(registry))["downloads"] == 2
    assert (await counters(registry, "acme/small"))["downloads"] == 1
    bad = await registry.reader.post(f"{MODEL}/downloads", key="x" * 201)
    assert bad.status == 422


async def test_a_star_is_one_for_each_principal_however_often_it_is_given(registry: Registry) -> None:
    await approved(registry)
    second_token = await registry.person("reader", "read")
    answers = await asyncio.gather(
        *(person.put(f"{MODEL}/star") for person in (registry.reader, second_token) for _ in range(10))
    )
    assert {answer.status for answer in answers} == {204}
    assert (await counters(registry))["stars"] == 1
    await registry.author.put(f"{MODEL}/star")
    assert (await counters(registry))["stars"] == 2
    for _ in range(2):
        assert (await second_token.delete(f"{MODEL}/star")).status == 204
    assert (await counters(registry))["stars"] == 1


async def test_many_reports_at_once_are_all_counted(registry: Registry) -> None:
    await approved(registry)
    people = [await registry.person(f"person{number}", "read") for number in range(10)]
    await asyncio.gather(
        *(patiently(person, "POST", f"{MODEL}/downloads") for person in people for _ in range(MOST))
    )
    assert (await counters(registry))["downloads"] == 10 * MOST


async def test_counters_survive_new_versions_and_no_publish_touches_them(registry: Registry) -> None:
    await approved(registry)
    revision = await settled(registry)
    await registry.reader.post(f"{MODEL}/downloads")
    await registry.reader.put(f"{MODEL}/star")
    assert (await catalog(registry))["revision"] == revision
    await approved(registry)
    for field in ("downloads", "stars"):
        assert (await publish(registry.author, **dict[str, Any]({field: 1000}))).status == 422
    assert await counters(registry) == {"downloads": 1, "stars": 1}
    entry = next(one for one in (await catalog(registry))["entries"] if one["id"] == "acme/tiny")
    assert entry.keys().isdisjoint({"downloads", "stars", "counters"})


async def test_popularity_is_told_again_only_when_it_has_changed(registry: Registry) -> None:
    await approved(registry)
    await registry.reader.post(f"{MODEL}/downloads")
    await registry.parts.reports.written()
    first = await registry.reader.get("/popularity")
    assert first.json["counters"] == {"acme/tiny": {"downloads": 1, "stars": 0}}
    tag = first.headers["ETag"]
    same = await registry.reader.get("/popularity", headers={"If-None-Match": tag})
    assert (same.status, same.body, same.headers["ETag"]) == (304, b"", tag)
    await registry.reader.put("/models/qwen/qwen3-4b/star")
    changed = await registry.reader.get("/popularity", headers={"If-None-Match": tag})
    assert changed.status == 200
    assert changed.json["counters"]["qwen/qwen3-4b"] == {"downloads": 0, "stars": 1}


async def test_popularity_names_no_model_that_was_never_approved(registry: Registry) -> None:
    await published(registry.author)
    assert (await registry.author.put(f"{MODEL}/star")).status == 204
    assert (await registry.author.post(f"{MODEL}/downloads")).status == 202
    await registry.parts.reports.written()
    assert (await registry.reader.get("/popularity")).json["counters"] == {}


async def test_an_administrator_sets_counters_back_and_the_log_says_what_they_were(
    registry: Registry,
) -> None:
    await approved(registry)
    await registry.reader.post(f"{MODEL}/downloads")
    await registry.reader.put(f"{MODEL}/star")
    await registry.author.put(f"{MODEL}/star")
    for person in (registry.author, registry.reviewer, registry.reader):
        assert (await person.post(f"{MODEL}/counters/reset")).status == 403
    answer = await registry.admin.post(f"{MODEL}/counters/reset")
    assert (answer.status, answer.json) == (200, {"downloads": 0, "stars": 0})
    assert await counters(registry) == {"downloads": 0, "stars": 0}
    (entry,) = await audited(registry, "model.counters_reset")
    assert (entry["subject"], entry["detail"]) == ("acme/tiny", {"downloads": 1, "stars": 2})
    assert (await registry.reader.get("/popularity")).json["counters"] == {}


async def test_what_is_not_there_is_not_counted(registry: Registry) -> None:
    await published(registry.author)
    for model in ("acme/nowhere", "acme/tiny", "acme/%00", "ACME/x"):
        path = f"/models/{model}"
        for method, suffix in (("POST", "/downloads"), ("PUT", "/star"), ("DELETE", "/star")):
            assert (await registry.reader.ask(method, path + suffix)).status == 404, path
        if model != "acme/tiny":
            assert (await registry.admin.post(f"{path}/counters/reset")).status == 404


class Forgetful(Database):
    """One that commits and then cannot say so, as often as it is told to."""

    lost = 0

    @contextlib.asynccontextmanager
    async def noting(self) -> AsyncIterator[AsyncConnection]:
        async with super().noting() as connection:
            yield connection
        if self.lost:
            self.lost -= 1
            raise Unavailable("The answer to the commit was lost.")


async def test_reports_whose_commit_was_not_answered_are_counted_once(registry: Registry) -> None:
    await approved(registry)
    async with Forgetful.open(registry.parts.config.database_url) as forgetful:
        assert isinstance(forgetful, Forgetful)
        reports = Reports(forgetful, registry.parts.clock)
        for once in (None, "one", "one", None):
            reports.add(Report("reader", "acme/tiny", once))
        forgetful.lost = 2
        for _ in range(2):
            with pytest.raises(Unavailable):
                await reports.written()
        await reports.written()
    assert (await counters(registry))["downloads"] == 3


async def test_the_limit_of_reports_is_one_for_all_processes(registry: Registry) -> None:
    await approved(registry)
    processes = [Reports(registry.parts.database, registry.parts.clock) for _ in range(3)]
    for reports in processes:
        for _ in range(3):
            reports.add(Report("reader", "acme/tiny"))
    await asyncio.gather(*(reports.written() for reports in processes))
    assert (await counters(registry))["downloads"] == MOST


async def test_the_next_hour_counts_anew_and_the_one_before_is_forgotten(registry: Registry) -> None:
    await approved(registry)
    hours = [registry.parts.clock() + timedelta(hours=passed) for passed in range(2)]
    reports = Reports(registry.parts.database, lambda: hours[0])
    for _ in range(2):
        for _ in range(MOST + 1):
            reports.add(Report("reader", "acme/tiny"))
        reports.add(Report("author", "acme/tiny"))
        await reports.written()
        hours.reverse()
    assert (await counters(registry))["downloads"] == 2 * (MOST + 1)
    async with registry.parts.database.reading() as connection:
        rows = (await connection.execute(sa.select(report.c.principal, report.c.hour))).all()
    assert sorted(rows) == [(name, hour_of(max(hours))) for name in ("author", "reader")]


async def test_counters_are_read_once_for_many_and_what_one_counts_oneself_is_told_at_once(
    registry: Registry,
) -> None:
    await approved(registry)
    seconds = [0.0]
    counted = Counted(registry.parts.database, lambda: seconds[0])
    empty = await counted.told()
    assert (await registry.reader.put("/models/acme/tiny/star")).status == 204
    own = await registry.reader.get("/popularity")
    assert own.json["counters"]["acme/tiny"]["stars"] == 1
    assert await counted.told() is empty, "another process may not know of it"
    seconds[0] += FRESH_S
    told = await counted.told()
    assert told.body == own.body
    assert own.headers["ETag"] == f'"{told.revision}"'
    assert (await registry.reader.delete("/models/acme/tiny/star")).status == 204
    assert "acme/tiny" not in (await registry.reader.get("/popularity")).json["counters"]
    again = asyncio.create_task(counted.told())
    counted.forget()
    assert (await again).body == empty.body
    assert (await counted.told()).body == empty.body


async def test_more_reports_than_can_be_held_are_refused(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await approved(registry)
    monkeypatch.setattr(reports_module, "WAITING_MAX", 2)
    reports = Reports(registry.parts.database, registry.parts.clock)
    for _ in range(2):
        reports.add(Report("reader", "acme/tiny"))
    with pytest.raises(Unavailable):
        reports.add(Report("reader", "acme/tiny"))
