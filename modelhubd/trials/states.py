"""The life of a trial as a table. What is not listed is refused. A trial that is removed leaves no row."""

from enum import StrEnum

from modelhubd.errors import Conflict
from modelhubd.wire.trials import TrialState


class Event(StrEnum):
    PAUSE = "pause"
    FAULT = "pause by itself"
    """The candidate fails, hangs or is gone, or the active one is."""
    RESUME = "resume"
    PROMOTE = "promote"


TABLE: dict[tuple[TrialState, Event], TrialState] = {
    (TrialState.RUNNING, Event.PAUSE): TrialState.PAUSED,
    (TrialState.RUNNING, Event.FAULT): TrialState.PAUSED,
    (TrialState.RUNNING, Event.PROMOTE): TrialState.PROMOTED,
    (TrialState.PAUSED, Event.PAUSE): TrialState.PAUSED,
    (TrialState.PAUSED, Event.RESUME): TrialState.RUNNING,
    (TrialState.PAUSED, Event.PROMOTE): TrialState.PROMOTED,
}


def allows(state: TrialState, event: Event) -> bool:
    return (state, event) in TABLE


def advance(state: TrialState, event: Event) -> TrialState:
    """The state that follows.

    Raises:
        Conflict: (`wrong_state`) the event cannot happen to a trial in this state.
    """
    if (state, event) not in TABLE:
        raise Conflict(f"A trial that is {state} cannot do this: {event}.", code="wrong_state")
    return TABLE[state, event]
