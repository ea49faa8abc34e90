"""Values as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from modelhub_cli import words
from modelhubd.wire.base import rfc3339
from modelhubd.wire.fit import Verdict

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_every_verdict_has_its_word() -> None:
    assert [words.VERDICTS[verdict][1] for verdict in Verdict] == [
        "Compatible", "Tight fit", "Partly on GPU", "Too large", "Unsupported", "Unknown",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "–"), (0, "0"), (512, "512"), (999, "999"), (1000, "1k"), (137_000_000, "137M"),
        (999_885_952, "1B"), (8_030_000_000, "8.03B"), (70_600_000_000, "70.6B"),
        (1_026_000_000_000, "1.03T"),
    ],
)  # fmt: skip
def test_counts_have_three_digits(number: int | None, text: str) -> None:
    assert words.count(number) == text


@pytest.mark.parametrize(
    ("tokens", "text"), [(8192, "8k"), (131_072, "128k"), (40_000, "40k"), (None, "–"), (0, "0")]
)
def test_context_lengths_are_in_units_of_1024(tokens: int | None, text: str) -> None:
    assert words.context(tokens) == text


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (timedelta(seconds=2), "just now"), (timedelta(seconds=59), "59 s ago"),
        (timedelta(minutes=5), "5 min ago"), (timedelta(hours=30), "30 h ago"),
        (timedelta(days=12), "12 days ago"), (timedelta(days=60), "2025-12-31"),
        (timedelta(seconds=-9), "just now"),
    ],
)  # fmt: skip
def test_times_are_told_by_how_long_ago_they_are(before: timedelta, text: str) -> None:
    assert words.ago(rfc3339(NOW - before), NOW) == text


def test_what_is_no_time_is_a_dash() -> None:
    assert words.ago("yesterday", NOW) == words.ago(None, NOW) == words.since("", NOW) == "–"
    assert words.since(rfc3339(NOW - timedelta(minutes=2)), NOW) == "2 min 00 s"


@pytest.mark.parametrize(("eta_s", "text"), [(0.0, "1 s left"), (0.4, "1 s left"), (61, "1 min 01 s left")])
def test_what_is_left_is_never_nothing(eta_s: float, text: str) -> None:
    assert words.left(eta_s) == text


def test_the_time_of_the_next_attempt_is_told_from_now() -> None:
    assert words.until(rfc3339(NOW + timedelta(seconds=75)), NOW) == "in 1 min 15 s"
    assert words.until(rfc3339(NOW - timedelta(seconds=1)), NOW) == "now"
    assert words.until(None, NOW) == ""


def test_one_is_not_told_as_many() -> None:
    assert [words.counted(number, "model") for number in (0, 1, 2)] == ["0 models", "1 model", "2 models"]
