"""How long things took, counted in buckets."""

import bisect
from collections.abc import Sequence

from modelhubd.metrics.exposition import Labels, Sample, number


class Histogram:
    """`bounds` are the upper ends of the buckets, rising; one without an end follows."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect.bisect_left(self._bounds, value)] += 1
        self._sum += value

    def samples(self, labels: Labels = ()) -> tuple[Sample, ...]:
        """Each bucket with all smaller ones in it, the sum, the count."""
        found, below = [], 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            below += count
            found.append(Sample(below, (*labels, ("le", number(bound))), "_bucket"))
        return (*found, Sample(self._sum, labels, "_sum"), Sample(below, labels, "_count"))
