"""Which records are too old, by a clock that may have jumped."""

from collections.abc import Iterable

AHEAD_MS = 24 * 3600 * 1000
"""A record from further in the future was made while the clock was wrong."""
STEP_S = 120.0
"""The clock may be off so much from what a steady one says before it counts as set."""
CALM_S = 3600.0
"""So long after the start, and after the clock was set, nothing is deleted for its age."""


def too_old(rows: Iterable[tuple[int, int]], *, cutoff: int, now: int) -> int | None:
    """The last of `rows` (seq, time), which are in the order they came, that is to be deleted with all before
    it; None if none is.

    Rows go in the order in which they came, and the first that is young keeps all behind it. A row from the
    future tells nothing: it stays or goes with those around it. So neither a clock that was far ahead nor one
    that was far behind for a while takes young rows away or leaves old ones for ever.
    """
    last = None
    for seq, at in rows:
        if at > now + AHEAD_MS:
            continue
        if at >= cutoff:
            break
        last = seq
    return last


class Calm:
    """Whether the clock may be believed. `steady` is of a clock that never jumps; both are in seconds."""

    def __init__(self, wall: float, steady: float) -> None:
        self._offset = wall - steady
        self._since = steady

    def holds(self, wall: float, steady: float) -> bool:
        """Whether an hour has gone by since the start and since the clock was set last."""
        if abs(wall - steady - self._offset) > STEP_S:
            self._offset, self._since = wall - steady, steady
        return steady - self._since >= CALM_S
