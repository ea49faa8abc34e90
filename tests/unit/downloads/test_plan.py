"""What answers mean and what faults become."""

import errno
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.downloads.plan import (
    AskWhole,
    Backoff,
    Fault,
    Follow,
    Head,
    Meaning,
    Pace,
    Take,
    TransferEnded,
    Wanted,
    after_fault,
    is_expired,
    looks_like_a_page,
    next_hop,
    passing,
    permanent,
    read_head,
    retry_after_s,
    storage_fault,
    strong_etag,
)
from modelhubd.storage.confined import UnsafePath

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
TAG = '"v1"'
FRESH = Wanted(offset=0, etag=None, size=100)
RESUMED = Wanted(offset=40, etag=TAG, size=100)
OPEN = Wanted(offset=0, etag=None, size=None)


def meaning(status: int, wanted: Wanted, version: str = "1.1", **fields: str) -> Meaning:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return read_head(Head(version, status, named), wanted, NOW)


def code(found: Meaning) -> str:
    assert isinstance(found, Fault), found
    return f"{found.code} {'passes' if found.passing else 'stays'}"


def test_a_part_with_a_strong_validator_can_be_continued() -> None:
    found = meaning(206, FRESH, content_range="bytes 0-99/100", content_length="100", etag=TAG)
    assert found == Take(offset=0, length=100, total=100, etag=TAG)
    found = meaning(206, RESUMED, content_range="bytes 40-99/100", etag=TAG)
    assert found == Take(offset=40, length=60, total=100, etag=TAG)
    # Not repeating the validator is allowed: If-Range has matched.
    assert meaning(206, RESUMED, content_range="bytes 40-99/*") == Take(40, 60, 100, TAG)
    assert meaning(206, OPEN, content_range="bytes 0-9/*", etag='W/"1"') == Take(0, 10, None, None)


def test_a_whole_answer_starts_the_file_again() -> None:
    assert meaning(200, FRESH, content_length="100", etag=TAG) == Take(0, 100, 100, None)
    assert meaning(200, FRESH, content_length="100", etag=TAG, accept_ranges="bytes") == Take(
        0, 100, 100, TAG
    )
    assert meaning(200, RESUMED, content_length="100", etag='"v2"') == Take(0, 100, 100, '"v2"')
    assert meaning(200, RESUMED, content_length="100", etag=TAG) == Take(0, 100, 100, None)
    assert meaning(200, FRESH, transfer_encoding="chunked") == Take(0, None, 100, None)
    assert meaning(200, OPEN, transfer_encoding="gzip, chunked") == Take(0, None, None, None)
    assert meaning(200, OPEN, version="2") == Take(0, None, None, None)


@pytest.mark.parametrize(
    "content_range",
    [
        "",
        "bytes 41-99/100",
        "bytes 0-99/100",
        "bytes 40-100/100",
        "bytes 40-39/100",
        "items 40-99/100",
        "bytes 40-99/100, 1-2/100",
        "bytes */100",
    ],
)
def test_a_part_that_was_not_asked_for_is_refused(content_range: str) -> None:
    assert code(meaning(206, RESUMED, content_range=content_range, etag=TAG)) == "wrong_content stays"


def test_answers_that_contradict_themselves_or_the_catalog_are_refused() -> None:
    part = meaning(206, RESUMED, content_range="bytes 40-99/100", content_length="61")
    assert code(part) == "wrong_content stays"
    assert code(meaning(206, RESUMED, content_range="bytes 40-99/101")) == "size_mismatch stays"
    assert code(meaning(206, RESUMED, content_range="bytes 40-100/*")) == "size_mismatch stays"
    assert code(meaning(200, FRESH, content_length="99")) == "size_mismatch stays"
    assert code(meaning(200, OPEN, content_length="-5")) == "wrong_content stays"
    assert code(meaning(200, OPEN, version="1.0")) == "wrong_content stays"
    assert code(meaning(200, FRESH, content_length="100", content_encoding="gzip")) == "wrong_content stays"
    assert code(meaning(206, FRESH, content_type="multipart/byteranges")) == "wrong_content stays"
    assert code(meaning(200, FRESH, content_type="Text/HTML;charset=x")) == "wrong_content stays"
    assert isinstance(meaning(200, FRESH, content_length="100", content_encoding="identity"), Take)


