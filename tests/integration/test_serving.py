"""What cannot be read as HTTP is answered like everything else, and what never gets whole is cut off."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from modelhubd.web import serving
from tests.running import RunningDaemon

UNREADABLE = {
    "no request": b"what is this\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 32,
    "no such version": b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "a header without a name": b"GET /api/v1/health HTTP/1.1\r\n: x\r\n\r\n",
    "a header with a NUL": b"GET /api/v1/health HTTP/1.1\r\nHost: a\x00b\r\n\r\n",
    "two lengths": b"POST /api/v1/downloads HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "length and chunks": (
        b"POST /api/v1/downloads HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
    ),
    "a long header": b"GET /api/v1/health HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
    "a long line": b"GET /" + b"x" * (serving.LINE_BYTES + 10) + b" HTTP/1.1\r\n\r\n",
    "endless headers": b"GET /api/v1/health HTTP/1.1\r\n" + b"X: y\r\n" * 10_000,
}


def raw(daemon: RunningDaemon, kind: str, sent: bytes) -> tuple[bytes, bytes]:
    """(head, body) of what the daemon answers until it closes the connection."""
    if kind == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(daemon.socket))
    else:
        parts = urlsplit(daemon.url)
        connection = socket.create_connection((parts.hostname, parts.port))
    answer = b""
    with connection:
        connection.settimeout(20)
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        with contextlib.suppress(ConnectionError):
            while data := connection.recv(65536):
                answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


@pytest.mark.parametrize("kind", ["unix", "tcp"])
@pytest.mark.parametrize("sent", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_http_is_answered_with_a_problem(shared: RunningDaemon, kind: str, sent: bytes) -> None:
    head, body = raw(shared, kind, sent)
    first, *fields = head.decode().lower().split("\r\n")
    assert first == "http/1.1 400 bad request" or first == "http/1.0 400 bad request"
    assert "content-type: application/problem+json" in fields
    assert "x-content-type-options: nosniff" in fields
    found = json.loads(body)
    assert (found["status"], found["code"]) == (400, "unreadable_request")
    assert found["type"] == "urn:modelhub:problem:unreadable_request"


@contextlib.asynccontextmanager
async def answering(folder: Path, *, idle_s: float) -> AsyncIterator[str]:
    """The path of a socket on which everything is answered, after half a second where `/slow` is asked."""

    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(0.5 if request.path == "/slow" else 0)
        return web.Response(text="answered")

    app = web.Application()
    app.router.add_get("/{any}", answer)
    path = str(folder / "s.sock")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    async with serving.serving(app, [listening], headers={}, grace_s=1, idle_s=idle_s, abandon=True):
        yield path


async def drip(writer: asyncio.StreamWriter, piece: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("answered", [0, 1])
@pytest.mark.parametrize(
    ("begun", "piece"),
    [(b"", b""), (b"GET /", b"x"), (b"GET /x HTTP/1.1\r\nHost: x\r\nX: ", b"y"), (b"", b"\r\n")],
    ids=["nothing", "line", "header", "empty lines"],
)
async def test_a_head_that_never_ends_is_cut_off(
    tmp_path: Path, answered: int, begun: bytes, piece: bytes
) -> None:
    async with answering(tmp_path, idle_s=0.3) as path:
        reader, writer = await asyncio.open_unix_connection(path)
        for _ in range(answered):
            writer.write(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"answered")).startswith(b"HTTP/1.1 200")
        writer.write(begun)
        dripping = asyncio.ensure_future(drip(writer, piece))
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionError):
                await reader.read()
        dripping.cancel()
        writer.close()


async def test_an_answer_may_take_longer_than_a_head(tmp_path: Path) -> None:
    async with answering(tmp_path, idle_s=0.2) as path:
        reader, writer = await asyncio.open_unix_connection(path)
        for _ in range(2):
            writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"answered")).startswith(b"HTTP/1.1 200")
        writer.close()
