"""Whatever is deleted, what the days come to is what their records come to."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelhubd.records import deleting, store
from modelhubd.records.figures import StatsQuery
from modelhubd.records.service import Records
from modelhubd.records.store import Where
from modelhubd.wire.policy import App
from modelhubd.wire.records import Feedback, Outcome, Purge
from tests.integration.records.conftest import NOW, Place, exchange, server

DAYS = 6
APPS = (None, App(id="a", version="1"), App(id="b", version="1"))


async def test_days_that_go_as_a_whole_and_parts_of_others(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "MOST", 60)
    monkeypatch.setattr(deleting, "COUNTED", 9)
    async with place.records() as records:
        there = await _some_of_each(records)
        await _agree(records, there)
        for asked, goes in (
            (Purge(before=_day(-4, 7)), lambda one: one.started_at < NOW + timedelta(days=-4, hours=7)),
            (Purge(app="b"), lambda one: one.app is not None and one.app.id == "b"),
            (Purge(model="lab/one", before=_day(-2)), lambda one: _is_of(one, "lab/one", -2)),
        ):
            left = {key: one for key, one in there.items() if not goes(one)}
            assert 0 < len(left) < len(there)
            assert (await records.purge(asked)).records == len(there) - len(left)
            there = left
            await _agree(records, there)
        assert (await records.purge(Purge(all=True))).records == len(there)
        await _agree(records, {})
        assert (await records.stats(StatsQuery())).total.requests == 0


async def test_what_comes_while_all_is_deleted_stays(place: Place) -> None:
    async with place.records() as records:
        there = await _some_of_each(records)
        async with records.keeping.using() as database:
            last = await store.last_number(database.reader)
            new = exchange(NOW)
            records.ended(new)
            await records.flush()
            assert await deleting.delete(database, Where(), last) == len(there)
        await _agree(records, {new.id: new})


def _is_of(one: Any, model: str, days: int) -> bool:
    return bool(one.model == model and one.started_at < NOW + timedelta(days=days))


def _day(days: int, hours: int = 0) -> str:
    return (NOW + timedelta(days=days, hours=hours)).isoformat()


async def _some_of_each(records: Records) -> dict[str, Any]:
    """In an order that is nearly that of their times; a few from a clock that was wrong."""
    chance = random.Random(3)
    times = [NOW - timedelta(days=DAYS * (1 - n / 400), minutes=chance.randrange(90)) for n in range(400)]
    times[100:100] = [datetime(1970, 1, 1, 3, tzinfo=UTC), datetime(1969, 12, 30, 3, tzinfo=UTC)]
    made = [
        exchange(
            at, server=server(model := chance.choice(["lab/one", "lab/two"])), model=model,
            app=chance.choice(APPS), node=chance.choice([None, "n1", "n2"]),
            outcome=chance.choice([Outcome.PASS, Outcome.PASS, Outcome.FAIL]),
            figures={"latency_s": chance.uniform(0.1, 9), "ttft_s": 0.2, "confidence": 0.5},
        )
        for at in times
    ]  # fmt: skip
    for one in made:
        records.ended(one)
    await records.flush()
    for one in made[::40]:
        await records.mark(one.id, Feedback(mark="good"))
    return {one.id: one for one in made}


async def _agree(records: Records, there: dict[str, Any]) -> None:
    async with records.keeping.using(reading=True) as database:
        reader = database.reader
        assert {row[0] for row in await reader.fetch_all("SELECT id FROM record")} == set(there)
        for kind, column in store.KINDS.items():
            counted = await reader.fetch_all(
                f"SELECT at / {store.DAY_MS}, {column}, {store.SUMS} FROM record GROUP BY 1, 2 ORDER BY 1, 2"
            )
            kept = await reader.fetch_all(
                f"SELECT day, name, {', '.join(store.COUNTED)} FROM day WHERE kind = ? ORDER BY 1, 2", (kind,)
            )
            assert _rounded(kept) == _rounded(counted)
            for figure in store.FIGURES:
                counted = await reader.fetch_all(
                    f"SELECT at / {store.DAY_MS}, {column}, {figure}_bucket, count(*) FROM record"
                    f" WHERE {figure}_bucket IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
                )
                kept = await reader.fetch_all(
                    "SELECT day, name, bucket, requests FROM day_bucket WHERE kind = ? AND figure = ?"
                    " ORDER BY 1, 2, 3",
                    (kind, figure),
                )
                assert _rounded(kept) == _rounded(counted)


def _rounded(rows: list[Any]) -> list[tuple[Any, ...]]:
    return [tuple(round(cell, 6) if isinstance(cell, float) else cell for cell in row) for row in rows]
