"""The whole table: every state with every event."""

from itertools import product

import pytest

from modelhubd.downloads.states import RUNNING, STARTABLE, TABLE, VERBS, Event, advance, allows
from modelhubd.errors import Conflict
from modelhubd.wire.downloads import DownloadState as State

# One row per state: what each event makes of it. What is missing is refused.
EXPECTED: dict[State, dict[Event, State]] = {
    State.QUEUED: {Event.START: State.ACTIVE, Event.PAUSE: State.PAUSED, Event.CANCEL: State.CANCELLED},
    State.ACTIVE: {
        Event.PUT_BACK: State.QUEUED,
        Event.PAUSE: State.PAUSED,
        Event.CANCEL: State.CANCELLED,
        Event.RECEIVED: State.VERIFYING,
        Event.PASSING_FAULT: State.WAITING,
        Event.PERMANENT_FAULT: State.FAILED,
    },
    State.VERIFYING: {
        Event.CANCEL: State.CANCELLED,
        Event.BYTES_MISSING: State.ACTIVE,
        Event.VERIFIED: State.INSTALLING,
        Event.PASSING_FAULT: State.WAITING,
        Event.PERMANENT_FAULT: State.FAILED,
    },
    State.INSTALLING: {
        Event.CANCEL: State.CANCELLED,
        Event.BYTES_MISSING: State.ACTIVE,
        Event.INSTALLED: State.COMPLETED,
        Event.PASSING_FAULT: State.WAITING,
        Event.PERMANENT_FAULT: State.FAILED,
    },
    State.WAITING: {Event.START: State.ACTIVE, Event.PAUSE: State.PAUSED, Event.CANCEL: State.CANCELLED},
    State.PAUSED: {Event.RESUME: State.QUEUED, Event.CANCEL: State.CANCELLED},
    State.COMPLETED: {},
    State.FAILED: {Event.RETRY: State.QUEUED},
    State.CANCELLED: {Event.RETRY: State.QUEUED},
}


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_each_event_in_each_state_does_what_the_table_says(state: State, event: Event) -> None:
    expected = EXPECTED[state].get(event)
    assert allows(state, event) == (expected is not None)
    if expected is not None:
        assert advance(state, event) is expected
        return
    with pytest.raises(Conflict) as refusal:
        advance(state, event)
    assert refusal.value.code == "wrong_state"
    assert state in refusal.value.detail


def test_verbs_are_possible_where_the_api_says() -> None:
    able = {verb: {state for state in State if allows(state, verb)} for verb in VERBS}
    assert able[Event.PAUSE] == {State.QUEUED, State.ACTIVE, State.WAITING}
    assert able[Event.RESUME] == {State.PAUSED}
    assert able[Event.RETRY] == {State.FAILED, State.CANCELLED}
    assert able[Event.CANCEL] == {state for state in State if not state.ended}


def test_every_state_is_reached_and_every_unended_one_can_be_left() -> None:
    assert set(TABLE.values()) == set(State)
    assert {state for state, _ in TABLE} == set(State) - {State.COMPLETED}
    assert RUNNING.isdisjoint(STARTABLE)
    assert not any(state.ended for state in RUNNING | STARTABLE)
