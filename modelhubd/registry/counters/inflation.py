"""How often one principal's reports of downloads count."""

from datetime import datetime

from modelhubd.wire.base import rfc3339

MOST = 4
"""Downloads of one model by one principal that count within an hour of the clock."""


def hour_of(at: datetime) -> str:
    """The hour (UTC) that `at` is in; texts of hours sort as they follow."""
    return rfc3339(at)[:13]


def counting(reports: int, in_all: int) -> int:
    """How many of the last `reports` count, of `in_all` in this hour."""
    return min(max(MOST - (in_all - reports), 0), reports)
