"""Rows of days, hours and minutes put together: totals, groups, lines for plots."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from modelhubd.records.buckets import percentile, percentiles
from modelhubd.records.rows import moment
from modelhubd.wire.records import Group, Line, Point, Totals

K = TypeVar("K")
Row = Mapping[str, Any]
"""As `stats_store` gives them."""
NAMES = (
    "requests", "passed", "failed", "cancelled", "good", "bad", "prompt_tokens", "cached_tokens",
    "completion_tokens", "confidence_count",
)  # fmt: skip
KIND_OF = {
    "model": "reference", "version": "reference", "app": "app", "node": "node", "day": "all", "hour": "all",
    "none": "all",
}  # fmt: skip
"""By whose names the rows of a grouping are counted."""


class Sum:
    """What several rows come to."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.confidence = 0.0
        self.buckets: dict[str, Counter[int]] = defaultdict(Counter)

    def add(self, row: Row) -> None:
        for name in NAMES:
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


def summed(counted: Iterable[Row], bucketed: Iterable[Row], key: Callable[[Row], K]) -> dict[K, Sum]:
    """The sums of the rows by their `key`."""
    found: dict[K, Sum] = defaultdict(Sum)
    for row in counted:
        found[key(row)].add(row)
    for row in bucketed:
        found[key(row)].buckets[row["figure"]][row["bucket"]] += row["requests"]
    return found


def key_of(by: str) -> Callable[[Row], str | int]:
    """What a row is grouped under: a name, or a unit of time."""
    match by:
        case "model":
            return lambda row: str(row["name"]).partition("@")[0]
        case "day" | "hour":
            return lambda row: int(row["unit"])
        case "none":
            return lambda row: ""
        case _:
            return lambda row: str(row["name"])


def groups_of(
    sums: Mapping[str | int, Sum], limit: int, *, unit_ms: int = 0
) -> tuple[tuple[Group, ...], int]:
    """The largest first; of units of time the newest, the oldest of them first. And how many are left out."""
    more = max(len(sums) - limit, 0)
    times = sorted(key for key in sums if isinstance(key, int))[-limit:]
    names = sorted(
        (key for key in sums if isinstance(key, str)), key=lambda key: (-sums[key].counts["requests"], key)
    )[:limit]
    groups = [Group(key=moment(time * unit_ms), totals=sums[time].totals()) for time in times]
    groups += [Group(key=name or None, totals=sums[name].totals()) for name in names]
    return tuple(groups), more


def lines_of(
    counted: Iterable[Row], bucketed: Iterable[Row], by: str, *, unit_ms: int, limit: int
) -> tuple[Line, ...]:
    """A line for each of the `limit` largest keys, then one for the rest."""
    key, counted = key_of(by), list(counted)
    sizes: Counter[str | int] = Counter()
    for row in counted:
        sizes[key(row)] += row["requests"]
    largest = sorted(sizes, key=lambda name: (-sizes[name], str(name)))[:limit]
    kept = set(largest)

    def place(row: Row) -> tuple[str | int | None, int]:
        name = key(row)
        return (name if name in kept else None), int(row["unit"])

    sums = summed(counted, bucketed, place)

    def line(name: str | int | None) -> Line:
        times = sorted(at for key, at in sums if key == name)
        points = tuple(sums[name, at].point(at * unit_ms) for at in times)
        return Line(key=str(name) or None if name is not None else None, rest=name is None, points=points)

    rest = (line(None),) if len(sizes) > len(kept) else ()
    return (*(line(name) for name in largest), *rest)
