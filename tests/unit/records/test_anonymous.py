"""What an export holds tells of nobody."""

import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.records.anonymous import (
    ANY,
    GROUP_FIELDS,
    ROW_FIELDS,
    Source,
    anonymous,
    merging,
    power,
    pseudonym,
    rounded,
)

DAY_MS = 86_400_000
NOON = 1_790_000_000_000
SALT = b"0" * 32


def source(**changes: Any) -> Source:
    fields: dict[str, Any] = {
        "at": NOON, "model": "lab/tiny", "app": "editor", "node": "draft", "route": "/v1/chat/completions",
        "streamed": True, "outcome": "pass", "code": None, "finish_reason": "stop", "prompt_tokens": 21,
        "cached_tokens": 20, "completion_tokens": 8, "ttft_s": 0.123, "tokens_per_s": 43.2,
        "latency_s": 1.234, "confidence": 0.987, "mark": "good",
    }  # fmt: skip
    return Source(**fields | changes)


def made(sources: list[Source], k: int = 10, named: bool = False, rows: bool = True) -> Any:
    return anonymous(sources, k=k, salt=SALT, named=lambda model: named, rows=rows)


KEYS = st.tuples(*(st.sampled_from(["a", "b", "c"]) for _ in range(4)))


@given(st.dictionaries(KEYS, st.integers(1, 30)), st.integers(2, 20))
def test_no_group_is_smaller_than_k_and_nobody_is_counted_twice(sizes: Any, k: int) -> None:
    place, merged, left_out = merging(sizes, k)
    groups: Counter[Any] = Counter()
    for key, target in place.items():
        groups[target] += sizes[key]
        assert all(told in (ANY, own) for own, told in zip(key, target, strict=True))
    assert all(size >= k for size in groups.values())
    assert sum(groups.values()) + left_out == sum(sizes.values())
    assert left_out < k
    assert merged == sum(key != target for key, target in place.items())


def test_large_groups_stand_and_small_ones_are_merged_with_their_likes() -> None:
    sizes = {
        ("d", "m", "a", "n1"): 10,
        ("d", "m", "a", "n2"): 4,
        ("d", "m", "a", "n3"): 6,
        ("e", "m", "b", "n"): 9,
    }
    place, merged, left_out = merging(sizes, 10)
    assert place == {
        ("d", "m", "a", "n1"): ("d", "m", "a", "n1"),
        ("d", "m", "a", "n2"): ("d", "m", "a", ANY),
        ("d", "m", "a", "n3"): ("d", "m", "a", ANY),
    }
    assert (merged, left_out) == (2, 9)


def test_rows_and_groups_have_the_fields_of_the_list_and_no_others() -> None:
    found = made([source() for _ in range(10)])
    assert [tuple(row) for row in found.rows] == [ROW_FIELDS] * 10
    assert [tuple(group) for group in found.groups] == [GROUP_FIELDS]
    assert found.rows[0] == {
        "day": "2026-09-21", "model": pseudonym(SALT, "model", "lab/tiny"),
        "app": pseudonym(SALT, "app", "editor"), "node": pseudonym(SALT, "node", "draft"),
        "route": "/v1/chat/completions", "streamed": True,
        "outcome": "pass", "code": None, "finish_reason": "stop", "prompt_tokens": 32, "cached_tokens": 32,
        "completion_tokens": 8, "ttft_s": 0.1, "tokens_per_s": 50.0, "latency_s": 1.0, "confidence": 1.0,
        "mark": "good",
    }  # fmt: skip
    assert made([source() for _ in range(10)], rows=False).rows == []


def test_no_name_and_no_time_is_told() -> None:
    chance = random.Random(3)
    sources = [
        source(at=NOON + chance.randrange(5 * DAY_MS), model=f"canary/m{n % 3}", app=f"canary{n % 2}",
               node="canary node",
               route="/v1/canary", code="Canary words", finish_reason="canary", latency_s=chance.random() * 9)
        for n in range(200)
    ]  # fmt: skip
    text = json.dumps([made(sources).rows, made(sources).groups])
    assert "canary" not in text.lower() and "T" not in {row["day"][10:11] for row in made(sources).rows}
    assert all(
        row["route"] == "other" and row["code"] is None and row["finish_reason"] is None
        for row in made(sources).rows
    )


def test_ids_differ_from_export_to_export() -> None:
    assert pseudonym(SALT, "app", "editor") != pseudonym(b"1" * 32, "app", "editor")
    assert pseudonym(SALT, "app", "editor") != pseudonym(SALT, "node", "editor")


def test_rows_do_not_stand_in_the_order_they_came() -> None:
    sources = [source(latency_s=float(n % 7 + 1)) for n in range(40)]
    backwards = made(sources[::-1])
    assert made(sources).rows == backwards.rows


def test_models_stand_with_their_ids_only_where_asked_and_what_is_unnamed_is_none() -> None:
    found = made([source(app="", node="", model="") for _ in range(10)], named=True)
    assert {(row["model"], row["app"], row["node"]) for row in found.rows} == {("none", "none", "none")}
    assert {row["model"] for row in made([source() for _ in range(10)], named=True).rows} == {"lab/tiny"}


def test_aggregates_are_of_the_whole_group() -> None:
    sources = [source(outcome="fail", code="answered_400", ttft_s=None, confidence=None) for _ in range(7)]
    sources += [source(outcome="cancelled", mark="bad", ttft_s=None, confidence=None) for _ in range(5)]
    (group,) = made(sources, rows=False).groups
    assert (group["requests"], group["failed"], group["cancelled"], group["good"], group["bad"]) == (
        12,
        7,
        5,
        7,
        5,
    )
    assert (group["prompt_tokens"], group["ttft_s"], group["confidence"]) == (256, None, None)
    assert {row["code"] for row in made(sources).rows} == {"answered_400", None}
    assert {row["confidence"] for row in made(sources).rows} == {None}


def test_a_day_that_no_calendar_has_is_any() -> None:
    (group,) = made([source(at=2**62) for _ in range(10)], rows=False).groups
    assert group["day"] == ANY


def test_fewer_than_k_are_left_out() -> None:
    found = made([source() for _ in range(9)])
    assert (found.groups, found.rows, found.left_out) == ((), [], 9)


@pytest.mark.parametrize(
    ("figure", "told"),
    [(None, None), (0.0, 0.0), (-1.0, 0.0), (0.0123, 0.01), (1.3, 1.5), (9.1, 10.0), (640.0, 700.0)],
)
def test_figures_are_rounded(figure: float | None, told: float | None) -> None:
    assert rounded(figure) == told


@pytest.mark.parametrize(
    ("count", "told"), [(None, None), (-3, 0), (0, 0), (1, 1), (3, 4), (4, 4), (1000, 1024)]
)
def test_counts_are_powers_of_two(count: int | None, told: int | None) -> None:
    assert power(count) == told
