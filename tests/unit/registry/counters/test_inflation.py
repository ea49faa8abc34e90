"""Only a few reports an hour count."""

from datetime import UTC, datetime

import pytest

from modelhubd.registry.counters.inflation import MOST, counting, hour_of


@pytest.mark.parametrize(
    ("reports", "in_all", "expected"),
    [
        (1, 1, 1),
        (MOST, MOST, MOST),
        (1, MOST + 1, 0),
        (3, MOST + 1, 2),
        (MOST + 5, MOST + 5, MOST),
        (2, 99, 0),
        (0, 0, 0),
    ],
)
def test_reports_count_until_there_are_enough(reports: int, in_all: int, expected: int) -> None:
    assert counting(reports, in_all) == expected


def test_an_hour_sorts_after_those_before_it() -> None:
    moments = [datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)]
    before, after = map(hour_of, moments)
    assert (before, after) == ("2026-01-01T23", "2026-01-02T00")
    assert before < after
