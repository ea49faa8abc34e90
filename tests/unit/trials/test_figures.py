"""Intervals and tests: against published values, against numpy, and against chance itself."""

import math
import random

import numpy
import pytest

from modelhubd.trials.figures import (
    BLOCKS,
    log_evidence,
    margin,
    mean_interval,
    percentile,
    sign_test,
    spread,
    t_quantile,
    wilson,
)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (8, 10, 0.4902, 0.9433), (10, 10, 0.7225, 1.0),
     (1, 29, 0.0061, 0.1718), (81, 263, 0.2553, 0.3662)],
)  # fmt: skip
def test_wilsons_interval_is_the_published_one(count: int, of: int, low: float, high: float) -> None:
    interval = wilson(count, of).interval
    assert interval is not None
    assert interval.low == pytest.approx(low, abs=6e-5)
    assert interval.high == pytest.approx(high, abs=6e-5)


def test_a_share_of_nothing_is_no_share() -> None:
    assert wilson(0, 0).share is None
    assert wilson(0, 0).interval is None


@pytest.mark.parametrize(
    ("p", "freedom", "expected"),
    [(0.975, 1, 12.7062), (0.975, 2, 4.30265), (0.975, 3, 3.18245), (0.975, 5, 2.57058), (0.975, 10, 2.22814),
     (0.975, 30, 2.04227), (0.995, 3, 5.84091), (0.995, 10, 3.16927), (0.9, 7, 1.41492)],
)  # fmt: skip
def test_quantiles_of_t_are_those_of_the_tables(p: float, freedom: int, expected: float) -> None:
    assert t_quantile(p, freedom) == pytest.approx(expected, rel=0.02 if freedom < 5 else 0.002)


def test_the_bootstrap_agrees_with_numpys_and_with_students_t() -> None:
    values = [random.Random(7).gauss(3.0, 2.0) for _ in range(80)]
    interval = mean_interval(values, seed=1)
    assert interval is not None
    draws = numpy.random.default_rng(2).choice(values, size=(20_000, len(values))).mean(axis=1)
    low, high = numpy.percentile(draws, [2.5, 97.5])
    half = t_quantile(0.975, 79) * numpy.std(values, ddof=1) / math.sqrt(80)
    assert interval.low == pytest.approx(low, abs=0.08)
    assert interval.high == pytest.approx(high, abs=0.08)
    assert (interval.high - interval.low) / 2 == pytest.approx(half, rel=0.08)


def test_the_same_values_and_seed_give_the_same_interval_and_another_seed_another() -> None:
    values = [float(n % 7) for n in range(40)]
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1)
    assert mean_interval(values, seed=1) != mean_interval(values, seed=2)


def test_one_value_has_no_interval() -> None:
    assert mean_interval([1.0], seed=1) is None
    assert mean_interval([], seed=1) is None


def test_many_values_are_drawn_in_blocks_and_the_interval_stays_right() -> None:
    numbers = random.Random(3)
    values = [numbers.gauss(0.0, 1.0) for _ in range(BLOCKS * 25 + 13)]
    interval = mean_interval(values, seed=1)
    assert interval is not None
    assert (interval.high - interval.low) / 2 == pytest.approx(1.96 / math.sqrt(len(values)), rel=0.15)
    assert interval.low < sum(values) / len(values) < interval.high


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    numbers = random.Random(11)
    hits = 0
    for seed in range(80):
        values = [numbers.expovariate(1.0) for _ in range(20)]
        interval = mean_interval(values, seed=seed)
        assert interval is not None
        hits += interval.low <= 1.0 <= interval.high
    assert hits / 80 > 0.85


@pytest.mark.parametrize(
    ("wins", "losses", "expected"), [(8, 2, 0.109375), (10, 0, 2 / 1024), (5, 5, 1.0), (0, 1, 1.0)]
)
def test_the_sign_test_is_the_exact_one(wins: int, losses: int, expected: float) -> None:
    assert sign_test(wins, losses) == pytest.approx(expected)


def test_the_evidence_is_that_of_the_even_mixture() -> None:
    assert math.exp(log_evidence(10, 0)) == pytest.approx(1024 / 11)
    assert math.exp(log_evidence(3, 1)) == pytest.approx(16 / (5 * 4))
    assert log_evidence(3, 9) == pytest.approx(log_evidence(9, 3))


def ever_outside(limits: numpy.ndarray) -> float:
    """How many of 600 rows of noise without a mean are outside of the limits at any of 30..2000 values."""
    noise = numpy.random.default_rng(5).standard_normal((600, 2000))
    counts = numpy.arange(1, 2001)
    means = noise.cumsum(axis=1) / counts
    deviation = numpy.sqrt(numpy.maximum((noise**2).cumsum(axis=1) / counts - means**2, 1e-12))
    return float((numpy.abs(means) > limits * deviation)[:, 29:].any(axis=1).mean())


def test_whoever_looks_after_each_pair_is_misled_no_more_often_than_stated() -> None:
    counts = range(1, 2001)
    assert ever_outside(numpy.array([margin(n, 0.05) for n in counts])) <= 0.05
    assert ever_outside(numpy.array([1.96 / math.sqrt(n) for n in counts])) > 0.25, "one look's interval is"


def test_whoever_looks_after_each_mark_is_misled_no_more_often_than_stated() -> None:
    coins = numpy.random.default_rng(6).integers(0, 2, (300, 300)).cumsum(axis=1)
    wrong = fooled = 0
    for row in coins.tolist():
        looks = [(wins, n - wins) for n, wins in enumerate(row, 1)]
        wrong += any(log_evidence(*look) >= -math.log(0.05) for look in looks)
        fooled += any(sign_test(*look) < 0.05 for look in looks[9::20])
    assert wrong / 300 <= 0.05
    assert fooled / 300 > 0.1, "the test for one look is, and that with one look at twenty"


def test_the_margin_is_narrowest_where_it_is_tuned_for() -> None:
    assert margin(100, 0.05) < min(margin(100, 0.05, tuned_for=10), margin(100, 0.05, tuned_for=1000))
    assert margin(100, 0.05) * 10 == pytest.approx(3.035, abs=0.01)
    assert margin(400, 0.05) < margin(100, 0.05) < margin(100, 0.01)


def test_percentiles_are_numpys() -> None:
    values = [5.0, 1.0, 4.0, 2.5, 9.0]
    for share in (0.0, 0.1, 0.5, 0.95, 1.0):
        assert percentile(values, share) == pytest.approx(float(numpy.percentile(values, share * 100)))
    assert percentile([], 0.5) is None


def test_the_spread_is_that_of_a_sample() -> None:
    assert spread([1.0, 3.0]) == pytest.approx(math.sqrt(2))
    assert spread([1.0]) == 0.0
