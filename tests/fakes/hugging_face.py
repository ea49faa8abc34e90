"""A stand-in for Hugging Face: its API, and files that it sends on to another origin, its CDN.

`GET /api/models/{repo}/revision/{revision}?blobs=true` and `GET /{repo}/resolve/{commit}/{path}`. It
misbehaves on request: `raw` answers, `changes` of what the API says, redirects to anywhere, a token.
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

SMALL = 1024
"""Bytes below which a file is not in large-file storage and so has no SHA-256."""


def commit_of(name: str) -> str:
    return hashlib.sha1(name.encode()).hexdigest()  # as git does


@dataclass
class Repository:
    """One commit: `files` by path. With a `token` nothing is shown without it."""

    files: dict[str, bytes]
    commit: str = commit_of("first")
    token: str | None = None
    gated: bool | str = False
    library: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    raw: bytes | None = None
    redirect: str | None = None
    """Where each file is sent on to, in the place of our own `/cdn/…`."""


@dataclass
class HuggingFace:
    """Repositories by `owner/name`; `asked` is (path, Authorization) of each request."""

    url: str = ""
    cdn: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    at_cdn: list[tuple[str, str | None]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    here: HuggingFace
    is_cdn: bool

    def log_message(self, *_: object) -> None:
        """Nothing to stderr."""

    def do_GET(self) -> None:  # the standard library's name
        path = unquote(urlsplit(self.path).path)
        asked = (path, self.headers.get("Authorization"))
        (self.here.at_cdn if self.is_cdn else self.here.asked).append(asked)
        for name, repository in self.here.repositories.items():
            if self.is_cdn and path.startswith(f"/cdn/{name}/"):
                self._file(repository, path.removeprefix(f"/cdn/{name}/"))
                return
            if path.startswith((f"/api/models/{name}/revision/", f"/{name}/resolve/")):
                self._shown(name, repository, path)
                return
        self._answer(404, b'{"error":"Repository not found"}')

    def _shown(self, name: str, repository: Repository, path: str) -> None:
        if repository.token and self.headers.get("Authorization") != f"Bearer {repository.token}":
            self._answer(401, b'{"error":"Invalid username or password."}')
        elif path.startswith("/api/"):
            revision = path.rpartition("/")[2]
            if revision not in ("main", repository.commit):
                self._answer(404, b'{"error":"Invalid rev id"}')
                return
            self._answer(200, repository.raw or json.dumps(_info(name, repository)).encode())
        else:
            file = path.removeprefix(f"/{name}/resolve/{repository.commit}/")
            target = repository.redirect or f"{self.here.cdn}/cdn/{name}/{file}"
            self._answer(302, b"", Location=target)

    def _file(self, repository: Repository, name: str) -> None:
        data = repository.files.get(name)
        if data is None:
            self._answer(404, b"")
            return
        tag = f'"{hashlib.sha256(data).hexdigest()}"'
        wanted = self.headers.get("Range", "").removeprefix("bytes=")
        if not wanted:
            self._answer(200, data, ETag=tag, **{"Accept-Ranges": "bytes"})
            return
        first, _, last = wanted.partition("-")
        start, end = int(first), min(int(last) if last else len(data) - 1, len(data) - 1)
        part = {"Content-Range": f"bytes {start}-{end}/{len(data)}"}
        self._answer(206, data[start : end + 1], ETag=tag, **part)

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)


def _info(name: str, repository: Repository) -> dict[str, Any]:
    siblings = []
    for path, data in repository.files.items():
        one: dict[str, Any] = {"rfilename": path, "size": len(data), "blobId": commit_of(path)}
        if len(data) >= SMALL:
            one["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        siblings.append(one)
    told = {
        "id": name, "sha": repository.commit, "gated": repository.gated, "private": False,
        "siblings": siblings, "library_name": repository.library, "cardData": {"license": "apache-2.0"},
    }  # fmt: skip
    return told | repository.changes


@contextlib.contextmanager
def hugging_face(**repositories: Repository) -> Iterator[HuggingFace]:
    """It runs, with its CDN on another port, until the context ends."""
    here = HuggingFace(repositories=dict(repositories))
    with contextlib.ExitStack() as stack:
        for is_cdn in (False, True):
            handler = type("Handler", (_Handler,), {"here": here, "is_cdn": is_cdn})
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join, 5)
            stack.callback(server.shutdown)
            url = f"http://127.0.0.1:{server.server_address[1]}"
            if is_cdn:
                here.cdn = url
            else:
                here.url = url
        yield here
