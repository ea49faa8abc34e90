"""A model repository with the API that Hugging Face has, as far as a publisher needs it, and one that
misbehaves on request: it lies about sizes, redirects away, answers HTML.

Shapes: `GET /api/models/{repo}/revision/{revision}?blobs=true` and `GET /{repo}/resolve/{commit}/{path}`.
"""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SMALL = 4096
"""Bytes below which a file is not in large-file storage and so has no SHA-256 in the API."""


@dataclass
class Repository:
    """`owner/name` with its files; `token` is needed where it is set."""

    name: str
    files: dict[str, bytes]
    card: dict[str, Any] = field(default_factory=dict)
    gated: bool | str = False
    token: str | None = None
    redirect: str | None = None
    """Where every file is sent on to, without its path where it ends in `!`."""
    raw: bytes | None = None
    """Answered instead of the API's JSON."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Put over the API's answer."""
    ranges: bool = True
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    """(path, Range, Authorization) of each request."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    repository: Repository

    def log_message(self, *_: object) -> None:
        """Nothing to stderr."""

    def do_GET(self) -> None:  # the standard library's name
        here = self.repository
        path = unquote(urlsplit(self.path).path)
        here.asked.append((self.path, self.headers.get("Range"), self.headers.get("Authorization")))
        if here.token is not None and self.headers.get("Authorization") != f"Bearer {here.token}":
            self._answer(401, b"{}")
        elif path.startswith(f"/api/models/{here.name}/revision/"):
            self._answer(200, here.raw if here.raw is not None else json.dumps(self._info()).encode())
        elif path.startswith(f"/{here.name}/resolve/{COMMIT}/"):
            self._file(path.removeprefix(f"/{here.name}/resolve/{COMMIT}/"), here.redirect)
        elif path.startswith("/blobs/"):
            self._file(path.removeprefix("/blobs/"), None)
        else:
            self._answer(404, b"{}")

    def _info(self) -> dict[str, Any]:
        here = self.repository
        siblings = []
        for name, data in here.files.items():
            one: dict[str, Any] = {"rfilename": name, "size": len(data)}
            if len(data) >= SMALL:
                one["lfs"] = {
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "size": len(data),
                    "pointerSize": 134,
                }
            siblings.append(one)
        told = {
            "id": here.name,
            "sha": COMMIT,
            "gated": here.gated,
            "siblings": siblings,
            "cardData": here.card,
        }
        return told | here.changes

    def _file(self, name: str, redirect: str | None) -> None:
        data = self.repository.files.get(name)
        if data is None:
            self._answer(404, b"")
        elif redirect is not None:
            self._answer(302, b"", Location=f"{redirect}{name}")
        elif (wanted := self.headers.get("Range")) and self.repository.ranges:
            end = int(wanted.rpartition("-")[2])
            self._answer(206, data[: end + 1])
        else:
            self._answer(200, data)

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)


@contextlib.contextmanager
def serving(repository: Repository) -> Iterator[str]:
    """The address of an API that knows this one repository."""
    handler = type("Handler", (_Handler,), {"repository": repository})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(5)
