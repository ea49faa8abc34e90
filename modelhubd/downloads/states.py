"""The life of a download as a table. What is not listed is refused."""

from enum import StrEnum

from modelhubd.errors import Conflict
from modelhubd.wire.downloads import DownloadState as State


class Event(StrEnum):
    """What can happen to a download. The first four are asked for, the others happen."""

    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    CANCEL = "cancel"
    START = "start"
    PUT_BACK = "put back"
    PASSING_FAULT = "passing fault"
    PERMANENT_FAULT = "permanent fault"
    RECEIVED = "received"
    BYTES_MISSING = "bytes missing"
    VERIFIED = "verified"
    INSTALLED = "installed"


VERBS = frozenset({Event.PAUSE, Event.RESUME, Event.RETRY, Event.CANCEL})
RUNNING = frozenset({State.ACTIVE, State.VERIFYING, State.INSTALLING})
"""States in which a task of the daemon works on the download; it goes on after a restart."""
STARTABLE = frozenset({State.QUEUED, State.WAITING})

TABLE: dict[tuple[State, Event], State] = {
    (State.QUEUED, Event.START): State.ACTIVE,
    (State.QUEUED, Event.PAUSE): State.PAUSED,
    (State.QUEUED, Event.CANCEL): State.CANCELLED,
    (State.ACTIVE, Event.PUT_BACK): State.QUEUED,
    (State.ACTIVE, Event.PAUSE): State.PAUSED,
    (State.ACTIVE, Event.CANCEL): State.CANCELLED,
    (State.ACTIVE, Event.RECEIVED): State.VERIFYING,
    (State.ACTIVE, Event.PASSING_FAULT): State.WAITING,
    (State.ACTIVE, Event.PERMANENT_FAULT): State.FAILED,
    (State.VERIFYING, Event.CANCEL): State.CANCELLED,
    (State.VERIFYING, Event.BYTES_MISSING): State.ACTIVE,
    (State.VERIFYING, Event.VERIFIED): State.INSTALLING,
    (State.VERIFYING, Event.PASSING_FAULT): State.WAITING,
    (State.VERIFYING, Event.PERMANENT_FAULT): State.FAILED,
    (State.INSTALLING, Event.CANCEL): State.CANCELLED,
    (State.INSTALLING, Event.BYTES_MISSING): State.ACTIVE,
    (State.INSTALLING, Event.INSTALLED): State.COMPLETED,
    (State.INSTALLING, Event.PASSING_FAULT): State.WAITING,
    (State.INSTALLING, Event.PERMANENT_FAULT): State.FAILED,
    (State.WAITING, Event.START): State.ACTIVE,
    (State.WAITING, Event.PAUSE): State.PAUSED,
    (State.WAITING, Event.CANCEL): State.CANCELLED,
    (State.PAUSED, Event.RESUME): State.QUEUED,
    (State.PAUSED, Event.CANCEL): State.CANCELLED,
    (State.FAILED, Event.RETRY): State.QUEUED,
    (State.CANCELLED, Event.RETRY): State.QUEUED,
}

_OUGHT: dict[Event, str] = {
    event: ", ".join(state for state in State if (state, event) in TABLE) for event in Event
}


def allows(state: State, event: Event) -> bool:
    return (state, event) in TABLE


def advance(state: State, event: Event) -> State:
    """The state that follows.

    Raises:
        Conflict: (`wrong_state`) the event cannot happen to a download in this state.
    """
    following = TABLE.get((state, event))
    if following is None:
        raise Conflict(
            f"A download that is {state} cannot do this: {event}. It is possible when it is {_OUGHT[event]}.",
            code="wrong_state",
        )
    return following
