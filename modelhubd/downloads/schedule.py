"""The hours of the day in which downloads run. Pure.

`local` turns an instant into the wall clock's time of that instant. The window is about what the wall clock
shows: an hour that it skips or repeats in a night of summer time is skipped or repeated here too.
"""

from collections.abc import Callable
from datetime import datetime, time, timedelta

from msgspec import Struct

from modelhubd.wire.downloads import fault_in_schedule

Local = Callable[[datetime], datetime]
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_LONGEST_DAY = 26 * 60


class Window(Struct, frozen=True):
    """From `begin` up to, and without, `end`; over midnight where `end` is the earlier of the two."""

    begin: time
    end: time

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


def read_window(text: str) -> Window | None:
    """`22:00-06:00` as a window; None, which is always, for an empty text.

    Raises:
        ValueError: it is none; the message says how to write it.
    """
    reason = fault_in_schedule(text)
    if reason is not None:
        raise ValueError(reason)
    if not text:
        return None
    begin, _, end = text.partition("-")
    return Window(time.fromisoformat(begin), time.fromisoformat(end))


def allowed(window: Window | None, wall: time) -> bool:
    """Whether downloads may run when the clock on the wall shows this time."""
    if window is None:
        return True
    if window.begin < window.end:
        return window.begin <= wall < window.end
    return wall >= window.begin or wall < window.end


def next_change(window: Window, now: datetime, local: Local) -> datetime:
    """The first instant after `now` at which the window opens, or closes if it is open."""
    wall = local(now)
    is_open = allowed(window, wall.time())
    edge = window.end if is_open else window.begin
    until = timedelta(hours=edge.hour, minutes=edge.minute) - _since_midnight(wall)
    ahead = now + (until if until > timedelta() else until + _DAY)
    if local(ahead).utcoffset() == wall.utcoffset():
        return ahead
    # The clock is set before then: look at each minute.
    moment = now - timedelta(seconds=wall.second, microseconds=wall.microsecond)
    for _ in range(_LONGEST_DAY):
        moment += _MINUTE
        if allowed(window, local(moment).time()) is not is_open:
            return moment
    return ahead


def held_until(window: Window | None, now: datetime, local: Local) -> datetime | None:
    """When the window opens; None while it is open."""
    if window is None or allowed(window, local(now).time()):
        return None
    return next_change(window, now, local)


def _since_midnight(wall: datetime) -> timedelta:
    return timedelta(hours=wall.hour, minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)