def test_a_changed_validator_asks_for_the_whole_file() -> None:
    assert meaning(206, RESUMED, content_range="bytes 40-99/100", etag='"v2"') == AskWhole()
    assert meaning(206, RESUMED, content_range="bytes 40-99/100", etag='W/"v1"') == AskWhole()
    assert meaning(416, RESUMED) == AskWhole()
    assert code(meaning(416, FRESH)) == "http_error stays"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_by_us(status: int) -> None:
    assert meaning(status, FRESH, location="/there") == Follow("/there")
    assert code(meaning(status, FRESH)) == "http_error stays"


@pytest.mark.parametrize("status", range(200, 600))
def test_each_status_passes_or_stays(status: int) -> None:
    found = meaning(status, FRESH, content_range="bytes 0-99/100", content_length="100")
    if status in (200, 206):
        assert isinstance(found, Take)
    else:
        passes = status in (408, 425, 429) or status >= 500
        assert code(found) == f"http_error {'passes' if passes else 'stays'}"


def test_an_expired_signature_may_be_resolved_again() -> None:
    assert [is_expired(Head("1.1", status, {})) for status in (401, 403, 404, 410, 400, 500)] == [
        True
    ] * 4 + [False] * 2


def test_where_a_redirect_leads() -> None:
    allowed = frozenset({"http://10.0.0.5:8080"})
    here = "https://example.com/a/b"
    assert next_hop(here, "../c#part", 0, allowed) == "https://example.com/c"
    assert next_hop(here, "http://10.0.0.5:8080/x", 4, allowed) == "http://10.0.0.5:8080/x"
    for location in (
        "http://example.com/",
        "https://10.0.0.5/",
        "file:///etc/passwd",
        "https://u:p@example.com/",
    ):
        found = next_hop(here, location, 0, allowed)
        assert isinstance(found, Fault) and found.code == "forbidden_url" and not found.passing
    found = next_hop(here, "/again", 5, allowed)
    assert isinstance(found, Fault) and "more than 5" in found.detail


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7.0),
        ("99999999", 3600.0),
        (" 0 ", 0.0),
        ("Mon, 04 May 2026 12:00:30 GMT", 30.0),
        ("Mon, 04 May 2026 11:00:00 GMT", 0.0),
        ("Mon, 04 May 2029 11:00:00 GMT", 3600.0),
        ("Mon, 31 Feb 2026 11:00:00 GMT", None),
        ("Xyz, 04 May 2026 11:00:00 GMT", None),
        ("Mon, 04 Xyz 2026 11:00:00 GMT", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(text: str | None, expected: float | None) -> None:
    assert retry_after_s(text, NOW) == expected


def test_only_passing_refusals_carry_a_retry_after() -> None:
    found = meaning(503, FRESH, retry_after="9")
    assert isinstance(found, Fault) and found.retry_after_s == 9
    found = meaning(404, FRESH, retry_after="9")
    assert isinstance(found, Fault) and found.retry_after_s is None


@pytest.mark.parametrize(
    ("text", "strong"),
    [
        ('"a"', True),
        ('""', True),
        ('W/"a"', False),
        ("a", False),
        ('"a"b"', False),
        ('"' + "x" * 2000 + '"', False),
        ("", False),
        (None, False),
    ],
)
def test_only_strong_validators_count(text: str | None, strong: bool) -> None:
    assert strong_etag(text) == (text if strong else None)


def test_a_page_is_known_by_its_beginning() -> None:
    assert looks_like_a_page(b"\xef\xbb\xbf\n <!doctype HTML>")
    assert looks_like_a_page(b"<HTML lang=x>")
    assert not looks_like_a_page(b"GGUF<html>")


def test_what_a_failed_write_becomes() -> None:
    for number in (errno.ENOSPC, errno.EDQUOT):
        found = storage_fault(OSError(number, "full"))
        assert (found.code, found.passing) == ("disk_full", False)
    assert storage_fault(UnsafePath("x", "a link is in the way")).code == "unsafe_name"
    assert not storage_fault(OSError(errno.ENAMETOOLONG, "File name too long")).passing
    assert "FAT32" in storage_fault(OSError(errno.EFBIG, "File too large")).detail
    for number in (
        errno.EPERM,
        errno.EACCES,
        errno.EROFS,
        errno.ENOENT,
        errno.EIO,
        errno.ENODEV,
        errno.ESTALE,
        0,
    ):
        found = storage_fault(OSError(number, ""))
        assert (found.code, found.passing, found.waits_for) == ("storage_offline", True, "storage")


def test_the_wait_doubles_with_jitter_up_to_five_minutes() -> None:
    fault = Fault(code="http_error", detail="", passing=True)
    delays = [Backoff().delay_s(fault, attempts, 0.0) for attempts in range(1, 12)]
    assert delays == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert Backoff().delay_s(fault, 0, 0.0) == 1
    assert Backoff().delay_s(fault, 2, 0.5) == 2.5
    assert Backoff().delay_s(fault, 10_000, 0.99) == 300


@given(st.integers(0, 100), st.floats(0, 1, exclude_max=True), st.one_of(st.none(), st.floats(0, 3600)))
def test_the_wait_is_never_less_than_a_second_nor_than_retry_after(
    attempts: int, chance: float, asked: float | None
) -> None:
    fault = Fault(code="http_error", detail="", passing=True, retry_after_s=asked)
    delay = Backoff().delay_s(fault, attempts, chance)
    assert max(1, asked or 0) <= delay <= max(300, asked or 0)


def test_storage_is_looked_at_every_ten_seconds() -> None:
    fault = Fault(code="storage_offline", detail="", passing=True, waits_for="storage")
    assert Backoff().delay_s(fault, 19, 0.9) == 10


def test_the_twentieth_passing_fault_in_a_row_fails() -> None:
    fault = Fault(code="timeout", detail="Stalled.", passing=True)
    assert [after_fault(fault, attempts, True).failed for attempts in (0, 18, 19, 40)] == [
        False,
        False,
        True,
        True,
    ]
    assert after_fault(fault, 3, True).attempts == 4
    assert "20 attempts" in after_fault(fault, 19, True).detail


def test_time_offline_does_not_count() -> None:
    unreached = Fault(code="http_error", detail="", passing=True, reached=False)
    verdict = after_fault(unreached, 19, online=False)
    assert (verdict.failed, verdict.attempts, verdict.waits_for) == (False, 19, "network")
    assert after_fault(unreached, 19, online=True).failed
    reached = Fault(code="http_error", detail="", passing=True)
    assert after_fault(reached, 19, online=False).failed
    away = Fault(code="storage_offline", detail="", passing=True, waits_for="storage")
    assert after_fault(away, 19, online=True).waits_for == "storage"


def test_a_permanent_fault_fails_at_once() -> None:
    verdict = after_fault(permanent("http_error", "Gone."), 3, True)
    assert verdict.failed and verdict.attempts == 3 and verdict.detail == "Gone."


def test_the_time_left_is_told_once_the_rate_is_steady() -> None:
    pace = Pace()
    assert pace.eta_s(100) is None
    for tick in range(51):
        pace.move(tick / 10, tick * 100)
        if tick < 30:
            assert pace.eta_s(5000) is None, "calculating"
    assert pace.rate == pytest.approx(1000, rel=0.01)
    assert pace.eta_s(5000) == pytest.approx(5, rel=0.05)
    assert pace.eta_s(None) is None
    pace.move(5.0, 5000)  # no time has passed
    pace.move(6.0, 10)  # a fresh start is no negative rate
    assert pace.rate > 0
    for tick in range(40):
        pace.move(7.0 + tick, 10)
    assert pace.rate < 1 and pace.eta_s(5) is None, "stalled"


def test_the_rate_forgets_by_half_each_half_life() -> None:
    pace = Pace()
    received = 0
    for tick in range(1000):
        pace.move(tick / 10, received)
        received += 100
    steady = pace.rate
    for tick in range(30):
        pace.move(100 + tick / 10, received)
    assert pace.rate == pytest.approx(steady / 2, rel=0.1)
    assert timedelta(seconds=Pace.HALF_LIFE_S) == timedelta(seconds=3)


def test_a_transfer_that_ended_says_why_and_whether_it_may_go_on() -> None:
    fault = passing("The origin is busy.")
    assert (fault.code, fault.passing) == ("http_error", True)
    assert str(TransferEnded(fault)) == "The origin is busy."
    assert TransferEnded(fault).fault is fault


def test_a_redirect_to_what_is_no_url_is_refused() -> None:
    found = next_hop("https://example.org/a", "http://[half", 0, frozenset())
    assert isinstance(found, Fault) and "it is no URL" in found.detail


def test_what_waits_for_a_policy_or_a_drive_waits_as_long_whatever_was_tried() -> None:
    backoff = Backoff(storage_s=7.0, policy_s=9.0)
    for waits_for, seconds in (("storage", 7.0), ("policy", 9.0)):
        fault = Fault(code="x", detail="", passing=True, waits_for=waits_for)
        assert {backoff.delay_s(fault, attempts, 0.5) for attempts in (1, 30)} == {seconds}
