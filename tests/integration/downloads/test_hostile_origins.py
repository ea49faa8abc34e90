"""Answers that no good origin gives, byte for byte: the file is whole and right afterwards, or not there."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelhubd.wire.downloads import DownloadState
from tests.fakes.bad_origin import BadOrigin, Part, Rule
from tests.fakes.hostile import CHUNKED, EARLY, END, LENGTH, PART, PARTLY, WHOLE, Place

SIZE = 300_000
MUCH = 64 << 20
"""More than what any answer of a file of that size may bring."""
ONE_CHUNK: list[Part] = [f"{SIZE:x}\r\n", ("body",), "\r\n"]


@pytest.fixture
def place(tmp_path: Path, bad: BadOrigin) -> Place:
    return Place(tmp_path, bad, SIZE)


ONCE: dict[str, list[Part]] = {
    "HTTP/0.9": [("other", 2), ("close",)],
    "nothing at all": [("close",)],
    "nothing but an end of line": ["\r\n\r\n", ("close",)],
    "noise before the answer": ["\x00\xff\x16\x03\x01\r\n", PARTLY, LENGTH, END, ("body",)],
    "a status without a number": ["HTTP/1.1 OK\r\n\r\n", ("close",)],
    "a status of two digits": ["HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", ("close",)],
    "a status line without end": [("repeat", "HTTP/1.1 200 ", 20_000), ("close",)],
    "another protocol": ["SSH-2.0-OpenSSH_9.6\r\n", ("close",)],
    "HTTP/2 unasked": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ("close",)],
    "a NUL in a header": [PARTLY, "X-Nul: a\x00b\r\n", LENGTH, END, ("body",)],
    "switched protocols": ["HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n", ("stall",)],
    "early hints": [("repeat", EARLY, 5), PARTLY, LENGTH, END, ("body",)],
    "headers cut": [PARTLY, ("close",)],
    "headers that stop": [PARTLY, ("stall",)],
    "headers that drip": ["HTTP/1.1 206 Part\r\n", ("drip", "X: y\r\n")],
    "one header that drips": ["HTTP/1.1 206 Part\r\nX: ", ("drip", "y")],
    "continued for ever, slowly": [("drip", "HTTP/1.1 100 Go on\r\n\r\n")],
    "a negative length": [PARTLY, "Content-Length: -1\r\n\r\n", ("body",), ("close",)],
    "a length beyond any number": [WHOLE, f"Content-Length: {10**30}\r\n\r\n", ("body",), ("stall",)],
    "no length, to the end of the connection": [PARTLY, END, ("body",), ("close",)],
    "no length, and cut": [PARTLY, END, ("body", 0, 1000), ("close",)],
    "no length, and stalled": [PARTLY, END, ("body", 0, 1000), ("stall",)],
    "no length, and reset": [PARTLY, END, ("body", 0, 1000), ("reset",)],
    "a shorter part than asked for": [
        PART, "Content-Range: bytes 0-999/{size}\r\nContent-Length: 1000\r\n\r\n", ("body", 0, 1000)
    ],
    "a part of unknown total": [PART, "Content-Range: bytes {first}-{last}/*\r\n", LENGTH, END, ("body",)],
    "more than announced": [PARTLY, LENGTH, END, ("body",), ("repeat", "x", 100_000)],
    "another answer behind the answer": [
        PARTLY, LENGTH, END, ("body",), PARTLY, LENGTH, END, ("other", 2)
    ],
    "one chunk": [PARTLY, CHUNKED, *ONE_CHUNK, "0\r\n\r\n"],
    "trailers": [PARTLY, CHUNKED, *ONE_CHUNK, "0\r\nX-Sum: 1\r\nContent-Range: bytes 5-9/10\r\n\r\n"],
    "a chunk without a size": [PARTLY, CHUNKED, "zz\r\n", ("body",), ("close",)],
    "a chunk of any size": [PARTLY, CHUNKED, "ffffffffffffffffff\r\n", ("body",), ("close",)],
    "a negative chunk": [PARTLY, CHUNKED, "-5\r\n", ("body",), ("close",)],
    "a chunk cut": [PARTLY, CHUNKED, f"{SIZE:x}\r\n", ("body", 0, 5000), ("close",)],
    "chunks that end before the range": [PARTLY, CHUNKED, "5\r\n", ("body", 0, 5), "\r\n0\r\n\r\n"],
    "two lengths": [PARTLY, LENGTH, "Content-Length: 5\r\n\r\n", ("body",), ("close",)],
    "chunks without an end": [PARTLY, CHUNKED, "1000\r\n", ("body", 0, 4096), "\r\n", ("close",)],
    "a chunk size without end": [PARTLY, CHUNKED, "5;", ("endless", "x")],
    "trailers that stop": [PARTLY, CHUNKED, "5\r\n", ("body", 0, 5), "\r\n0\r\nX: ", ("stall",)],
}  # fmt: skip


@pytest.mark.parametrize("what", ONCE)
async def test_what_is_wrong_once_does_not_harm(what: str, place: Place) -> None:
    path = f"/once/{list(ONCE).index(what)}.gguf"
    place.offer(path, {"times": 1, "send": ONCE[what]})
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert place.bad.met(path) == [1]


ALWAYS: dict[str, tuple[list[Part], str]] = {
    "continued without end": ([("endless", "HTTP/1.1 100 Go on\r\n\r\n")], "wrong_content"),
    "early hints without end": ([("endless", EARLY)], "wrong_content"),
    "headers without end": ([PARTLY, ("endless", "X-Filler: xxxxxxxxxxxxxxxxxxxxxx\r\n")], "wrong_content"),
    "a header without end": ([PARTLY, "X: ", ("endless", "x")], "http_error"),
    "a body without end": ([WHOLE, CHUNKED, ("endless", "10\r\n0123456789abcdef\r\n")], "size_mismatch"),
    "a body without end or length": ([PARTLY, END, ("endless", "0123456789abcdef")], "size_mismatch"),
    "a length that is not the range's": ([PARTLY, "Content-Length: 5\r\n\r\n", ("body",)], "wrong_content"),
    "gzip": ([PARTLY, "Content-Encoding: gzip\r\n", LENGTH, END, ("body",)], "wrong_content"),
    "gzip in capitals": ([PARTLY, "CONTENT-ENCODING: X-GZIP\r\n", LENGTH, END, ("body",)], "wrong_content"),
    "gzip and then identity": (
        [PARTLY, "Content-Encoding: gzip\r\nContent-Encoding: identity\r\n", LENGTH, END, ("body",)],
        "wrong_content",
    ),
    "a page in capitals": ([PARTLY, "Content-Type: TEXT/HTML\r\n", LENGTH, END, ("body",)], "wrong_content"),
    "203": (["HTTP/1.1 203 No\r\n", LENGTH, END, ("body",)], "http_error"),
    "300": (["HTTP/1.1 300 No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"], "http_error"),
    "302 to nowhere": (["HTTP/1.1 302 No\r\nContent-Length: 0\r\n\r\n"], "http_error"),
    "999": (["HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n"], "http_error"),
}  # fmt: skip

RANGES = [
    "items 0-1/2",
    "bytes */{size}",
    "bytes 0-5,7-{last}/{size}",
    "bytes {last}-0/{size}",
    "bytes 1-{last}/{size}",
    "bytes -{last}/{size}",
    "bytes 0x0-{last}/{size}",
    "bytes 0-{size}/{size}",
    f"bytes 0-{10**25}/{10**26}",
    "bytes 0-{last}/{size}\r\nContent-Range: bytes 7-9/{size}",
]
LOCATIONS: dict[str, tuple[list[Part], str]] = {
    "an empty place": ([""], "http_error"),
    "itself": (["?again"], "forbidden_url"),
    "what is no URL": (["http://["], "forbidden_url"),
    "a port that is none": (["http://127.0.0.1:99999/x"], "forbidden_url"),
    "another port": (["https://example.com:22/x"], "forbidden_url"),
    "an address in hexadecimal": (["https://0x7f000001/x"], "forbidden_url"),
    "an address in short": (["https://127.1/x"], "forbidden_url"),
    "an old site's own address": (["https://[fec0::1]/x"], "forbidden_url"),
    "metadata in disguise": (["https://[::ffff:169.254.169.254]/x"], "forbidden_url"),
    "the upper folder": (["/a/%2e%2e/%2e%2e/x"], "forbidden_url"),
    "raw bytes": (["/\xe9"], "forbidden_url"),
    "far away": (["/", ("repeat", "x", 9000)], "forbidden_url"),
}
ALWAYS |= {
    f"a part that is {text}": ([PART, f"Content-Range: {text}\r\n\r\n", ("close",)], "wrong_content")
    for text in RANGES
}
ALWAYS |= {
    f"302 to {what}": (["HTTP/1.1 302 No\r\nLocation: ", *location, "\r\nContent-Length: 0\r\n\r\n"], code)
    for what, (location, code) in LOCATIONS.items()
}


@pytest.mark.parametrize("what", ALWAYS)
async def test_what_is_always_wrong_fails_and_leaves_nothing(what: str, place: Place) -> None:
    path = f"/always/{list(ALWAYS).index(what)}.gguf"
    send, code = ALWAYS[what]
    place.offer(path, {"send": send})
    ended = await place.outcome()
    assert ended.state is DownloadState.FAILED
    assert ended.error is not None and ended.error.code == code, ended.error
    assert str(place.home.folder) not in ended.error.detail
    assert place.sent(path) < MUCH


async def test_a_cut_at_any_byte_loses_nothing(place: Place) -> None:
    head = PARTLY + LENGTH + END
    heads = [head[:at] for at in range(1, len(head), 11)]
    bodies = [*range(1, 10), 63, 64, 65, 4095, 4096, 4097, 16_384, 65_535]
    rules: list[Rule] = []
    for number, count in enumerate(bodies):
        rules.append({"times": 1, "send": [head, ("body", 0, count), ("close",)]})
        if number < len(heads):
            rules.append({"times": 1, "send": [heads[number], ("close",)]})
    place.offer("/cuts.gguf", *rules)
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert place.bad.met("/cuts.gguf") == [1] * len(rules)
    asked = [entry["fields"]["range"] for entry in place.bad.requests("/cuts.gguf")]
    assert asked[-1] == f"bytes={sum(bodies)}-", "no byte was asked for twice"


async def test_two_addresses_that_redirect_to_each_other_are_left(place: Place) -> None:
    for one, other in (("/ping.gguf", "/pong.gguf"), ("/pong.gguf", "/ping.gguf")):
        answer = f"HTTP/1.1 307 There\r\nLocation: {{url}}{other}\r\nContent-Length: 0\r\n\r\n"
        place.offer(one, {"send": [answer]})
    ended = await place.outcome()
    assert ended.error is not None and ended.error.code == "forbidden_url"
    assert sum(sum(place.bad.met(path)) for path in ("/ping.gguf", "/pong.gguf")) == 6


async def test_a_wait_without_end_is_not_taken_from_an_origin(place: Place) -> None:
    answer = "HTTP/1.1 429 Slow\r\nRetry-After: 999999999\r\nContent-Length: 0\r\n\r\n"
    place.offer("/later.gguf", {"send": [answer]})
    async with place.home.daemon() as daemon:
        waiting = await daemon.until((await daemon.pull()).id, DownloadState.WAITING)
        assert waiting.next_retry_at is not None
        left = datetime.fromisoformat(waiting.next_retry_at) - datetime.now(UTC)
        assert 3000 < left.total_seconds() <= 3600


@pytest.mark.parametrize("after", ["-5", "soon", "1e9", "Thu, 01 Jan 1970 00:00:00 GMT", "", "0", "\xff"])
async def test_a_wait_that_cannot_be_read_is_none(after: str, place: Place) -> None:
    answer = f"HTTP/1.1 503 Slow\r\nRetry-After: {after}\r\nContent-Length: 0\r\n\r\n"
    place.offer("/unread.gguf", {"times": 1, "send": [answer]})
    began = time.monotonic()
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("etag", ['"other"', 'W/"first"', "first"])
async def test_a_file_without_a_digest_is_not_joined_from_two(etag: str, place: Place) -> None:
    # The rest is 206 although If-Range names what is there no more.
    part = "HTTP/1.1 206 Part\r\nContent-Range: bytes {first}-{last}/{size}\r\n"
    place.offer(
        "/joined.gguf",
        {"times": 1, "send": [part, 'ETag: "first"\r\n', LENGTH, END, ("repeat", "GGUF", 9000), ("close",)]},
        {"times": 1, "from_byte": 1, "send": [part, f"ETag: {etag}\r\n", LENGTH, END, ("body",)]},
        digest=False,
    )
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert place.bad.met("/joined.gguf") == [1, 1]
