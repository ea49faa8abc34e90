"""Figures over many records: asked of the hours they are counted in."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from modelhubd.errors import InvalidInput
from modelhubd.records import stats_store, store
from modelhubd.records.rows import HOUR_MS, millis, moment
from modelhubd.records.stats_store import Span
from modelhubd.records.summing import Sum, column_of, groups_of, key_of, lines_of, summed
from modelhubd.storage.database import Database
from modelhubd.wire.base import Request
from modelhubd.wire.records import GroupBy, RecordSeries, RecordStats, SeriesBy, Step

MINUTE_MS, DAY_MS = 60_000, 24 * HOUR_MS
SPANS = {"minute": 6 * HOUR_MS, "hour": 62 * DAY_MS, "day": 5 * 366 * DAY_MS}
"""The longest time that a series of these steps may cover."""
USUAL = {"minute": HOUR_MS, "hour": DAY_MS, "day": 30 * DAY_MS}
"""What it covers where nobody says."""


class StatsQuery(Request, frozen=True, kw_only=True):
    by: GroupBy = "model"
    since: str | None = None
    """RFC 3339; absent is all there is."""
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


async def stats(database: Database, query: StatsQuery) -> RecordStats:
    """Totals, and by group.

    Raises:
        InvalidInput: a time that is none.
    """
    since, until = time_of(query.since, "?since"), time_of(query.until, "?until")
    span = Span(
        since=None if since is None else since // HOUR_MS,
        until=None if until is None else -(-until // HOUR_MS),
        model=query.model,
        app=query.app,
        node=query.node,
    )
    reader, by = database.reader, column_of(query.by)
    counted = await stats_store.counted(reader, span, by)
    bucketed = await stats_store.bucketed(reader, span, by)
    sums = summed(counted, bucketed, key_of(query.by))  # type: ignore[arg-type]  # a Row has the methods
    total = summed(counted, bucketed, key_of("none")).get("", Sum())  # type: ignore[arg-type]
    groups, more = groups_of(sums, query.limit)
    return RecordStats(
        by=query.by,
        since=None if span.since is None else moment(span.since * HOUR_MS),
        until=None if span.until is None else moment(span.until * HOUR_MS),
        total=total.totals(),
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
    if not 0 <= until - since <= SPANS[query.step]:
        hours = SPANS[query.step] // HOUR_MS
        raise InvalidInput.at("?since", f"steps of a {query.step} cover up to {hours} hours, forwards")
    unit = MINUTE_MS if query.step == "minute" else HOUR_MS
    step = 24 if query.step == "day" else 1
    width = unit * step
    since, until = since // width * width, -(-until // width) * width
    by = ("hour", *column_of(query.by))
    names = {"model": query.model, "app": query.app, "node": query.node}
    reader = database.reader
    if query.step == "minute":
        span = Span(since=since, until=until, **names)
        counted = await stats_store.counted_by_minute(reader, span, by)
        bucketed = await stats_store.bucketed_by_minute(reader, span, by)
    else:
        span = Span(since=since // HOUR_MS, until=until // HOUR_MS, **names)
        counted = await stats_store.counted(reader, span, by)
        bucketed = await stats_store.bucketed(reader, span, by)
    return RecordSeries(
        by=query.by,
        step=query.step,
        since=moment(since),
        until=moment(until),
        lines=lines_of(counted, bucketed, query.by, step=step, unit_ms=unit, limit=query.lines),  # type: ignore[arg-type]
        gaps=await store.gaps(reader, since, until),
    )
