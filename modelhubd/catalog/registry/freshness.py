"""When a catalog is stale, when to look again, and whether the clock can be right. Pure."""

import math
from datetime import datetime, timedelta

FAR = timedelta(days=1)
"""Clocks of two machines may differ by so much before one of them is called wrong."""
FIRST_S = 15.0
"""Until the second try after a failure; each further one waits twice as long."""
MOST_TRIES = 20


def stale_since(expires_at: datetime | None, now: datetime) -> datetime | None:
    """Since when nobody vouches for the catalog any more; None while somebody does."""
    return expires_at if expires_at is not None and expires_at <= now else None


def fresh_s(expires_at: datetime | None, now: datetime) -> float:
    """Seconds until a catalog becomes stale; endless where it is, or there is none."""
    if expires_at is None or expires_at <= now:
        return math.inf
    return (expires_at - now).total_seconds()


def delay_s(interval_s: float, failures: int, chance: float, retry_after_s: float | None = None) -> float:
    """Seconds until the next look. `failures` are those in a row, `chance` is from 0 to 1: a tenth of the
    interval either way, or after failures a half, so that not all machines come at once."""
    if failures == 0:
        return interval_s * (0.9 + 0.2 * chance)
    backoff = min(interval_s, FIRST_S * 2.0 ** (min(failures, MOST_TRIES) - 1))
    return float(max(backoff * (0.5 + chance), min(retry_after_s or 0.0, interval_s)))


def fault_in_clock(now: datetime, *, signed: datetime | None, seen: datetime | None) -> str | None:
    """Why the clock cannot be right; None where it may be. `signed` is when the registry says it made what it
    offers, `seen` the latest such time before."""
    latest = max((moment for moment in (signed, seen) if moment is not None), default=None)
    if latest is None or now >= latest - FAR:
        return None
    return f"it says {_minute(now)}, and the registry has signed something at {_minute(latest)}"


def clock_is_ahead(now: datetime, told: datetime | None) -> str | None:
    """Why what seems to have expired may not have: this clock is far ahead of what the registry told."""
    if told is None or now - told <= FAR:
        return None
    return f"it says {_minute(now)}, the registry's says {_minute(told)}"


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
