"""How sure a model was of what it wrote, from the log-probabilities in its answer, read in passing.

Confidence is the mean probability of the tokens that were chosen: (1/n) Σ exp(logprobᵢ), 0 to 1. That the
probability given to what is predicted is a model's confidence in it is Guo et al., "On Calibration of Modern
Neural Networks" (ICML 2017), section 2; here it is averaged over the tokens of an answer. The alternatives in
`top_logprobs` were not chosen and do not count.
"""

import contextlib
import math
import re
from collections.abc import Iterable

from modelhubd.gateway.skeleton import Skeleton

ROUNDING = 1e-3
"""A log-probability may be above 0 by so much: a sum of probabilities that is not quite one."""
STEP_BYTES = 16 * 1024
"""So much is looked at before others have their turn."""
_AHEAD = 64
"""A key, its colon and its number are shorter; what is nearer to the end may be incomplete."""
_TOKEN = re.compile(
    rb'"(?P<top>top_logprobs)"\s*+:\s*+(?=\[)'
    rb'|"logprob"\s*+:\s*+(?P<number>-?\d[\d.eE+-]*+|null)(?=[\s,}\]])'
    rb'|(?P<text>"[^"\\]*+(?:\\.[^"\\]*+)*+")'
    rb"|(?P<bracket>[\[\]])",
    re.DOTALL,
)


class Mean:
    """The formula above, token by token."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._count = 0

    def add(self, logprob: float) -> None:
        """Count a token; what is no logarithm of a probability counts for nothing."""
        if logprob <= ROUNDING:
            self._sum += math.exp(min(logprob, 0.0))
            self._count += 1

    @property
    def value(self) -> float | None:
        """None where no token has counted."""
        return self._sum / self._count if self._count else None


def mean_probability(logprobs: Iterable[float]) -> float | None:
    """Of tokens whose log-probabilities are known already."""
    mean = Mean()
    for logprob in logprobs:
        mean.add(logprob)
    return mean.value


class Confidence:
    """Give `add` the pieces of an answer, JSON or a stream of it, none over STEP_BYTES; then ask `mean`."""

    def __init__(self) -> None:
        self._skeleton = Skeleton()
        self._rest = b""
        self._depth: int | None = None
        """Brackets open within the alternatives; None outside of them."""
        self._mean = Mean()

    def add(self, piece: bytes) -> None:
        """The next piece: at worst some 10 ms for 16 KiB, and mostly one."""
        self._skeleton.add(piece)
        text = self._rest + self._skeleton.taken()
        self._rest = text[self._read(text, len(text) - _AHEAD) :]

    def mean(self) -> float | None:
        """Of all there was; None where it held no log-probability."""
        self._read(self._rest, len(self._rest))
        self._rest = b""
        return self._mean.value

    def _read(self, text: bytes, until: int) -> int:
        """Take what ends before `until`; where the first thing begins that does not, or may go on."""
        for match in _TOKEN.finditer(text):
            if match.end() > until:
                return match.start()
            self._take(match)
        return len(text)

    def _take(self, match: "re.Match[bytes]") -> None:
        kind = match.lastgroup
        if kind == "top" and self._depth is None:
            self._depth = 0
        elif kind == "bracket" and self._depth is not None:
            self._depth += 1 if match["bracket"] == b"[" else -1
            if self._depth <= 0:
                self._depth = None
        elif kind == "number" and self._depth is None:
            with contextlib.suppress(ValueError):  # null, and what only looks like a number
                self._mean.add(float(match["number"]))
