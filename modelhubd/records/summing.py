"""Rows of hours put together: totals, groups, lines for plots."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from modelhubd.records.buckets import percentile, percentiles
from modelhubd.records.rows import HOUR_MS, moment
from modelhubd.wire.records import Group, GroupBy, Line, Point, Totals

K = TypeVar("K")
Figures = Mapping[str, Any]
"""A row with the sums of an hour, or of several."""
DAY_HOURS = 24


class Sum:
    """What several rows come to."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.confidence = 0.0
        self.buckets: dict[str, Counter[int]] = defaultdict(Counter)

    def add(self, row: Figures, names: Iterable[str]) -> None:
        for name in names:
            self.counts[name] += row[name] or 0
        self.confidence += row["confidence_sum"] or 0.0

    def totals(self) -> Totals:
        counted, sure = self.counts, self.counts["confidence_count"]
        return Totals(
            requests=counted["requests"],
            passed=counted["passed"],
            failed=counted["failed"],
            cancelled=counted["cancelled"],
            good=counted["good"],
            bad=counted["bad"],
            prompt_tokens=counted["prompt_tokens"],
            cached_tokens=counted["cached_tokens"],
            completion_tokens=counted["completion_tokens"],
            confidence=round(self.confidence / sure, 4) if sure else None,
            ttft_s=percentiles(self.buckets["ttft"]),
            tokens_per_s=percentiles(self.buckets["speed"]),
            latency_s=percentiles(self.buckets["latency"]),
        )

    def point(self, at: int) -> Point:
        counted = self.counts
        return Point(
            at=moment(at),
            requests=counted["requests"],
            failed=counted["failed"],
            cancelled=counted["cancelled"],
            prompt_tokens=counted["prompt_tokens"],
            completion_tokens=counted["completion_tokens"],
            ttft_s=percentile(self.buckets["ttft"], 0.5),
            tokens_per_s=percentile(self.buckets["speed"], 0.5),
            latency_s=percentile(self.buckets["latency"], 0.5),
            latency_p90_s=percentile(self.buckets["latency"], 0.9),
        )


NAMES = (
    "requests", "passed", "failed", "cancelled", "good", "bad", "prompt_tokens", "cached_tokens",
    "completion_tokens", "confidence_count",
)  # fmt: skip


def summed(
    counted: Iterable[Figures], bucketed: Iterable[Figures], key: Callable[[Figures], K]
) -> dict[K, Sum]:
    """The sums of the rows by their `key`."""
    found: dict[K, Sum] = defaultdict(Sum)
    for row in counted:
        found[key(row)].add(row, NAMES)
    for row in bucketed:
        found[key(row)].buckets[row["figure"]][row["bucket"]] += row["requests"]
    return found


def column_of(by: GroupBy | str) -> tuple[str, ...]:
    """The columns that a grouping needs."""
    return {
        "model": ("reference",), "version": ("reference",), "app": ("app",), "node": ("node",),
        "day": ("hour",), "hour": ("hour",), "none": (),
    }[by]  # fmt: skip


def key_of(by: GroupBy | str) -> Callable[[Figures], str | int]:
    """What a row is grouped under: a name, or the first hour."""
    match by:
        case "model":
            return lambda row: str(row["reference"]).partition("@")[0]
        case "version":
            return lambda row: str(row["reference"])
        case "day":
            return lambda row: int(row["hour"]) // DAY_HOURS * DAY_HOURS
        case "hour":
            return lambda row: int(row["hour"])
        case "none":
            return lambda row: ""
        case _:
            return lambda row: str(row[by])


def groups_of(sums: Mapping[str | int, Sum], limit: int) -> tuple[tuple[Group, ...], int]:
    """The largest first, of times the oldest; and how many are left out."""
    ordered = sorted(
        sums.items(), key=lambda item: (0, str(item[0])) if isinstance(item[0], str) else (item[0], "")
    )
    ordered.sort(key=lambda item: -item[1].counts["requests"] if isinstance(item[0], str) else 0)
    if ordered and isinstance(ordered[0][0], int):
        kept, more = ordered[-limit:], max(len(ordered) - limit, 0)
    else:
        kept, more = ordered[:limit], max(len(ordered) - limit, 0)
    return tuple(Group(key=_shown(key), totals=found.totals()) for key, found in kept), more


def _shown(key: str | int) -> str | None:
    return moment(key * HOUR_MS) if isinstance(key, int) else key or None


def lines_of(
    counted: Iterable[Figures],
    bucketed: Iterable[Figures],
    by: str,
    *,
    step: int,
    unit_ms: int,
    limit: int,
) -> tuple[Line, ...]:
    """A line for each of the `limit` largest keys, then one for the rest. A row's `hour` counts units of
    `unit_ms`, a step is `step` of them."""
    key, counted, bucketed = key_of(by), list(counted), list(bucketed)
    sizes: Counter[str | int] = Counter()
    for row in counted:
        sizes[key(row)] += row["requests"]
    largest = sorted(sizes, key=lambda name: (-sizes[name], str(name)))[:limit]
    kept = set(largest)

    def place(row: Figures) -> tuple[str | int | None, int]:
        name = key(row)
        return (name if name in kept else None), int(row["hour"]) // step * step

    sums = summed(counted, bucketed, place)

    def line(name: str | int | None) -> Line:
        times = sorted(at for key, at in sums if key == name)
        points = tuple(sums[name, at].point(at * unit_ms) for at in times)
        return Line(key=str(name) or None if name is not None else None, rest=name is None, points=points)

    rest = (line(None),) if len(sizes) > len(kept) else ()
    return (*(line(name) for name in largest), *rest)
