"""Figures over many records: whole days are counted already, and the rest of a time is looked at."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from modelhubd.errors import InvalidInput
from modelhubd.records import stats_store, store
from modelhubd.records.rows import HOUR_MS, millis, moment
from modelhubd.records.stats_store import Some
from modelhubd.records.summing import KIND_OF, Row, Sum, groups_of, key_of, lines_of, summed
from modelhubd.storage.database import Database, Reader
from modelhubd.tasks import freed, gently, in_thread
from modelhubd.wire.base import Request
from modelhubd.wire.records import Group, GroupBy, Line, RecordSeries, RecordStats, SeriesBy, Step, Totals

MINUTE_MS, DAY_MS = 60_000, 24 * HOUR_MS
SPANS = {"minute": 6 * HOUR_MS, "hour": 14 * DAY_MS, "day": 5 * 366 * DAY_MS}
"""The longest time that a series of these steps may cover."""
USUAL = {"minute": HOUR_MS, "hour": DAY_MS, "day": 30 * DAY_MS}
"""What it covers where nobody says."""


class StatsQuery(Request, frozen=True, kw_only=True):
    by: GroupBy = "model"
    since: str | None = None
    """RFC 3339; absent is all there is, of hours the last fourteen days."""
    until: str | None = None
    model: str | None = None
    app: str | None = None
    node: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    """Groups."""


class SeriesQuery(Request, frozen=True, kw_only=True):
    by: SeriesBy = "none"
    step: Step = "hour"
    since: str | None = None
    """RFC 3339; absent is an hour of minutes, a day of hours, thirty days."""
    until: str | None = None
    model: str | None = None
    app: str | None = None
    node: str | None = None
    lines: Annotated[int, Meta(ge=1, le=50)] = 8
    """With a line of their own; the rest have one together."""


def time_of(text: str | None, pointer: str) -> int | None:
    """Milliseconds since the epoch.

    Raises:
        InvalidInput: it is no RFC 3339 time with its offset.
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError("no offset")
        return millis(found)
    except (ValueError, OverflowError):
        raise InvalidInput.at(pointer, "write a time as RFC 3339, such as 2026-01-31T12:00:00Z") from None


def whole_days(since: int | None, until: int | None) -> tuple[int | None, int | None]:
    """The first day that lies whole in a time, and the first behind that which does not; None has no end.
    They are alike where there is none."""
    first = None if since is None else -(-since // DAY_MS)
    end = None if until is None else until // DAY_MS
    return (first, first) if first is not None and end is not None and end < first else (first, end)


async def _found(reader: Reader, some: Some, kind: str) -> tuple[list[Row], list[Row]]:
    """Counts and buckets of these records by their names: of whole days from what is counted already."""
    if some.named:
        return await stats_store.of_records(reader, some, kind, None)  # type: ignore[return-value]  # a Row has the methods
    first, end = whole_days(some.since, some.until)
    edges: list[tuple[int | None, int | None]] = []
    if first is not None and first == end:
        edges = [(some.since, some.until)]
    else:
        if first is not None and some.since != first * DAY_MS:
            edges.append((some.since, first * DAY_MS))
        if end is not None and some.until != end * DAY_MS:
            edges.append((end * DAY_MS, some.until))
    counted, bucketed = await stats_store.of_days(reader, first, end, kind, apart=False)
    for since, until in edges:
        more, buckets = await stats_store.of_records(reader, Some(since=since, until=until), kind, None)
        counted, bucketed = counted + more, bucketed + buckets
    return counted, bucketed  # type: ignore[return-value]  # a Row has the methods


async def _by_unit(reader: Reader, some: Some, kind: str, unit_ms: int) -> tuple[list[Row], list[Row]]:
    """The same told apart by units of time. `some` begins and ends with a whole one."""
    if unit_ms == DAY_MS and not some.named:
        first, end = whole_days(some.since, some.until)
        return await stats_store.of_days(reader, first, end, kind, apart=True)  # type: ignore[return-value]
    return await stats_store.of_records(reader, some, kind, unit_ms)  # type: ignore[return-value]


async def stats(database: Database, query: StatsQuery, clock: Callable[[], datetime]) -> RecordStats:
    """Totals, and by group.

    Raises:
        InvalidInput: a time that is none, or too much of it for hours.
    """
    since, until = time_of(query.since, "?since"), time_of(query.until, "?until")
    unit = {"day": DAY_MS, "hour": HOUR_MS}.get(query.by, HOUR_MS)
    if query.by == "hour":
        until = millis(clock()) if until is None else until
        since = until - SPANS["hour"] if since is None else since
        _refuse_long("hour", since, until)
    since = None if since is None else since // unit * unit
    until = None if until is None else -(-until // unit) * unit
    some = Some(since=since, until=until, model=query.model, app=query.app, node=query.node)
    reader, kind = database.reader, KIND_OF[query.by]

    def put_together(counted: list[Row], bucketed: list[Row]) -> tuple[Totals, tuple[Group, ...], int]:
        sums = summed(counted, bucketed, key_of(query.by))
        total = summed(counted, bucketed, key_of("none")).get("", Sum())
        freed(bucketed)
        return total.totals(), *groups_of(sums, query.limit, unit_ms=unit)

    with gently():
        if query.by in ("day", "hour"):
            rows = await _by_unit(reader, some, kind, unit)
        else:
            rows = await _found(reader, some, kind)
        total, groups, more = await in_thread(lambda: put_together(*rows))
    return RecordStats(
        by=query.by,
        since=None if since is None else moment(since),
        until=None if until is None else moment(until),
        total=total,
        groups=groups,
        more=more,
        gaps=await store.gaps(reader, since, until),
    )


async def series(database: Database, query: SeriesQuery, clock: Callable[[], datetime]) -> RecordSeries:
    """Lines over time.

    Raises:
        InvalidInput: a time that is none, or more of it than these steps may cover.
    """
    until = time_of(query.until, "?until")
    until = millis(clock()) if until is None else until
    since = time_of(query.since, "?since")
    since = until - USUAL[query.step] if since is None else since
    _refuse_long(query.step, since, until)
    unit = {"minute": MINUTE_MS, "hour": HOUR_MS, "day": DAY_MS}[query.step]
    since, until = since // unit * unit, -(-until // unit) * unit
    some = Some(since=since, until=until, model=query.model, app=query.app, node=query.node)

    def put_together(counted: list[Row], bucketed: list[Row]) -> tuple[Line, ...]:
        lines = lines_of(counted, bucketed, query.by, unit_ms=unit, limit=query.lines)
        freed(bucketed)
        return lines

    with gently():
        rows = await _by_unit(database.reader, some, KIND_OF[query.by], unit)
        lines = await in_thread(lambda: put_together(*rows))
    return RecordSeries(
        by=query.by,
        step=query.step,
        since=moment(since),
        until=moment(until),
        lines=lines,
        gaps=await store.gaps(database.reader, since, until),
    )


def _refuse_long(step: Step, since: int, until: int) -> None:
    if not 0 <= until - since <= SPANS[step]:
        hours = SPANS[step] // HOUR_MS
        raise InvalidInput.at("?since", f"steps of a {step} cover up to {hours} hours, forwards")
