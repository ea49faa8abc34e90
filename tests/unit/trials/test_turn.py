"""When the candidate is asked, what becomes of a replay, and which pair people see next."""

import pytest

from modelhubd.trials.blind import meaning, next_pair, shown, to_forget
from modelhubd.trials.turn import (
    ENOUGH,
    IDLE_S,
    QUIET_S,
    Outcome,
    Situation,
    enough_after,
    failures_after,
    fault_after,
    is_given_up,
    limit_s,
    makes_a_pair,
    more_pairs,
    waits_for,
)
from modelhubd.wire.trials import MOST_PAIRS, Better, PairContent, Preferred, Side, When


@pytest.mark.parametrize(
    ("when", "pending", "quiet_s", "idle", "code"),
    [
        ("parallel", 0, 99, True, "nothing_asked"), ("parallel", 1, 0, True, "not_idle"),
        ("parallel", 1, QUIET_S, False, None), ("idle", 1, QUIET_S, True, "not_idle"),
        ("idle", 1, IDLE_S, False, "not_idle"), ("idle", 1, IDLE_S, True, None),
    ],
)  # fmt: skip
def test_the_candidate_waits_for_its_turn(
    when: When, pending: int, quiet_s: float, idle: bool, code: str | None
) -> None:
    found = waits_for(Situation(when=when, pending=pending, quiet_s=quiet_s, idle=idle))
    assert (found and found.code) == code


def test_the_candidate_may_take_ten_times_as_long_within_limits() -> None:
    assert [limit_s(None), limit_s(1), limit_s(30), limit_s(1000)] == [60, 60, 300, 600]
    assert limit_s(1, least_s=2) == 10


def test_three_failures_in_a_row_pause_the_trial_and_an_answer_forgives() -> None:
    failures = 0
    for outcome, after, code in (
        (Outcome.FAILED, 1, None), (Outcome.INTERRUPTED, 1, None), (Outcome.NO_ROOM, 1, None),
        (Outcome.HUNG, 2, None), (Outcome.REFUSED, 0, None), (Outcome.FAILED, 1, None),
        (Outcome.ANSWERED, 0, None), (Outcome.FAILED, 1, None), (Outcome.HUNG, 2, None),
        (Outcome.TOO_LARGE, 3, "candidate_too_large"),
    ):  # fmt: skip
        failures = failures_after(failures, outcome)
        fault = fault_after(failures, outcome, "it broke.")
        assert (failures, fault and fault.code) == (after, code)
    assert fault is not None and "it broke." in fault.detail


def test_a_trial_has_enough_with_its_pairs_and_resumed_takes_as_many_again() -> None:
    assert enough_after(999, 1000) is None
    enough = enough_after(1000, 1000)
    assert enough is not None and enough.code == ENOUGH and "1000 pairs" in enough.detail
    assert [more_pairs(999, 1000), more_pairs(1000, 1000), more_pairs(1003, 1000)] == [1000, 2000, 2000]
    assert [more_pairs(6000, 6000), more_pairs(9999, MOST_PAIRS)] == [MOST_PAIRS, MOST_PAIRS]
    assert more_pairs(MOST_PAIRS, MOST_PAIRS) is None


def test_what_was_broken_off_is_no_pair_and_is_given_up_at_last() -> None:
    no_pairs = {outcome for outcome in Outcome if not makes_a_pair(outcome)}
    assert no_pairs == {Outcome.INTERRUPTED, Outcome.NO_ROOM}
    assert [is_given_up(n) for n in (1, 4, 5)] == [False, False, True]


def test_the_next_pair_is_a_random_one_in_a_random_order_and_one_that_is_open_comes_again() -> None:
    left: list[tuple[int, Side | None]] = [(3, None), (5, None), (8, None)]
    assert next_pair([], 0.5, 0.5) is None
    assert next_pair(left, 0.0, 0.4) == (3, "active")
    assert next_pair(left, 0.99, 0.6) == (8, "candidate")
    assert next_pair([*left, (9, "candidate")], 0.0, 0.0) == (9, "candidate")


@pytest.mark.parametrize(
    ("first", "better", "preferred"),
    [
        ("active", "first", "active"), ("active", "second", "candidate"), ("candidate", "first", "candidate"),
        ("candidate", "second", "active"), ("active", "tie", "tie"), ("candidate", "both_bad", "both_bad"),
    ],
)  # fmt: skip
def test_a_mark_means_whose_answer_was_shown_there(first: Side, better: Better, preferred: Preferred) -> None:
    assert meaning(better, first) == preferred


def test_a_pair_is_shown_without_names() -> None:
    content = PairContent(question="Q", active="A", candidate="C")
    assert [
        (one.first, one.second) for one in (shown(1, "active", content, 2), shown(1, "candidate", content, 2))
    ] == [
        ("A", "C"),
        ("C", "A"),
    ]


def test_marked_pairs_make_way_first_and_then_the_oldest() -> None:
    assert to_forget([1, 2, 3, 4], {3}, 2) == [3, 1]
    assert to_forget([1, 2], set(), 2) == []
    assert to_forget([1, 2], set(), 0) == [1, 2]
