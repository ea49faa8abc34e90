"""The life of a server is a table."""

from itertools import product

import pytest

from modelhubd.llama.states import TRANSITIONS, ServerEvent, advance, restart_delay
from modelhubd.wire.servers import ServerState


@pytest.mark.parametrize(("state", "event"), list(product(ServerState, ServerEvent)))
def test_every_pair_of_state_and_event_is_listed_or_refused(state: ServerState, event: ServerEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert advance(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(ValueError, match="cannot have"):
            advance(state, event)


def test_the_table_is_this_one() -> None:
    ends = {(state.value, event.value): after.value for (state, event), after in TRANSITIONS.items()}
    assert ends == {
        ("starting", "spawned"): "loading",
        ("starting", "stop_asked"): "draining",
        ("starting", "broke"): "failed",
        ("loading", "answered"): "ready",
        ("loading", "port_taken"): "starting",
        ("loading", "stop_asked"): "draining",
        ("loading", "broke"): "failed",
        ("ready", "stop_asked"): "draining",
        ("ready", "broke"): "failed",
        ("ready", "crashed"): "starting",
        ("draining", "ended"): "stopped",
        ("stopped", "restarted"): "starting",
        ("failed", "restarted"): "starting",
    }


def test_every_state_can_come_to_an_end() -> None:
    for start in ServerState:
        reached, todo = {start}, [start]
        while todo:
            state = todo.pop()
            for (before, _), after in TRANSITIONS.items():
                if before is state and after not in reached:
                    reached.add(after)
                    todo.append(after)
        assert any(state.ended for state in reached)


def test_restarts_are_delayed_twice_as_long_each_time() -> None:
    crashes = tuple(float(second) for second in range(5))
    assert [restart_delay(crashes[: n + 1], 0.5) for n in range(5)] == [1, 2, 4, 8, 16]


def test_the_delay_is_spread_by_a_quarter_both_ways() -> None:
    assert restart_delay((0.0,), 0.0) == 0.75
    assert restart_delay((0.0,), 1.0) == 1.25


def test_six_crashes_in_ten_minutes_are_too_many() -> None:
    assert restart_delay((0.0, 1.0, 2.0, 3.0, 4.0, 599.0), 0.5) is None
    assert restart_delay((0.0, 1.0, 2.0, 3.0, 4.0, 600.5), 0.5) == 16
