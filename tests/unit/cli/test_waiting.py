"""What takes over a second says so on stderr, and nothing else does."""

import time

import pytest

from modelhub_cli.output import Output
from modelhub_cli.reading_progress import LEAST, ReadingProgress, Steps
from modelhub_cli.waiting import waiting


def test_what_is_over_soon_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with waiting(Output(talks=True), "Looking"):
        pass
    assert capsys.readouterr().err == ""


def test_a_wait_without_a_terminal_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with waiting(Output(), "Looking", patience_s=0.0):
        time.sleep(0.05)
    assert capsys.readouterr().err == "Looking …\n"


def test_a_wait_on_a_terminal_shows_the_time_and_is_gone_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with waiting(Output(talks=True, width=40), "Looking \x1b[2J", patience_s=0.0):
        time.sleep(0.5)
    told = capsys.readouterr().err
    assert "Looking" in told and " … 0 s" in told
    assert "\x1b[2J" not in told
    assert told.endswith("\r\x1b[K")
    monkeypatch.setenv("TERM", "dumb")
    with waiting(Output(talks=True), "Looking", patience_s=0.0):
        time.sleep(0.05)
    assert capsys.readouterr().err == "Looking …\n"


def test_a_wait_is_quiet_where_that_was_asked_for_and_ends_with_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with waiting(Output(quiet=True), "Looking", patience_s=0.0):
        time.sleep(0.05)
    with pytest.raises(ZeroDivisionError), waiting(Output(), "Looking"):
        raise ZeroDivisionError
    assert capsys.readouterr().err == ""


def test_tens_of_percent_are_told_once_and_never_backwards() -> None:
    told: list[int] = []
    steps = Steps(told.append)
    for share in (0.0, 0.09, 0.1, 0.19, 0.55, 0.4, 0.999, 1.0, 1.0):
        steps.reached(share)
    assert told == [10, 50, 90, 100]


def test_reading_a_large_file_tells_a_line_per_ten_percent(capsys: pytest.CaptureFixture[str]) -> None:
    progress = ReadingProgress(Output(), LEAST * 10)
    for _ in range(20):
        progress.advance(LEAST // 2)
    assert capsys.readouterr().err.splitlines() == [f"{step} % read" for step in range(10, 101, 10)]
