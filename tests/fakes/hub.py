"""A stand-in for the daemon that answers what it is told, and misbehaves on request: it drops connections,
talks no HTTP, ends a stream in the middle of a line. Real sockets, real HTTP.
"""

import contextlib
import socketserver
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from modelhubd.wire.problem import Problem


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that has arrived."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What to say: `raw` bytes instead of HTTP; no `lines` end before `drop`, which breaks the connection."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    lines: tuple[bytes, ...] | None = None
    raw: bytes | None = None
    drop: bool = False
    stall: bool = False
    """After the lines nothing more comes, and the connection stays."""


def json_answer(value: Any, status: int = 200) -> Answer:
    return Answer(status=status, body=msgspec.json.encode(value))


def problem_answer(status: int, code: str, detail: str, **rest: Any) -> Answer:
    problem = Problem(
        type=f"urn:modelhub:problem:{code}", title="No", status=status, detail=detail, code=code, **rest
    )
    return Answer(status=status, body=msgspec.json.encode(problem), content_type="application/problem+json")


def frames(*values: tuple[str, Any, str | None]) -> Answer:
    """A stream of events: type, data, cursor each; it ends after the last."""
    lines = []
    for kind, data, cursor in values:
        frame = {"type": kind, "data": data} | ({"id": cursor} if cursor else {})
        lines.append(msgspec.json.encode(frame) + b"\n")
    return Answer(content_type="application/x-ndjson", lines=tuple(lines))


@dataclass
class Hub:
    """Give it answers per `METHOD /path`; several are given one after the other, the last one for ever."""

    socket: Path
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)

    def on(self, route: str, *answers: Answer) -> None:
        self.answers[route] = list(answers)

    def next_answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        found = self.answers.get(f"{asked.method} {asked.path}")
        if not found:
            return problem_answer(404, "not_found", f"Nothing at {asked.path}.")
        return found.pop(0) if len(found) > 1 else found[0]


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    hub: Hub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes early is no matter."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing to stderr."""

    def _answer(self) -> None:
        assert isinstance(self.server, _Server)
        hub = self.server.hub
        length = int(self.headers.get("Content-Length") or 0)
        parts = urlsplit(self.path)
        body = self.rfile.read(length)
        answer = hub.next_answer(
            Asked(
                method=self.command,
                path=parts.path,
                query=tuple(parse_qsl(parts.query)),
                headers=dict(self.headers.items()),
                body=msgspec.json.decode(body) if body else None,
            )
        )
        self.close_connection = True
        if answer.raw is not None:
            self.wfile.write(answer.raw)
            return
        if answer.drop:
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        if answer.lines is None:
            self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        for line in (answer.body,) if answer.lines is None else answer.lines:
            self.wfile.write(line)
            self.wfile.flush()
        if answer.stall:
            self.rfile.read(1)  # until the client goes

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815  # the standard library's names


@contextlib.contextmanager
def running_hub(socket: Path) -> Iterator[Hub]:
    """A hub that answers on `socket`."""
    socket.parent.mkdir(parents=True, exist_ok=True)
    with _Server(str(socket), _Handler) as server:
        server.hub = Hub(socket)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.hub
        finally:
            server.shutdown()
            thread.join(5)
            socket.unlink(missing_ok=True)
