"""When a request may load a model again that has failed: not at once, and ever later.

Whoever loads it by hand may at any time. Requests come by themselves, and would start a broken model again
and again.
"""

from collections.abc import Sequence

import msgspec

REMEMBERED_S = 3600.0
LONGEST_S = 300.0
PASSING_S = 5.0
"""After a first failure that may pass: the memory was short, a process was killed."""
LASTING_S = 60.0
LASTING = ("bad_model", "unsupported_architecture", "bad_setting", "binary_missing")
"""Causes that stay until somebody changes something."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Of a load, or of a server that will not be started again by itself; `at` in seconds of any clock."""

    at: float
    code: str
    detail: str
    server_id: str


def remembered(failures: Sequence[Failure], now: float) -> tuple[Failure, ...]:
    """Those that still count."""
    return tuple(failure for failure in failures if now - failure.at < REMEMBERED_S)


def wait_s(failures: Sequence[Failure], now: float) -> float:
    """Seconds until a request may load this model again; 0 when it may. The last failure comes last."""
    counted = remembered(failures, now)
    if not counted:
        return 0.0
    first_s = LASTING_S if counted[-1].code in LASTING else PASSING_S
    hold_s = min(first_s * 2.0 ** (len(counted) - 1), LONGEST_S)
    return max(counted[-1].at + hold_s - now, 0.0)
