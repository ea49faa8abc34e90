"""What a comparison of two models comes to: shares, differences and ratios with intervals, and verdicts."""

from enum import StrEnum
from typing import Literal

from modelhubd.wire.base import Message

Wanted = Literal["higher", "lower"]
"""Which of two figures is the better one."""


class Word(StrEnum):
    """What may be said of the second model beside the first."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE_SHOWN = "no_difference_shown"
    """There were enough pairs, and the two may well be alike."""
    NOT_ENOUGH = "not_enough"
    """Too few pairs to say anything, whatever they look like."""


class Interval(Message, frozen=True, kw_only=True):
    """Where the true figure lies with a probability of `level` (0 to 1); bounds in the figure's own unit."""

    low: float
    high: float
    level: float = 0.95


class Share(Message, frozen=True, kw_only=True):
    """`count` of `of`, as a share from 0 to 1 with its interval; both None where `of` is 0."""

    count: int
    of: int
    share: float | None = None
    interval: Interval | None = None


class Comparison(Message, frozen=True, kw_only=True):
    """One figure of two models on the same inputs; the first model is what the second is compared with."""

    figure: str
    """`latency_s`, `tokens_per_s`, `completion_tokens`, `confidence`, `check:NAME`, `preference`, …"""
    kind: Literal["difference", "ratio", "wins"]
    """What `estimate` and `interval` are: second minus first (in the figure's unit), second over first
    (geometric mean of the pairs), or the share of the pairs with a winner that the second has won."""
    wanted: Wanted
    pairs: int
    """How many pairs could be compared."""
    first: float | None = None
    """Mean of the first model, or how many pairs it has won."""
    second: float | None = None
    ties: int = 0
    """Pairs without a winner, where winners are counted."""
    estimate: float | None = None
    interval: Interval | None = None
    """For one look at these pairs: it describes them. What the verdict goes by is wider, see `verdict`."""
    verdict: Word
    """Holds however often one looks while pairs come in, with a chance of `error` to be wrong."""
    error: float
    """The chance that a verdict of better or worse is ever given to two models that are alike in this
    figure."""
    p_value: float | None = None
    """Of the exact two-sided sign test, where winners are counted."""
    stated: float | None = None
    """The difference that `needed` is about: in the figure's unit, as a ratio, or as a share of wins."""
    needed: int | None = None
    """Pairs that are still needed until a true difference as large as `stated` is shown four times out of
    five; None where that cannot be foretold or is more than a million."""


class CheckOutcome(StrEnum):
    PASS = "pass"  # noqa: S105  # no password
    FAIL = "fail"
    ERROR = "error"
    """The check itself could not be done; says nothing of the answer."""


class CheckResult(Message, frozen=True, kw_only=True):
    """What one check said of one answer. `detail` says why, without any of the answer's text."""

    name: str
    outcome: CheckOutcome
    detail: str = ""
