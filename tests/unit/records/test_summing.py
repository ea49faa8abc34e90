"""Rows of hours come to totals, groups and lines."""

from typing import Any

from modelhubd.records.buckets import bucket_of
from modelhubd.records.stats_store import COUNTED
from modelhubd.records.summing import NAMES, column_of, groups_of, key_of, lines_of, summed
from modelhubd.wire.records import Totals


def row(
    hour: int = 0, reference: str = "a/b@1:x", app: str = "", requests: int = 1, **rest: Any
) -> dict[str, Any]:
    zeros = dict.fromkeys(COUNTED, 0)
    return {
        "hour": hour,
        "reference": reference,
        "app": app,
        "node": "",
        **zeros,
        "requests": requests,
        **rest,
    }


def bucket(figure: str, value: float, requests: int = 1, **rest: Any) -> dict[str, Any]:
    found = {"hour": 0, "reference": "a/b@1:x", "app": "", "node": "", "figure": figure}
    return found | {"bucket": bucket_of(value), "requests": requests, **rest}


def test_every_grouping_has_its_columns_and_its_key() -> None:
    one = row(hour=25, reference="a/b@2:x", app="editor", node="draft")
    keys = {by: key_of(by)(one) for by in ("model", "version", "app", "node", "day", "hour", "none")}
    assert keys == {
        "model": "a/b", "version": "a/b@2:x", "app": "editor", "node": "draft", "day": 24, "hour": 25,
        "none": "",
    }  # fmt: skip
    assert {by: column_of(by) for by in keys} == {
        "model": ("reference",), "version": ("reference",), "app": ("app",), "node": ("node",),
        "day": ("hour",), "hour": ("hour",), "none": (),
    }  # fmt: skip


def test_versions_of_a_model_are_one_group_and_the_largest_comes_first() -> None:
    counted = [
        row(requests=1, passed=1, confidence_sum=0.5, confidence_count=1),
        row(reference="a/b@2:x", requests=2, failed=2, confidence_sum=1.5, confidence_count=2),
        row(reference="c/d", requests=5),
        row(reference="", requests=1),
    ]
    bucketed = [bucket("latency", 1.0), bucket("latency", 9.0, 9, reference="a/b@2:x"), bucket("ttft", 0.5)]
    groups, more = groups_of(summed(counted, bucketed, key_of("model")), 2)
    assert more == 1
    assert [group.key for group in groups] == ["c/d", "a/b"]
    totals = groups[1].totals
    assert (totals.requests, totals.passed, totals.failed) == (3, 1, 2)
    assert totals.confidence == 0.6667
    assert totals.latency_s is not None and 8.7 < totals.latency_s.p50 < 9.3
    assert totals.ttft_s is not None and totals.tokens_per_s is None
    assert groups_of(summed(counted, (), key_of("model")), 10)[0][2].key is None
    assert set(NAMES) <= set(COUNTED)


def test_times_are_in_their_order_and_the_newest_stay() -> None:
    counted = [row(hour=hour, requests=1) for hour in (50, 2, 26, 3)]
    groups, more = groups_of(summed(counted, (), key_of("day")), 2)
    assert (more, [group.key for group in groups]) == (
        1,
        ["1970-01-02T00:00:00.000Z", "1970-01-03T00:00:00.000Z"],
    )
    assert groups_of({}, 3) == ((), 0)


def test_nothing_comes_to_nothing() -> None:
    assert summed((), (), key_of("none"))[""].totals() == Totals()


def test_the_largest_have_lines_and_the_rest_share_one() -> None:
    counted = [
        row(hour=0, app="big", requests=5), row(hour=1, app="big", requests=1, failed=1),
        row(hour=0, app="mid", requests=3), row(hour=1, app="few", requests=1),
        row(hour=1, app="", requests=1),
    ]  # fmt: skip
    bucketed = [bucket("latency", 2.0, app="big"), bucket("speed", 40.0, app="few", hour=1)]
    lines = lines_of(counted, bucketed, "app", step=1, unit_ms=3_600_000, limit=2)
    assert [(line.key, line.rest) for line in lines] == [("big", False), ("mid", False), (None, True)]
    assert [(point.at, point.requests, point.failed) for point in lines[0].points] == [
        ("1970-01-01T00:00:00.000Z", 5, 0), ("1970-01-01T01:00:00.000Z", 1, 1),
    ]  # fmt: skip
    assert lines[0].points[0].latency_s == lines[0].points[0].latency_p90_s
    assert lines[0].points[1].latency_s is None
    assert lines[2].points[0].tokens_per_s is not None
    by_day = lines_of(counted, bucketed, "none", step=24, unit_ms=3_600_000, limit=8)
    assert [(line.key, [point.requests for point in line.points]) for line in by_day] == [(None, [11])]
    assert not by_day[0].rest
