"""Decides whether the candidate may be asked now, and what becomes of a replay that ended. No I/O."""

from enum import StrEnum

from msgspec import Struct

from modelhubd.wire.trials import MOST_PAIRS, TrialReason, When

QUIET_S = 0.3
"""Between two requests to others there is as much at least, or nobody waits for the machine."""
IDLE_S = 5.0
"""As long as nobody has used a model, who waits for idle may begin."""
MOST_FAILURES = 3
"""One after the other, before the trial pauses."""
ENOUGH = "enough_pairs"
MOST_INTERRUPTIONS = 5
"""Of one replay, before it is given up: somebody always asks."""
LEAST_LIMIT_S = 60.0
MOST_LIMIT_S = 600.0
TIMES_SLOWER = 10.0


class Situation(Struct, frozen=True, kw_only=True):
    """`quiet_s` is for how long nobody else has used a model; 0 while somebody does."""

    when: When
    pending: int
    quiet_s: float
    idle: bool
    """Whether the machine is idle but for the trial."""


class Outcome(StrEnum):
    ANSWERED = "answered"
    REFUSED = "refused"
    """The candidate said no to this one request, as to one that is too long for it."""
    FAILED = "failed"
    HUNG = "hung"
    TOO_LARGE = "too large"
    INTERRUPTED = "interrupted"
    """Somebody else needed the machine."""
    NO_ROOM = "no room"


_FAULTS = {
    Outcome.FAILED: "candidate_failed",
    Outcome.HUNG: "candidate_hangs",
    Outcome.TOO_LARGE: "candidate_too_large",
}
"""What counts as the candidate's own fault."""


def waits_for(now: Situation) -> TrialReason | None:
    """What the next replay waits for; None where it may begin."""
    if not now.pending:
        return TrialReason(code="nothing_asked", detail="Nobody has asked the active model something new.")
    least = QUIET_S if now.when == "parallel" else IDLE_S
    if now.quiet_s < least or (now.when == "idle" and not now.idle):
        detail = "Models are in use." if now.when == "parallel" else "The machine is in use."
        return TrialReason(code="not_idle", detail=detail)
    return None


def limit_s(active_latency_s: float | None, least_s: float = LEAST_LIMIT_S) -> float:
    """Seconds that the candidate may take for what the active model took this long for."""
    return min(max(least_s, TIMES_SLOWER * (active_latency_s or 0.0)), MOST_LIMIT_S)


def failures_after(before: int, outcome: Outcome) -> int:
    """How often the candidate has failed in a row."""
    if outcome in _FAULTS:
        return before + 1
    return before if outcome in (Outcome.INTERRUPTED, Outcome.NO_ROOM) else 0


def fault_after(failures: int, outcome: Outcome, detail: str) -> TrialReason | None:
    """Why the trial pauses by itself; None where it goes on."""
    if outcome not in _FAULTS or failures < MOST_FAILURES:
        return None
    return TrialReason(
        code=_FAULTS[outcome],
        detail=f"The candidate failed {failures} times in a row, last: {detail} Resume it once it is mended.",
    )


def enough_after(pairs: int, max_pairs: int) -> TrialReason | None:
    """Why the trial pauses by itself once it has its pairs."""
    if pairs < max_pairs:
        return None
    detail = f"It has its {pairs} pairs. Promote or remove it; resumed it takes more."
    return TrialReason(code=ENOUGH, detail=detail)


def more_pairs(pairs: int, max_pairs: int) -> int | None:
    """How many it may have when it is resumed with so many: twice as many if it has its pairs. None if it can
    have no more."""
    if pairs < max_pairs:
        return max_pairs
    return min(2 * max_pairs, MOST_PAIRS) if pairs < MOST_PAIRS else None


def makes_a_pair(outcome: Outcome) -> bool:
    """Whether the request is used up and counts."""
    return outcome not in (Outcome.INTERRUPTED, Outcome.NO_ROOM)


def is_given_up(interrupted: int) -> bool:
    """Whether a replay was broken off so often that it is not tried again."""
    return interrupted >= MOST_INTERRUPTIONS
