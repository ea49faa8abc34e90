"""The life of a move to another drive as a table. What is not listed is refused.

Until `switched` the old folder is the models directory, from then on the new one is: one transaction decides.
"""

from enum import StrEnum

from modelhubd.errors import Conflict


class State(StrEnum):
    COPYING = "copying"
    """Files are copied; a restart goes on."""
    CLEARING = "clearing"
    """The new folder is in use; what was moved is removed from the old one."""
    UNDOING = "undoing"
    """It was given up; the copies are removed."""


class Event(StrEnum):
    SWITCHED = "switched"
    GIVEN_UP = "given up"
    CLEARED = "cleared"
    UNDONE = "undone"


TABLE: dict[tuple[State, Event], State | None] = {
    (State.COPYING, Event.SWITCHED): State.CLEARING,
    (State.COPYING, Event.GIVEN_UP): State.UNDOING,
    (State.CLEARING, Event.CLEARED): None,
    (State.UNDOING, Event.UNDONE): None,
}
"""None: it is over, and nothing is kept of it."""


def advance(state: State, event: Event) -> State | None:
    """The state that follows; None where the move is over.

    Raises:
        Conflict: (`wrong_state`) the event cannot happen to a move in this state.
    """
    if (state, event) not in TABLE:
        raise Conflict(f"A move that is {state} cannot do this: {event}.", code="wrong_state")
    return TABLE[state, event]
