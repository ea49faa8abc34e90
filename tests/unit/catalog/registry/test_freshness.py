"""When a catalog is stale, when to look again, whether the clock can be right."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from modelhubd.catalog.registry.freshness import (
    FIRST_S,
    clock_is_ahead,
    delay_s,
    fault_in_clock,
    fresh_s,
    stale_since,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("expires_at", "since"),
    [(None, None), (NOW + SECOND, None), (NOW, NOW), (NOW - DAY, NOW - DAY)],
)
def test_a_catalog_is_stale_from_the_moment_nobody_vouches_for_it(
    expires_at: datetime | None, since: datetime | None
) -> None:
    assert stale_since(expires_at, NOW) == since


def test_it_stays_fresh_until_then_and_for_ever_where_there_is_none() -> None:
    assert fresh_s(NOW + HOUR, NOW) == 3600
    assert fresh_s(NOW, NOW) == fresh_s(None, NOW) == math.inf


def test_looks_are_spread_over_a_tenth_of_the_interval_either_way() -> None:
    assert [delay_s(1000, 0, chance) for chance in (0.0, 0.5, 1.0)] == [900, 1000, 1100]


def test_after_failures_each_wait_is_twice_as_long_and_at_most_about_the_interval() -> None:
    waits = [delay_s(3600, failures, 0.5) for failures in (1, 2, 3, 50)]
    assert waits == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, 3600]
    assert delay_s(3600, 1, 0.0) == FIRST_S / 2
    assert delay_s(10, 9, 1.0) == 15


def test_a_registry_that_says_when_to_come_again_is_heard_within_the_interval() -> None:
    assert delay_s(3600, 1, 0.5, retry_after_s=600) == 600
    assert delay_s(3600, 1, 0.5, retry_after_s=10**6) == 3600
    assert delay_s(3600, 1, 0.5, retry_after_s=1) == FIRST_S


@pytest.mark.parametrize(
    ("signed", "seen", "wrong"),
    [
        (None, None, False), (NOW + 23 * HOUR, None, False), (NOW + 25 * HOUR, None, True),
        (None, NOW + 25 * HOUR, True), (NOW, NOW + 25 * HOUR, True), (NOW - DAY, NOW - DAY, False),
    ],
)  # fmt: skip
def test_a_clock_that_is_a_day_behind_what_was_signed_is_wrong(
    signed: datetime | None, seen: datetime | None, wrong: bool
) -> None:
    assert (fault_in_clock(NOW, signed=signed, seen=seen) is not None) is wrong


def test_what_is_said_of_the_clock_names_both_times() -> None:
    assert fault_in_clock(NOW, signed=NOW + 2 * DAY, seen=None) == (
        "it says 2026-06-01 12:00 UTC, and the registry has signed something at 2026-06-03 12:00 UTC"
    )
    assert clock_is_ahead(NOW, NOW - 2 * DAY) == (
        "it says 2026-06-01 12:00 UTC, the registry's says 2026-05-30 12:00 UTC"
    )


@pytest.mark.parametrize("told", [None, NOW, NOW - DAY, NOW + 9 * DAY])
def test_a_clock_is_not_called_fast_where_the_registry_does_not_say_so(told: datetime | None) -> None:
    assert clock_is_ahead(NOW, told) is None
