"""Figures counted in logarithmic buckets, so that percentiles of a million are read from a few rows.

A bucket is 5 % wide and stands for its geometric middle, so that no percentile is off by more than 2.5 %.
"""

import math
from collections.abc import Mapping

from modelhubd.wire.records import Percentiles

WIDTH = math.log(1.05)
SMALLEST, LARGEST = 1e-6, 1e9
PARTS = (0.5, 0.9, 0.99)


def bucket_of(value: float | None) -> int | None:
    """The bucket of a figure; None where there is none, or none above zero."""
    if value is None or not value > 0:
        return None
    return math.floor(math.log(min(max(value, SMALLEST), LARGEST)) / WIDTH)


def middle_of(bucket: int) -> float:
    """What a bucket's figures are about, to three digits."""
    return float(f"{math.exp((bucket + 0.5) * WIDTH):.3g}")


def percentile(counts: Mapping[int, int], part: float) -> float | None:
    """The figure below which `part` (0 to 1) of them lie, by nearest rank; None where there are none."""
    rank = max(math.ceil(part * sum(counts.values())), 1)
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0 and counts[bucket]:
            return middle_of(bucket)
    return None


def percentiles(counts: Mapping[int, int]) -> Percentiles | None:
    """The 50th, 90th and 99th."""
    p50, p90, p99 = (percentile(counts, part) for part in PARTS)
    if p50 is None or p90 is None or p99 is None:
        return None
    return Percentiles(p50=p50, p90=p90, p99=p99)
