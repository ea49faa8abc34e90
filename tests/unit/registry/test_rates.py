"""How often one principal may ask."""

import pytest

from modelhubd.errors import TooManyRequests
from modelhubd.registry import rates as module
from modelhubd.registry.rates import Rates


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_then_as_many_as_come_again() -> None:
    clock = Clock()
    rates = Rates(per_s=2.0, at_once=3, clock=clock)
    for _ in range(3):
        rates.take("author")
    with pytest.raises(TooManyRequests) as refused:
        rates.take("author")
    assert refused.value.retry_after_s == 1.0
    rates.take("reviewer")
    clock.now = 0.5
    rates.take("author")
    with pytest.raises(TooManyRequests):
        rates.take("author")
    assert rates.refused == 2


def test_a_long_pause_saves_up_no_more_than_a_burst() -> None:
    clock = Clock()
    rates = Rates(per_s=1.0, at_once=2, clock=clock)
    clock.now = 1000.0
    rates.take("author")
    rates.take("author")
    with pytest.raises(TooManyRequests):
        rates.take("author")


def test_what_costs_more_waits_longer() -> None:
    rates = Rates(per_s=1.0, at_once=4, clock=Clock())
    rates.take("author", 4)
    with pytest.raises(TooManyRequests) as refused:
        rates.take("author", 4)
    assert refused.value.retry_after_s == 4.0


def test_the_bucket_used_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PRINCIPALS_MAX", 2)
    rates = Rates(per_s=0.001, at_once=1, clock=Clock())
    for name in ("one", "two", "three"):
        rates.take(name)
    rates.take("one")
    with pytest.raises(TooManyRequests):
        rates.take("three")
