"""How many connections a file is fetched over."""

import pytest

from modelhubd.downloads.width import AGAIN_S, FIRST, LARGE_BYTES, MEASURE_S, PROBE_AGAIN_S, Width, first_for


def grown(width: Width, rates: list[float]) -> list[int]:
    """The widths after intervals at those rates."""
    now, received, seen = 0.0, 0, []
    width.measure(now, received, width.now)
    for rate in rates:
        now += MEASURE_S * 1.01
        received += int(rate * MEASURE_S * 1.01)
        width.measure(now, received, width.now)
        seen.append(width.now)
        now += 0.001
        width.measure(now, received, 0)  # while the new ones are opened
    return seen


def test_it_doubles_while_that_brings_more_and_halves_where_it_did_not() -> None:
    assert grown(Width(16), [10e6, 20e6, 40e6, 80e6]) == [8, 16, 16, 16]
    assert grown(Width(64), [10e6, 20e6, 20e6, 20e6]) == [8, 16, 8, 8]
    assert grown(Width(64), [10e6, 11e6, 11e6]) == [8, 8, 8]
    assert grown(Width(6), [10e6, 20e6]) == [6, 6]


def test_what_did_not_bring_more_is_tried_again_later() -> None:
    width = Width(16)
    assert grown(width, [10e6, 10e6]) == [8, 4]
    late = 1.0 + PROBE_AGAIN_S
    width.measure(late, 0, 4)
    width.measure(late + 0.2, 2_000_000, 4)
    assert width.now == 8
    width.measure(late + 0.3, 2_000_000, 8)
    width.measure(late + 0.5, 2_000_000 + 4_000_000, 8)
    assert width.now == 16


def test_a_burst_at_first_is_no_measure() -> None:
    width = Width(16)
    assert grown(width, [500e6, 500e6]) == [8, 4]
    now = 1.0
    width.measure(now, 0, 4)
    for rate in (40e6, 80e6, 160e6, 160e6):
        now += MEASURE_S * 1.01
        width.measure(now, int(rate * MEASURE_S * 1.01), width.now)
        width.measure(now, 0, 0)
    assert width.now == 16


@pytest.mark.parametrize("begin", [0.0, 0.3, 0.7, 0.93])
@pytest.mark.parametrize("rate", [400e6, 1e9])
def test_an_origin_that_serves_a_burst_each_second_gets_all_connections(begin: float, rate: float) -> None:
    """As nginx does under limit_rate: 10 MB at once, then nothing until the clock shows another second."""
    width, received, second = Width(16), 0, -1
    left: dict[int, float] = {}
    width.measure(begin - 0.001, 0, 4)
    for tick in range(int((2.1 - begin) * 100)):
        now = begin + tick / 100
        if int(now) != second:
            left, second = dict.fromkeys(range(16), 10e6), int(now)
        room = rate / 100
        for lane in range(width.now):
            taken = min(left[lane], room)
            left[lane] -= taken
            room -= taken
            received += int(taken)
        width.measure(now, received, width.now)
    assert width.now == 16


def test_a_large_file_begins_over_more_connections() -> None:
    assert first_for(None) == first_for(LARGE_BYTES - 1) == 4
    assert first_for(LARGE_BYTES) == 8
    assert Width(16, first_for(LARGE_BYTES)).now == 8
    assert Width(3, first_for(LARGE_BYTES)).now == 3


def test_it_is_never_less_than_one() -> None:
    width = Width(0)
    assert width.now == 1
    width.most = 16
    assert width.now == FIRST
    width.refused(0, 0.0)
    assert width.now == 1


def test_who_was_turned_away_asks_again_later_and_for_one_more() -> None:
    width = Width(16)
    width.refused(3, 10.0)
    assert width.now == 3
    width.measure(10.0 + AGAIN_S - 0.1, 0, 3)
    assert width.now == 3
    width.measure(10.0 + AGAIN_S, 0, 3)
    assert width.now == 4
    width.refused(2, 100.0, 300.0)
    width.measure(399.0, 0, 2)
    assert width.now == 2


def test_nothing_is_concluded_before_all_are_open() -> None:
    width = Width(16)
    width.measure(0.0, 0, 4)
    width.measure(0.05, 1_000_000, 4)
    assert width.now == FIRST
    width.measure(1.0, 90_000_000, 3)
    assert width.now == FIRST
