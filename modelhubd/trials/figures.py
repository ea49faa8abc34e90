"""Intervals and tests for what was measured in pairs: figures in, figures out, and the same ones every
time."""

import math
import random
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev

from modelhubd.wire.evidence import Interval, Share

LEVEL = 0.95
RESAMPLES = 2000
"""How often the pairs are drawn again. Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), ch.
14, ask for 1000 or more where percentiles are read off."""
BLOCKS = 400
"""At most so many values are drawn from: more are first added up in so many blocks. It bounds the work to
some 0.1 s, however many pairs there are."""
TUNED_FOR = 100
"""Pairs at which a verdict comes soonest, see `margin`."""

_NORMAL = NormalDist()


def wilson(count: int, of: int, level: float = LEVEL) -> Share:
    """`count` of `of` with Wilson's score interval, which stays within 0 and 1 and holds for few as well:
    E. B. Wilson, JASA 22 (1927); Brown, Cai and DasGupta, *Statistical Science* 16 (2001) recommend it."""
    if of == 0:
        return Share(count=0, of=0)
    z, share = _z(level), count / of
    scale = 1 + z * z / of
    middle = (share + z * z / (2 * of)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    low = 0.0 if count == 0 else middle - half
    high = 1.0 if count == of else middle + half
    return Share(count=count, of=of, share=share, interval=Interval(low=low, high=high, level=level))


def mean_interval(values: Sequence[float], *, seed: int, level: float = LEVEL) -> Interval | None:
    """Bootstrap interval for the mean of `values`, one per pair; None for fewer than two.

    Percentiles of resampled means (Efron and Tibshirani 1993, ch. 13), taken a little further out, so that
    they are not too narrow for few pairs: T. Hesterberg, *The American Statistician* 69 (2015), the
    "expanded percentile interval". The same `values` and `seed` give the same interval. It takes at most
    some 0.1 s of computing.
    """
    n = len(values)
    if n < 2:
        return None
    chance = random.Random(seed)  # noqa: S311  # it has to be repeatable, not secret
    drawn = _blocks(values, chance)
    size = len(drawn)
    means = sorted(fmean(chance.choices(drawn, k=size)) for _ in range(RESAMPLES))
    tail = _NORMAL.cdf(-math.sqrt(size / (size - 1)) * t_quantile(1 - (1 - level) / 2, size - 1))
    return Interval(low=_percentile(means, tail), high=_percentile(means, 1 - tail), level=level)


def t_quantile(p: float, freedom: int) -> float:
    """Quantile of Student's t. Exact for 1 and 2 degrees of freedom, else from the normal one with the
    expansion of Abramowitz and Stegun 26.7.5, right to 2 % from three degrees on for p up to 0.995."""
    if freedom == 1:
        return math.tan(math.pi * (p - 0.5))
    if freedom == 2:
        return (2 * p - 1) / math.sqrt(2 * p * (1 - p))
    z = _NORMAL.inv_cdf(p)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return math.fsum(term / float(freedom) ** power for power, term in enumerate(terms))


def margin(n: int, error: float, tuned_for: int = TUNED_FOR) -> float:
    """Half the width of an interval for the mean of `n` values, in standard deviations, that holds at all
    `n` at once: however often somebody looks while values come in, it misses the true mean ever with a
    chance of `error` only.

    The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, *Annals of
    Statistics* 52 (2024), theorem 2.2: sqrt(2 (n r² + 1) / (n² r²) · log(sqrt(n r² + 1) / error)), with r²
    = (−2 log error + log(−2 log error) + 1) / `tuned_for`, which makes it narrowest there. At `tuned_for`
    values it is about half as wide again as the interval for a single look.
    """
    log = -2 * math.log(error)
    squared = (log + math.log(log) + 1) / tuned_for
    grown = n * squared + 1
    return math.sqrt(2 * grown / (n * n * squared) * math.log(math.sqrt(grown) / error))


def sign_test(wins: int, losses: int) -> float:
    """Two-sided p-value of the exact sign test for one look: the chance that fair coins come out as
    unevenly."""
    n, most = wins + losses, max(wins, losses)
    upper = sum(math.exp(_log_choose(n, k) - n * math.log(2)) for k in range(most, n + 1))
    return min(1.0, 2 * upper)


def log_evidence(wins: int, losses: int) -> float:
    """Natural logarithm of the evidence against a fair coin, for any number of looks.

    The even mixture over all coins: 2ⁿ / ((n + 1) · C(n, wins)) (H. Robbins, *Annals of Mathematical
    Statistics* 41, 1970). By Ville's inequality it ever exceeds 1/e for a fair coin with a chance of at
    most e, whenever one stops.
    """
    n = wins + losses
    return n * math.log(2) - math.log(n + 1) - _log_choose(n, wins)


def spread(values: Sequence[float]) -> float:
    """Standard deviation of `values`; 0 for fewer than two."""
    return stdev(values) if len(values) > 1 else 0.0


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which `share` of them lie, interpolated; None without values."""
    return _percentile(sorted(values), share) if values else None


def _blocks(values: Sequence[float], chance: random.Random) -> Sequence[float]:
    """Means of at most `BLOCKS` blocks of equal size, dealt at random; what does not fill a row is left out
    of the resampling. Their mean spreads just as that of the values does."""
    if len(values) <= BLOCKS:
        return values
    dealt = chance.sample(values, len(values))
    size = len(dealt) // BLOCKS
    return [fmean(dealt[block * size : (block + 1) * size]) for block in range(BLOCKS)]


def _percentile(ordered: Sequence[float], share: float) -> float:
    at = share * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _z(level: float) -> float:
    return _NORMAL.inv_cdf(1 - (1 - level) / 2)
