"""From which address a file is fetched, and from which after that."""

import pytest

from modelhubd.downloads.sources import next_place, sources

URLS = ("a", "b", "c")


@pytest.mark.parametrize(
    ("place", "promised", "asked"),
    [(0, True, URLS), (0, False, ("a",)), (1, True, ("a",)), (3, True, ("c",)), (2, False, ("b",))],
)
def test_all_together_first_where_the_digest_decides(
    place: int, promised: bool, asked: tuple[str, ...]
) -> None:
    assert sources(URLS, place, promised=promised) == asked


@pytest.mark.parametrize(
    ("count", "place", "promised", "code", "used", "following"),
    [
        # Without a promise each in turn.
        (3, 0, False, "http_error", (), 2),
        (3, 2, False, "wrong_content", (), 3),
        (3, 3, False, "http_error", (), None),
        (1, 0, False, "http_error", (), None),
        # All were asked and each failed for itself.
        (3, 0, True, "http_error", (), None),
        # One of several lied: each alone.
        (3, 0, True, "checksum_mismatch", (0, 1), 1),
        (3, 1, True, "checksum_mismatch", (0,), 2),
        (3, 3, True, "checksum_mismatch", (0,), None),
        # It was the only one used: the others.
        (3, 0, True, "checksum_mismatch", (0,), 2),
        (3, 0, True, "checksum_mismatch", (1,), 1),
        (1, 0, True, "checksum_mismatch", (0,), None),
        # What no other address cures.
        (3, 1, True, "disk_full", (), None),
        (3, 0, False, "unsafe_name", (), None),
    ],
)
def test_where_to_go_on(
    count: int, place: int, promised: bool, code: str, used: tuple[int, ...], following: int | None
) -> None:
    assert next_place(count, place, promised=promised, code=code, used=used) == following
