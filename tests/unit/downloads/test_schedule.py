"""The hours of the day in which downloads run."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.downloads.schedule import Local, Window, allowed, held_until, next_change, read_window

NIGHT = Window(time(22), time(6))
DAY = Window(time(8, 30), time(17))


def in_zone(name: str) -> Local:
    return lambda moment: moment.astimezone(ZoneInfo(name))


BERLIN = in_zone("Europe/Berlin")


def berlin(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold).astimezone(UTC)  # type: ignore[misc,arg-type]


def test_a_window_is_read_as_it_is_written() -> None:
    assert read_window("22:00-06:00") == NIGHT
    assert read_window("") is None
    assert str(DAY) == "08:30-17:00"
    assert read_window(str(DAY)) == DAY


@pytest.mark.parametrize(
    "text", ["22-6", "22:00", "24:00-06:00", "22:60-06:00", "22:00-06:00\n", " 22:00-06:00", "٢٢:٠٠-٠٦:٠٠"]
)
def test_what_is_no_window_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="22:00-06:00"):
        read_window(text)


def test_a_window_of_no_length_is_refused() -> None:
    with pytest.raises(ValueError, match="begins when it ends"):
        read_window("06:00-06:00")


@pytest.mark.parametrize(
    ("window", "wall", "may_run"),
    [
        (None, time(12), True),
        (DAY, time(8, 29, 59), False),
        (DAY, time(8, 30), True),
        (DAY, time(16, 59, 59), True),
        (DAY, time(17), False),
        (NIGHT, time(21, 59), False),
        (NIGHT, time(22), True),
        (NIGHT, time(0), True),
        (NIGHT, time(5, 59), True),
        (NIGHT, time(6), False),
    ],
)
def test_its_begin_is_inside_and_its_end_is_not(window: Window | None, wall: time, may_run: bool) -> None:
    assert allowed(window, wall) is may_run


def test_the_next_change_is_the_end_when_open_and_the_begin_when_closed() -> None:
    assert next_change(NIGHT, berlin(2026, 1, 10, 23, 15), BERLIN) == berlin(2026, 1, 11, 6)
    assert next_change(NIGHT, berlin(2026, 1, 10, 6), BERLIN) == berlin(2026, 1, 10, 22)
    assert next_change(DAY, berlin(2026, 1, 10, 17, 0, 1), BERLIN) == berlin(2026, 1, 11, 8, 30)


def test_held_says_until_when_and_nothing_while_it_is_open() -> None:
    assert held_until(None, berlin(2026, 1, 10, 12), BERLIN) is None
    assert held_until(NIGHT, berlin(2026, 1, 10, 23), BERLIN) is None
    assert held_until(NIGHT, berlin(2026, 1, 10, 12), BERLIN) == berlin(2026, 1, 10, 22)


def test_the_night_in_which_the_clock_is_put_forward_is_an_hour_shorter() -> None:
    opened = berlin(2026, 3, 28, 22)
    assert next_change(NIGHT, opened, BERLIN) - opened == timedelta(hours=7)


def test_the_night_in_which_the_clock_is_put_back_is_an_hour_longer() -> None:
    opened = berlin(2026, 10, 24, 22)
    assert next_change(NIGHT, opened, BERLIN) - opened == timedelta(hours=9)


def test_a_begin_that_the_clock_skips_comes_when_it_has_been_skipped() -> None:
    window = Window(time(2, 30), time(5))
    assert next_change(window, berlin(2026, 3, 29, 1), BERLIN) == berlin(2026, 3, 29, 3)


def test_a_begin_that_the_clock_shows_twice_comes_the_first_time() -> None:
    window = Window(time(2, 30), time(5))
    assert next_change(window, berlin(2026, 10, 25, 1), BERLIN) == berlin(2026, 10, 25, 2, 30)


@given(
    st.times(),
    st.times(),
    st.integers(0, 6 * 366 * 24 * 60 * 60),
    st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
    ),
)
def test_between_now_and_the_next_change_nothing_changes(
    begin: time, end: time, seconds: int, zone: str
) -> None:
    begin, end = (found.replace(second=0, microsecond=0) for found in (begin, end))
    if begin == end:
        return
    window, local = Window(begin, end), in_zone(zone)
    now = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    change = next_change(window, now, local)
    before = allowed(window, local(now).time())
    assert now < change <= now + timedelta(hours=26)
    assert allowed(window, local(change).time()) is not before
    moment = now
    while moment < change:
        assert allowed(window, local(moment).time()) is before
        moment += timedelta(minutes=7)
    assert allowed(window, local(change - timedelta(microseconds=1)).time()) is before


def test_a_window_that_the_clock_skips_whole_is_looked_at_again_a_day_later() -> None:
    skipped = Window(time(2, 10), time(2, 40))
    assert next_change(skipped, berlin(2026, 3, 28, 3), BERLIN) == berlin(2026, 3, 29, 3, 10)
