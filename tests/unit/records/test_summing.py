"""Rows of hours come to totals, groups and lines."""

from typing import Any

from modelhubd.records.buckets import bucket_of
from modelhubd.records.store import COUNTED
from modelhubd.records.summing import KIND_OF, NAMES, groups_of, key_of, lines_of, summed
from modelhubd.wire.records import Totals


def row(name: str = "a/b@1:x", unit: int = 0, requests: int = 1, **rest: Any) -> dict[str, Any]:
    return {"unit": unit, "name": name, **dict.fromkeys(COUNTED, 0), "requests": requests, **rest}


def bucket(figure: str, value: float, requests: int = 1, **rest: Any) -> dict[str, Any]:
    found = {"unit": 0, "name": "a/b@1:x", "figure": figure}
    return found | {"bucket": bucket_of(value), "requests": requests, **rest}


def test_every_grouping_has_its_key() -> None:
    one = row("a/b@2:x", unit=25)
    keys = {by: key_of(by)(one) for by in KIND_OF}
    assert keys == {
        "model": "a/b", "version": "a/b@2:x", "app": "a/b@2:x", "node": "a/b@2:x", "day": 25, "hour": 25,
        "none": "",
    }  # fmt: skip
    assert set(NAMES) | {"confidence_sum"} == set(COUNTED)


def test_versions_of_a_model_are_one_group_and_the_largest_comes_first() -> None:
    counted = [
        row(requests=1, passed=1, confidence_sum=0.5, confidence_count=1),
        row("a/b@2:x", requests=2, failed=2, confidence_sum=1.5, confidence_count=2),
        row("c/d", requests=5),
        row("", requests=1),
    ]
    bucketed = [bucket("latency", 1.0), bucket("latency", 9.0, 9, name="a/b@2:x"), bucket("ttft", 0.5)]
    groups, more = groups_of(summed(counted, bucketed, key_of("model")), 2)
    assert more == 1
    assert [group.key for group in groups] == ["c/d", "a/b"]
    totals = groups[1].totals
    assert (totals.requests, totals.passed, totals.failed) == (3, 1, 2)
    assert totals.confidence == 0.6667
    assert totals.latency_s is not None and 8.5 < totals.latency_s.p50 < 9.5
    assert totals.ttft_s is not None and totals.tokens_per_s is None
    assert groups_of(summed(counted, (), key_of("model")), 10)[0][2].key is None


def test_times_are_in_their_order_and_the_newest_stay() -> None:
    sums = summed([row(unit=day) for day in (3, 0, 2, 2)], (), key_of("day"))
    groups, more = groups_of(sums, 2, unit_ms=86_400_000)
    assert more == 1
    assert [(group.key, group.totals.requests) for group in groups] == [
        ("1970-01-03T00:00:00.000Z", 2), ("1970-01-04T00:00:00.000Z", 1),
    ]  # fmt: skip
    assert groups_of({}, 3) == ((), 0)


def test_nothing_comes_to_nothing() -> None:
    assert summed((), (), key_of("none"))[""].totals() == Totals()


def test_the_largest_have_lines_and_the_rest_share_one() -> None:
    counted = [
        row("big", requests=5), row("big", unit=1, requests=1, failed=1), row("mid", requests=3),
        row("few", unit=1, requests=1), row("", unit=1, requests=1),
    ]  # fmt: skip
    bucketed = [bucket("latency", 2.0, name="big"), bucket("speed", 40.0, name="few", unit=1)]
    lines = lines_of(counted, bucketed, "app", unit_ms=3_600_000, limit=2)
    assert [(line.key, line.rest) for line in lines] == [("big", False), ("mid", False), (None, True)]
    assert [(point.at, point.requests, point.failed) for point in lines[0].points] == [
        ("1970-01-01T00:00:00.000Z", 5, 0), ("1970-01-01T01:00:00.000Z", 1, 1),
    ]  # fmt: skip
    assert lines[0].points[0].latency_s == lines[0].points[0].latency_p90_s
    assert lines[0].points[1].latency_s is None
    assert lines[2].points[0].tokens_per_s is not None
    together = lines_of(counted, bucketed, "none", unit_ms=3_600_000, limit=8)
    assert [(line.key, line.rest, [point.requests for point in line.points]) for line in together] == [
        (None, False, [8, 3])
    ]
