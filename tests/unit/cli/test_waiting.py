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


def _seen(capsys: pytest.CaptureFixture[str], text: str) -> str:
    """What has been said once it has this text in it."""
    told, give_up = "", time.monotonic() + 20
    while text not in told and time.monotonic() < give_up:
        time.sleep(0.005)
        told += capsys.readouterr().err
    return told


def test_a_wait_without_a_terminal_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with waiting(Output(), "Looking", patience_s=0.0):
        assert _seen(capsys, "\n") == "Looking …\n"
    assert capsys.readouterr().err == ""


def test_a_wait_on_a_terminal_shows_the_time_and_is_gone_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with waiting(Output(talks=True, width=40), "Looking \x1b[2J", patience_s=0.0):
        told = _seen(capsys, " s\x1b[K")
    assert "Looking" in told and " … 0 s" in told
    assert "\x1b[2J" not in told
    assert capsys.readouterr().err.endswith("\r\x1b[K")
    monkeypatch.setenv("TERM", "dumb")
    with waiting(Output(talks=True), "Looking", patience_s=0.0):
        assert _seen(capsys, "\n") == "Looking …\n"


def test_a_wait_is_quiet_where_that_was_asked_for_and_ends_with_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with waiting(Output(quiet=True), "Looking", patience_s=0.0):
        time.sleep(0.05)
    with pytest.raises(ZeroDivisionError), waiting(Output(), "Looking"):
        raise ZeroDivisionError
    assert capsys.readouterr().err == ""


def test_a_wait_within_a_wait_is_part_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    with waiting(Output(), "Outer", patience_s=0.0):
        for _ in range(2):
            with waiting(Output(), "Inner", patience_s=0.0):
                time.sleep(0.02)
        assert _seen(capsys, "\n") == "Outer …\n"
    with waiting(Output(), "Later", patience_s=0.0):
        assert _seen(capsys, "\n") == "Later …\n"


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
