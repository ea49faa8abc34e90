"""The life of an evaluation as a table. What is not listed is refused."""

from enum import StrEnum

from modelhubd.errors import Conflict
from modelhubd.wire.evaluations import EvaluationState as State


class Event(StrEnum):
    BEGIN = "begin"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"
    RESUME = "resume"
    INTERRUPTED = "interrupted"
    """The daemon ended meanwhile: it goes on where it was."""
    REMOVE = "remove"


TABLE: dict[tuple[State, Event], State | None] = {
    (State.QUEUED, Event.BEGIN): State.RUNNING,
    (State.QUEUED, Event.CANCEL): State.CANCELLED,
    (State.RUNNING, Event.FINISH): State.COMPLETED,
    (State.RUNNING, Event.FAIL): State.FAILED,
    (State.RUNNING, Event.CANCEL): State.CANCELLED,
    (State.RUNNING, Event.INTERRUPTED): State.QUEUED,
    (State.FAILED, Event.RESUME): State.QUEUED,
    (State.CANCELLED, Event.RESUME): State.QUEUED,
    (State.COMPLETED, Event.REMOVE): None,
    (State.FAILED, Event.REMOVE): None,
    (State.CANCELLED, Event.REMOVE): None,
}
"""None: it is over, and nothing is kept of it."""


def advance(state: State, event: Event) -> State | None:
    """The state that follows; None where it leaves the books.

    Raises:
        Conflict: (`wrong_state`) this cannot happen to an evaluation in this state.
    """
    if (state, event) not in TABLE:
        hint = " Cancel it first." if event is Event.REMOVE else ""
        raise Conflict(f"An evaluation that is {state} cannot {event}.{hint}", code="wrong_state")
    return TABLE[state, event]
