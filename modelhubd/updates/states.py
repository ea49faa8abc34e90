"""The life of an update as a table. What is not listed is refused.

Until the new version is installed the old one is what names mean; the transaction that installs the new one
makes it the one. There is no state in between, unless the new one is tried first: then somebody says when.
"""

from enum import StrEnum

from modelhubd.errors import Conflict


class State(StrEnum):
    WANTED = "wanted"
    """Asked for; the download is not enqueued yet, and is at the next start."""
    FETCHING = "fetching"
    """The new version is being downloaded beside the old one."""
    TRYING = "trying"
    """The new one is installed beside the old one, and tried: the old one is what names mean."""
    INSTALLED = "installed"
    """The new one is what names mean; servers that run the old one are still there."""
    SWITCHING = "switching"
    """The new one is being loaded for those who use the old one, which runs until that is ready."""
    DONE = "done"
    ROLLED_BACK = "rolled back"


class Event(StrEnum):
    ENQUEUED = "enqueued"
    GIVEN_UP = "given up"
    """The download was refused, cancelled or forgotten: the update leaves the books."""
    INSTALLED_IN_USE = "installed while the old one is loaded"
    INSTALLED = "installed"
    INSTALLED_TO_TRY = "installed to be tried"
    SWITCH = "switch now"
    SWITCHED = "switched"
    SWITCH_FAILED = "switch failed"
    OLD_UNLOADED = "the old one was unloaded"
    ROLL_BACK = "roll back"


TABLE: dict[tuple[State, Event], State | None] = {
    (State.WANTED, Event.ENQUEUED): State.FETCHING,
    (State.WANTED, Event.GIVEN_UP): None,
    (State.WANTED, Event.INSTALLED): State.DONE,
    (State.WANTED, Event.INSTALLED_IN_USE): State.INSTALLED,
    (State.WANTED, Event.INSTALLED_TO_TRY): State.TRYING,
    (State.FETCHING, Event.GIVEN_UP): None,
    (State.FETCHING, Event.INSTALLED): State.DONE,
    (State.FETCHING, Event.INSTALLED_IN_USE): State.INSTALLED,
    (State.FETCHING, Event.INSTALLED_TO_TRY): State.TRYING,
    (State.TRYING, Event.GIVEN_UP): None,
    (State.TRYING, Event.INSTALLED): State.DONE,
    (State.TRYING, Event.INSTALLED_IN_USE): State.INSTALLED,
    (State.INSTALLED, Event.SWITCH): State.SWITCHING,
    (State.INSTALLED, Event.SWITCHED): State.DONE,
    (State.INSTALLED, Event.OLD_UNLOADED): State.DONE,
    (State.INSTALLED, Event.ROLL_BACK): State.ROLLED_BACK,
    (State.SWITCHING, Event.SWITCHED): State.DONE,
    (State.SWITCHING, Event.SWITCH_FAILED): State.INSTALLED,
    (State.SWITCHING, Event.OLD_UNLOADED): State.DONE,
    (State.SWITCHING, Event.ROLL_BACK): State.ROLLED_BACK,
    (State.DONE, Event.ROLL_BACK): State.ROLLED_BACK,
    (State.ROLLED_BACK, Event.INSTALLED): State.DONE,
    (State.ROLLED_BACK, Event.INSTALLED_IN_USE): State.INSTALLED,
    (State.ROLLED_BACK, Event.INSTALLED_TO_TRY): State.TRYING,
}
"""None: it is over, and nothing is kept of it."""

UNDER_WAY = (State.WANTED, State.FETCHING)
"""States in which the new version takes over as soon as it is installed."""


def allows(state: State, event: Event) -> bool:
    return (state, event) in TABLE


def advance(state: State, event: Event) -> State | None:
    """The state that follows; None where the update leaves the books.

    Raises:
        Conflict: (`wrong_state`) the event cannot happen to an update in this state.
    """
    if (state, event) not in TABLE:
        raise Conflict(f"An update that is {state} cannot do this: {event}.", code="wrong_state")
    return TABLE[state, event]
