"""What runs next, and where in the queue a download stands. Pure."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from modelhubd.downloads.plan import MAX_RETRY_AFTER_S
from modelhubd.downloads.states import RUNNING, STARTABLE
from modelhubd.wire.downloads import DownloadState as State

FURTHEST = timedelta(seconds=MAX_RETRY_AFTER_S)
"""Nothing waits longer: a moment beyond it was written by a clock that has been set back since."""


class Waiting(Struct, frozen=True):
    """One download as the queue sees it."""

    id: str
    state: State
    not_before: datetime | None = None
    """When a waiting one may be tried again."""


class Turn(Struct, frozen=True):
    """What to do now: take these up again, start these, put these back; and when to look again."""

    go_on: tuple[str, ...]
    start: tuple[str, ...]
    put_back: tuple[str, ...]
    look_again_at: datetime | None


def next_turn(
    queue: Sequence[Waiting], at_work: Collection[str], max_active: int, now: datetime, *, held: bool = False
) -> Turn:
    """Whose turn it is.

    `queue` is in order of priority and holds what is not ended; `at_work` are those a task works on.
    What was running before a restart goes on first. Where more run than there are places, those still
    receiving step back, the last in the queue first; where the schedule has the queue `held`, all of them.
    """
    put_back = _steps_back(queue, at_work, 0 if held else max_active)
    free = 0 if held else max_active - len(at_work)
    go_on, start = [], []
    running = [item for item in queue if item.state in RUNNING and item.id not in at_work]
    for item in sorted(running, key=lambda item: item.state is State.ACTIVE):
        if free > 0 or item.state is not State.ACTIVE:
            go_on.append(item.id)
            free -= 1
        else:
            put_back.append(item.id)
    look_again: datetime | None = None
    for item in queue:
        if item.state not in STARTABLE or item.id in at_work:
            continue
        if item.not_before is not None and now < item.not_before <= now + FURTHEST:
            if look_again is None or item.not_before < look_again:
                look_again = item.not_before
        elif free > 0:
            start.append(item.id)
            free -= 1
    return Turn(tuple(go_on), tuple(start), tuple(put_back), None if held else look_again)


def _steps_back(queue: Sequence[Waiting], at_work: Collection[str], max_active: int) -> list[str]:
    """Which of those at work are too many."""
    working = [item for item in queue if item.id in at_work and item.state in RUNNING]
    too_many = max(len(working) - max_active, 0)
    receiving = [item.id for item in working if item.state is State.ACTIVE]
    return receiving[max(len(receiving) - too_many, 0) :]


class Spot(Struct, frozen=True):
    """A place in the order: higher priority first, then lower rank."""

    priority: int
    rank: float


def spot_between(before: Spot | None, after: Spot | None, priority: int) -> Spot | None:
    """The spot behind one and ahead of the other, where there are such.

    The priority stays unless a neighbour of another priority forbids it. None when two neighbours' ranks
    leave no room between them: number the queue afresh and ask again.
    """
    if before is not None:
        priority = min(priority, before.priority)
    if after is not None:
        priority = max(priority, after.priority)
    low = before.rank if before is not None and before.priority == priority else None
    high = after.rank if after is not None and after.priority == priority else None
    if low is None:
        return Spot(priority, 0.0 if high is None else high - 1.0)
    if high is None:
        return Spot(priority, low + 1.0)
    middle = (low + high) / 2
    return Spot(priority, middle) if low < middle < high else None
