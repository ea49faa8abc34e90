"""What may be said of two models from the same inputs. Nobody is called a winner out of noise.

People look at a trial while it goes on, and stop it when they like what they see. An interval for one look
is then wrong far more often than it says. A verdict goes by figures that hold for any number of looks
(`figures.margin`, `figures.log_evidence`), after a least number of pairs, and with an error that is divided
among the figures that are compared at once (Bonferroni).
"""

import math
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Literal

from modelhubd.trials.figures import log_evidence, margin, mean_interval, sign_test, spread, wilson
from modelhubd.wire.evidence import Comparison, Interval, Wanted, Word

ERROR = 0.05
"""The chance to be ever wrong, for all figures of two models together."""
LEAST_PAIRS = 30
"""Before, a mean's verdict is not trusted: what it goes by holds for many values."""
LEAST_WON = 10
"""Pairs with a winner, before a verdict on who wins more often."""
MOST_NEEDED = 1_000_000
POWER_Z = 0.8416
"""Normal quantile of 0.8: a true difference is to be shown four times out of five."""


def compare_values(
    figure: str,
    pairs: Sequence[tuple[float, float]],
    *,
    wanted: Wanted,
    seed: int,
    kind: Literal["difference", "ratio"] = "difference",
    stated: float | None = None,
    among: int = 1,
) -> Comparison:
    """Two models by a figure that each pair has of both, first then second.

    A `ratio` is the geometric mean of second over first; pairs with a figure of 0 or less are left out of it.
    `stated` is the difference (or ratio) that somebody wants to see; `among` is how many figures are
    compared.
    """
    if kind == "ratio":
        pairs = [pair for pair in pairs if min(pair) > 0]
    changes = [_change(pair, kind) for pair in pairs]
    error, n = ERROR / among, len(pairs)
    back: Callable[[float], float] = math.exp if kind == "ratio" else float
    interval = mean_interval(changes, seed=seed)
    if interval is not None:
        interval = Interval(low=back(interval.low), high=back(interval.high), level=interval.level)
    return Comparison(
        figure=figure,
        kind=kind,
        wanted=wanted,
        pairs=n,
        first=fmean(first for first, _ in pairs) if pairs else None,
        second=fmean(second for _, second in pairs) if pairs else None,
        estimate=back(fmean(changes)) if changes else None,
        interval=interval,
        verdict=_of_values(changes, wanted, error),
        error=error,
        stated=stated,
        needed=None if stated is None else _values_needed(changes, _size(stated, kind), error),
    )


def compare_wins(
    figure: str,
    *,
    first: int,
    second: int,
    ties: int = 0,
    stated: float | None = None,
    among: int = 1,
) -> Comparison:
    """Two models by how many pairs each has won: blind marks, or checks that only one has passed (McNemar's
    test is the sign test on just these). `stated` is a share of wins over 0.5 that somebody wants to see."""
    error, decided = ERROR / among, first + second
    share = wilson(second, decided)
    return Comparison(
        figure=figure,
        kind="wins",
        wanted="higher",
        pairs=decided + ties,
        first=first,
        second=second,
        ties=ties,
        estimate=share.share,
        interval=share.interval,
        verdict=_of_wins(first, second, error),
        error=error,
        p_value=sign_test(second, first) if decided else None,
        stated=stated,
        needed=None if stated is None else _wins_needed(decided, ties, stated, error),
    )


def _change(pair: tuple[float, float], kind: str) -> float:
    first, second = pair
    return math.log(second / first) if kind == "ratio" else second - first


def _size(stated: float, kind: str) -> float:
    return abs(math.log(stated)) if kind == "ratio" else abs(stated)


def _of_values(changes: Sequence[float], wanted: Wanted, error: float) -> Word:
    n = len(changes)
    if n < LEAST_PAIRS:
        return Word.NOT_ENOUGH
    mean, half = fmean(changes), margin(n, error) * spread(changes)
    if abs(mean) <= half or mean == 0:
        return Word.NO_DIFFERENCE_SHOWN
    return Word.BETTER if (mean > 0) == (wanted == "higher") else Word.WORSE


def _of_wins(first: int, second: int, error: float) -> Word:
    if first + second < LEAST_WON:
        return Word.NOT_ENOUGH
    if log_evidence(second, first) < -math.log(error):
        return Word.NO_DIFFERENCE_SHOWN
    return Word.BETTER if second > first else Word.WORSE


def _values_needed(changes: Sequence[float], size: float, error: float) -> int | None:
    deviation = spread(changes)
    if len(changes) < 2 or size == 0:
        return None

    def shows(n: int) -> bool:
        return deviation * (margin(n, error) + POWER_Z / math.sqrt(n)) <= size

    return _still(shows, LEAST_PAIRS, len(changes))


def _wins_needed(decided: int, ties: int, stated: float, error: float) -> int | None:
    """A model that wins the share `stated` falls short of it by `POWER_Z` standard deviations once in five
    times."""
    share = max(stated, 1 - stated)
    if not 0.5 < share <= 1 or decided == 0:
        return None

    def shows(n: int) -> bool:
        wins = math.floor(share * n - POWER_Z * math.sqrt(n * share * (1 - share)))
        return 2 * wins > n and log_evidence(wins, n - wins) >= -math.log(error)

    winners = _still(shows, LEAST_WON, decided)
    if winners is None:
        return None
    needed = math.ceil(winners * (decided + ties) / decided)
    return needed if needed <= MOST_NEEDED else None


def _still(shows: Callable[[int], bool], least: int, have: int) -> int | None:
    """How many more than `have` until it `shows`; found by halving, so a few pairs off where it flickers."""
    low, high = least, MOST_NEEDED
    if not shows(high):
        return None
    while low < high:
        middle = (low + high) // 2
        if shows(middle):
            high = middle
        else:
            low = middle + 1
    return max(0, low - have)
