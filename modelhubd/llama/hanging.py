"""Whether a server that answers `/health` has stopped working on its requests.

`/health` is answered beside the work, so it says nothing of it. `/slots` is answered by the work itself,
between two batches, and tells how far each slot is.
"""

import msgspec

HANG_S = 180.0
"""Seconds without progress after which a server that does not even use the processor counts as hung."""
SPIN_S = 1800.0
"""The same for one that does: a batch of a large model may take long."""
WORKING_SHARE = 0.05
"""Of one core: less than this is no work."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a busy server: when it last got on, and when it last used the processor.

    Times are seconds of any clock; `cpu_s` is the processor time that it had used at `seen_at`.
    """

    mark: object = None
    seen_at: float
    moved_at: float
    worked_at: float
    cpu_s: float | None = None


def begun(now: float, cpu_s: float | None) -> Progress:
    """Of a server that begins to work."""
    return Progress(seen_at=now, moved_at=now, worked_at=now, cpu_s=cpu_s)


def seen(before: Progress, *, now: float, mark: object, cpu_s: float | None) -> Progress:
    """After another look. `mark` changes with every step of the work; None: it did not say."""
    moved = mark is not None and mark != before.mark
    idle = (
        cpu_s is not None
        and before.cpu_s is not None
        and cpu_s - before.cpu_s < WORKING_SHARE * (now - before.seen_at)
    )
    return Progress(
        mark=before.mark if mark is None else mark,
        seen_at=now,
        moved_at=now if moved else before.moved_at,
        worked_at=before.worked_at if idle else now,
        cpu_s=cpu_s,
    )


def hung_for(progress: Progress, *, hang_s: float = HANG_S, spin_s: float = SPIN_S) -> float | None:
    """Seconds that it has not got on, if those are too many; else None."""
    still_s = progress.seen_at - progress.moved_at
    idle_s = progress.seen_at - progress.worked_at
    return still_s if still_s >= spin_s or min(still_s, idle_s) >= hang_s else None
