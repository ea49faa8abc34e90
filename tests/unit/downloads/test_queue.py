"""Whose turn it is."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from modelhubd.downloads.queue import Spot, Turn, Waiting, next_turn, spot_between
from modelhubd.wire.downloads import DownloadState as State

NOW = datetime(2026, 5, 4, tzinfo=UTC)


def line(*states: State) -> list[Waiting]:
    return [Waiting(str(number), state) for number, state in enumerate(states)]


def test_as_many_start_as_there_are_places() -> None:
    queue = line(State.QUEUED, State.QUEUED, State.QUEUED)
    assert next_turn(queue, (), 2, NOW) == Turn((), ("0", "1"), (), None)
    assert next_turn(queue, ("0",), 2, NOW).start == ("1",)
    assert next_turn(queue, ("0", "1"), 2, NOW).start == ()
    assert next_turn(queue, ("0", "1", "2"), 2, NOW) == Turn((), (), (), None)


def test_what_ran_before_a_restart_goes_on_first() -> None:
    queue = line(State.QUEUED, State.ACTIVE, State.VERIFYING)
    assert next_turn(queue, (), 2, NOW) == Turn(("2", "1"), (), (), None)
    assert next_turn(queue, (), 3, NOW) == Turn(("2", "1"), ("0",), (), None)


def test_those_beyond_a_lowered_limit_step_back_unless_they_are_nearly_done() -> None:
    queue = line(State.ACTIVE, State.INSTALLING, State.VERIFYING, State.ACTIVE)
    assert next_turn(queue, (), 1, NOW) == Turn(("1", "2"), (), ("0", "3"), None)


def test_a_lowered_limit_puts_back_the_last_that_receive() -> None:
    queue = line(State.ACTIVE, State.ACTIVE, State.VERIFYING, State.ACTIVE, State.QUEUED)
    at_work = ("0", "1", "2", "3")
    assert next_turn(queue, at_work, 4, NOW).put_back == ()
    assert next_turn(queue, at_work, 3, NOW) == Turn((), (), ("3",), None)
    assert next_turn(queue, at_work, 2, NOW).put_back == ("1", "3")
    assert next_turn(queue, ("2",), 1, NOW).put_back == ("0", "1", "3"), "what is nearly done is finished"


def test_a_held_queue_starts_nothing_and_finishes_only_what_has_been_received() -> None:
    soon = NOW + timedelta(seconds=5)
    queue = [
        *line(State.ACTIVE, State.VERIFYING, State.ACTIVE, State.INSTALLING, State.QUEUED),
        Waiting("w", State.WAITING, soon),
    ]
    turn = next_turn(queue, ("0", "1"), 4, NOW, held=True)
    assert turn == Turn(("3",), (), ("0", "2"), None)


def test_a_waiting_one_has_its_turn_at_its_time() -> None:
    soon, later = NOW + timedelta(seconds=5), NOW + timedelta(seconds=9)
    queue = [
        Waiting("a", State.WAITING, later),
        Waiting("b", State.WAITING, soon),
        Waiting("c", State.WAITING, NOW),
        Waiting("d", State.WAITING, None),
        Waiting("e", State.PAUSED),
    ]
    assert next_turn(queue, (), 9, NOW) == Turn((), ("c", "d"), (), soon)


def test_a_clock_that_was_set_back_makes_nobody_wait_for_years() -> None:
    queue = [Waiting("a", State.WAITING, NOW + timedelta(days=400))]
    assert next_turn(queue, (), 1, NOW).start == ("a",)


def between(others: list[Spot], position: int, priority: int) -> Spot | None:
    """The spot at a position among others that are in order."""
    place = min(position - 1, len(others))
    before = others[place - 1] if place else None
    return spot_between(before, others[place] if place < len(others) else None, priority)


def test_a_position_among_equals_lies_between_its_neighbours() -> None:
    others = [Spot(0, 1.0), Spot(0, 2.0)]
    assert between(others, 1, 0) == Spot(0, 0.0)
    assert between(others, 2, 0) == Spot(0, 1.5)
    assert between(others, 3, 0) == Spot(0, 3.0)
    assert between(others, 99, 0) == Spot(0, 3.0)
    assert between([], 1, 7) == Spot(7, 0.0)


def test_ranks_without_room_ask_for_new_numbers() -> None:
    assert between([Spot(0, 1.0), Spot(0, 1.0)], 2, 0) is None


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 50)), max_size=12, unique=True),
    st.integers(1, 15),
    st.integers(-3, 3),
)
def test_a_position_is_where_it_says(pairs: list[tuple[int, int]], position: int, priority: int) -> None:
    others = [Spot(level, float(rank)) for level, rank in sorted(pairs, key=lambda pair: (-pair[0], pair[1]))]
    spot = between(others, position, priority)
    assert spot is not None
    ordered = sorted([*others, spot], key=lambda item: (-item.priority, item.rank))
    assert ordered.index(spot) == min(position - 1, len(others))
