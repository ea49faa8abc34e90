"""What is wrong with a later piece of a large file harms no more than what is wrong with the first answer."""

from pathlib import Path

import pytest

from modelhubd.wire.downloads import DownloadState
from tests.fakes.bad_origin import BadOrigin, Part, Rule
from tests.fakes.hostile import CHUNKED, EARLY, END, LENGTH, NOTHING, PART, PARTLY, THE_FILE, Place

SIZE = 12_345_678
RATE = 6_000_000
"""Of each connection, so that no one is through before the others have begun."""
MUCH = 10 * SIZE
LATER = 1
"""From that byte on: every piece but the first."""


@pytest.fixture
def place(tmp_path: Path, bad: BadOrigin) -> Place:
    return Place(tmp_path, bad, SIZE, RATE)


async def test_such_a_file_comes_in_pieces(place: Place) -> None:
    place.offer("/honest.gguf")
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    asked = place.bad.requests("/honest.gguf")
    assert len({*place.starts("/honest.gguf")}) >= 4
    assert all(entry["fields"]["accept-encoding"] == "identity" for entry in asked)
    assert all("if-range" in entry["fields"] for entry in asked[1:]), "each names the file it belongs to"
    assert place.sent("/honest.gguf") < 1.2 * SIZE


ONCE: dict[str, list[Part]] = {
    "ranges are ignored": THE_FILE,
    "416": ["HTTP/1.1 416 No\r\nContent-Range: bytes */{size}\r\n", NOTHING],
    "429": ["HTTP/1.1 429 Slow\r\nRetry-After: 1\r\n", NOTHING],
    "503": ["HTTP/1.1 503 Slow\r\n", NOTHING],
    "408": ["HTTP/1.1 408 Slow\r\nConnection: close\r\n", NOTHING, ("close",)],
    "no answer": [("close",)],
    "a reset": [("reset",)],
    "HTTP/0.9": [("other", 2), ("close",)],
    "noise": ["\x00\x01 this is not HTTP\r\n\r\n", ("close",)],
    "headers cut": [PARTLY, ("close",)],
    "headers that stop": [PARTLY, ("stall",)],
    "headers that drip": ["HTTP/1.1 206 Part\r\n", ("drip", "X: y\r\n")],
    "a cut": [PARTLY, LENGTH, END, ("body", 0, 100_001), ("close",)],
    "a cut at the first byte": [PARTLY, LENGTH, END, ("close",)],
    "a cut before the last byte": [PARTLY, LENGTH, END, ("body", 0, -1), ("close",)],
    "a reset midway": [PARTLY, LENGTH, END, ("body", 0, 100_001), ("reset",)],
    "a stall": [PARTLY, LENGTH, END, ("body", 0, 100_001), ("stall",)],
    "a stall at the first byte": [PARTLY, LENGTH, END, ("stall",)],
    "a stall before the last byte": [PARTLY, LENGTH, END, ("body", 0, -1), ("stall",)],
    "a drip": [PARTLY, LENGTH, END, ("drip",)],
    "no length": [PARTLY, END, ("body",), ("close",)],
    "no length, and cut": [PARTLY, END, ("body", 0, 100_001), ("close",)],
    "no length, and stalled": [PARTLY, END, ("body",), ("stall",)],
    "a negative length": [PARTLY, "Content-Length: -1\r\n\r\n", ("body",), ("close",)],
    "more than announced": [PARTLY, LENGTH, END, ("body",), ("repeat", "x", 1_000_000)],
    "a shorter part than asked for": [
        PART, "Content-Range: bytes {first}-{first}/{size}\r\nContent-Length: 1\r\n\r\n", ("body", 0, 1)
    ],
    "a part of unknown total": [PART, "Content-Range: bytes {first}-{last}/*\r\n", LENGTH, END, ("body",)],
    "chunks": [PARTLY, CHUNKED, "100000\r\n", ("body", 0, 0x100000), "\r\n0\r\n\r\n"],
    "trailers": [PARTLY, CHUNKED, "5\r\n", ("body", 0, 5), "\r\n0\r\nETag: x\r\nContent-Range: x\r\n\r\n"],
    "chunks cut": [PARTLY, CHUNKED, "100000\r\n", ("body", 0, 5000), ("close",)],
    "a chunk without a size": [PARTLY, CHUNKED, "zz\r\n", ("body",), ("close",)],
    "early hints": [("repeat", EARLY, 5), PARTLY, LENGTH, END, ("body",)],
}  # fmt: skip


@pytest.mark.parametrize("what", ONCE)
async def test_what_is_wrong_with_some_pieces_does_not_harm(what: str, place: Place) -> None:
    path = f"/once/{list(ONCE).index(what)}.gguf"
    place.offer(path, {"from_byte": LATER, "times": 2, "send": ONCE[what]})
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert 1 <= place.bad.met(path)[0] <= 2
    assert len(place.starts(path)) < 60
    assert place.sent(path) < MUCH


