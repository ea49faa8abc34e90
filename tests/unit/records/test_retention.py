"""What is too old goes, whatever the clock has done meanwhile."""

import pytest

from modelhubd.records.retention import AHEAD_MS, CALM_S, Calm, too_old

NOW, DAY = 1_800_000_000_000, 86_400_000
CUTOFF = NOW - 90 * DAY
OLD, YOUNG, FUTURE, PAST = CUTOFF - 1, CUTOFF, NOW + AHEAD_MS + 1, 5


@pytest.mark.parametrize(
    ("times", "last"),
    [
        ([], None),
        ([OLD, OLD, YOUNG], 2),
        ([YOUNG, YOUNG], None),
        ([OLD, FUTURE, FUTURE, YOUNG], 1),
        ([OLD, FUTURE, OLD, YOUNG], 3),
        ([FUTURE, FUTURE], None),
        ([YOUNG, PAST, PAST, YOUNG], None),
        ([OLD, PAST, OLD], 3),
        ([YOUNG, OLD], None),
    ],
)
def test_rows_go_in_the_order_they_came_and_the_first_young_one_keeps_the_rest(
    times: list[int], last: int | None
) -> None:
    assert too_old(enumerate(times, 1), cutoff=CUTOFF, now=NOW) == last


def test_nothing_goes_in_the_first_hour() -> None:
    calm = Calm(1000.0, 50.0)
    assert not calm.holds(1000.0, 50.0)
    assert not calm.holds(1000.0 + CALM_S - 1, 50.0 + CALM_S - 1)
    assert calm.holds(1000.0 + CALM_S, 50.0 + CALM_S)


@pytest.mark.parametrize("jump", [-1e9, -121.0, 121.0, 1e9])
def test_nothing_goes_for_an_hour_after_the_clock_was_set(jump: float) -> None:
    calm = Calm(0.0, 0.0)
    assert calm.holds(CALM_S, CALM_S)
    assert not calm.holds(CALM_S + 10 + jump, CALM_S + 10)
    assert not calm.holds(2 * CALM_S + jump, 2 * CALM_S)
    assert calm.holds(2 * CALM_S + 10 + jump, 2 * CALM_S + 10)


def test_a_clock_that_drifts_a_little_is_believed() -> None:
    calm = Calm(0.0, 0.0)
    assert calm.holds(CALM_S + 100, CALM_S)
