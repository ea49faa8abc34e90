"""Percentiles from buckets are near the true ones."""

import random
from collections import Counter

import pytest

from modelhubd.records.buckets import bucket_of, middle_of, percentile, percentiles
from modelhubd.wire.records import Percentiles


def test_percentiles_are_within_three_percent_of_the_true_ones() -> None:
    chance = random.Random(1)
    figures = sorted(chance.lognormvariate(0, 2) for _ in range(10_000))
    counts = Counter(bucket for figure in figures if (bucket := bucket_of(figure)) is not None)
    for part in (0.01, 0.5, 0.9, 0.99, 1.0):
        true = figures[min(int(part * 10_000), 9_999)]
        found = percentile(counts, part)
        assert found is not None and abs(found / true - 1) < 0.03


@pytest.mark.parametrize("figure", [None, 0.0, -1.0, float("nan")])
def test_what_is_not_above_zero_is_in_no_bucket(figure: float | None) -> None:
    assert bucket_of(figure) is None


@pytest.mark.parametrize("figure", [1e-9, 1e-6, 0.0123, 1.0, 4321.0, 1e9, 1e12, float("inf")])
def test_every_figure_has_a_bucket_that_is_about_it(figure: float) -> None:
    bucket = bucket_of(figure)
    assert bucket is not None
    assert middle_of(bucket) == pytest.approx(min(max(figure, 1e-6), 1e9), rel=0.03)


def test_nothing_has_no_percentiles() -> None:
    assert percentiles({}) is None
    assert percentile({3: 0}, 0.5) is None
    bucket = bucket_of(2.0)
    assert bucket is not None
    assert percentiles({bucket: 1}) == Percentiles(p50=2.03, p90=2.03, p99=2.03)