async def test_an_answer_behind_an_answer_is_not_joined(place: Place) -> None:
    # On a connection that is kept it may be taken for the next answer; then it names another part.
    rule: Rule = {
        "from_byte": LATER,
        "times": 3,
        "send": [PARTLY, LENGTH, END, ("body",), PARTLY, LENGTH, END, ("other", 2)],
    }
    place.offer("/behind.gguf", rule)
    ended = await place.outcome()
    assert place.bad.met("/behind.gguf")[0] >= 1
    if ended.state is DownloadState.FAILED:
        assert ended.error is not None and ended.error.code == "wrong_content", ended.error


ALWAYS: dict[str, tuple[list[Part], str]] = {
    "401": (["HTTP/1.1 401 No\r\n", NOTHING], "http_error"),
    "403": (["HTTP/1.1 403 No\r\n", NOTHING], "http_error"),
    "404": (["HTTP/1.1 404 No\r\n", NOTHING], "http_error"),
    "gzip": ([PARTLY, "Content-Encoding: gzip\r\n", LENGTH, END, ("body",)], "wrong_content"),
    "a page": ([PARTLY, "Content-Type: text/html\r\n", LENGTH, END, ("body",)], "wrong_content"),
    "a page of 200": (
        ["HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 19\r\n\r\n<!doctype html><html>"],
        "wrong_content",
    ),
    "several ranges": (
        [PART, "Content-Type: multipart/byteranges; boundary=x\r\n", LENGTH, END, ("body",)],
        "wrong_content",
    ),
    "no range": ([PART, LENGTH, END, ("body",)], "wrong_content"),
    "another range": (
        [PART, "Content-Range: bytes 5-9/{size}\r\nContent-Length: 5\r\n\r\n", ("body", 0, 5)],
        "wrong_content",
    ),
    "a longer range than asked for": (
        [PART, f"Content-Range: bytes {{first}}-{SIZE - 1}/{{size}}\r\n\r\n", ("body",), ("close",)],
        "wrong_content",
    ),
    "a range beyond the end": (
        [PART, f"Content-Range: bytes {{first}}-{SIZE}/*\r\n\r\n", ("body",), ("close",)],
        "wrong_content",
    ),
    "another total": (
        [PART, f"Content-Range: bytes {{first}}-{{last}}/{SIZE + 1}\r\n", LENGTH, END, ("body",)],
        "size_mismatch",
    ),
    "a length that is not the range's": (
        [PARTLY, "Content-Length: 5\r\n\r\n", ("body", 0, 5)],
        "wrong_content",
    ),
    "endless headers": ([PARTLY, ("endless", "X-Filler: xxxxxxxxxxxxxxxxxxxx\r\n")], "wrong_content"),
    "endless continuing": ([("endless", "HTTP/1.1 100 Go on\r\n\r\n")], "wrong_content"),
    "an endless body": ([PARTLY, CHUNKED, ("endless", "10\r\n0123456789abcdef\r\n")], "size_mismatch"),
    "an endless body without a length": ([PARTLY, END, ("endless", "0123456789abcdef")], "size_mismatch"),
    "a redirect to http": (
        ["HTTP/1.1 302 No\r\nLocation: http://example.com/x\r\n", NOTHING],
        "forbidden_url",
    ),
    "a redirect to a private address": (
        ["HTTP/1.1 302 No\r\nLocation: https://10.0.0.1/x\r\n", NOTHING],
        "forbidden_url",
    ),
    "a redirect to metadata": (
        ["HTTP/1.1 302 No\r\nLocation: http://169.254.169.254/latest/\r\n", NOTHING],
        "forbidden_url",
    ),
    "a redirect to a file": (
        ["HTTP/1.1 302 No\r\nLocation: file:///etc/passwd\r\n", NOTHING],
        "forbidden_url",
    ),
    "a redirect with a password": (
        ["HTTP/1.1 302 No\r\nLocation: https://a:b@example.com/x\r\n", NOTHING],
        "forbidden_url",
    ),
    "a redirect to itself": (["HTTP/1.1 302 No\r\nLocation: ?again\r\n", NOTHING], "forbidden_url"),
    "other bytes": ([PARTLY, LENGTH, END, ("other", 2)], "checksum_mismatch"),
}


@pytest.mark.parametrize("what", ALWAYS)
async def test_what_is_wrong_with_every_later_piece_fails_and_leaves_nothing(what: str, place: Place) -> None:
    path = f"/always/{list(ALWAYS).index(what)}.gguf"
    send, code = ALWAYS[what]
    place.offer(path, {"from_byte": LATER, "send": send})
    ended = await place.outcome()
    assert ended.state is DownloadState.FAILED
    assert ended.error is not None and ended.error.code == code, ended.error
    assert str(place.home.folder) not in ended.error.detail
    assert len(place.starts(path)) < 30
    assert place.sent(path) < MUCH
