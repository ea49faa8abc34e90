"""The life of a version as a table. What is not listed is refused; nothing returns to pending."""

from enum import StrEnum

from modelhubd.errors import Conflict
from modelhubd.wire.registry import VersionStatus as Status


class Event(StrEnum):
    """What can be done to a version; each is an act of a person."""

    APPROVE = "approve"
    REJECT = "reject"
    CANCEL = "cancel"
    WITHDRAW = "withdraw"


TABLE: dict[tuple[Status, Event], Status] = {
    (Status.PENDING, Event.APPROVE): Status.APPROVED,
    (Status.PENDING, Event.REJECT): Status.REJECTED,
    (Status.PENDING, Event.CANCEL): Status.CANCELLED,
    (Status.APPROVED, Event.WITHDRAW): Status.WITHDRAWN,
}

PUBLIC = frozenset({Status.APPROVED, Status.WITHDRAWN})
"""What everybody who may read sees; the rest is between publishers, reviewers and administrators."""


def allows(status: Status, event: Event) -> bool:
    return (status, event) in TABLE


def advance(status: Status, event: Event) -> Status:
    """The status that follows.

    Raises:
        Conflict: (`wrong_state`) the event cannot happen to a version in this status.
    """
    following = TABLE.get((status, event))
    if following is None:
        ought = ", ".join(known for known in Status if (known, event) in TABLE)
        raise Conflict(
            f"A version that is {status} cannot do this: {event}. It is possible when it is {ought}; "
            "a correction is a new version.",
            code="wrong_state",
        )
    return following
