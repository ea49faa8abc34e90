"""A registry as daemons see it, and one that misbehaves on request: stale, rolled back, mixed, mis-signed,
bombs, endless bodies, web pages, redirects, dripping, a forked log. Real HTTP, a real TUF repository.

    python -m tests.fakes.tuf_registry FOLDER

serves one model and writes the trusted root into FOLDER; it ends when its standard input does.
"""

import contextlib
import gzip
import hashlib
import http.server
import json
import socketserver
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import msgspec
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from modelhubd.trust.merkle import consistency_proof, leaf_hash, root_of
from modelhubd.trust.notes import Checkpoint, sign_checkpoint, verifier_key
from modelhubd.trust.signing import new_key
from modelhubd.wire.registry import Proof

NAME = "registry.test"
TARGET = "catalog.json.gz"
ONLINE = ("timestamp", "snapshot", "targets")
PREFIX = "/api/v1"
LONG = timedelta(days=1)


def entry(ident: str = "lab/one", **more: Any) -> dict[str, Any]:
    """A model as a registry serves it, with one option of 10 bytes that nobody has."""
    file = {
        "name": "a.gguf",
        "size_bytes": 10,
        "sha256": "ab" * 32,
        "urls": ["https://models.invalid/a.gguf"],
    }
    option = {"id": "gguf-q4", "format": "gguf", "files": [file]}
    return {"id": ident, "display_name": ident, "options": [option], "published_by": "author"} | more


@dataclass
class Asked:
    """One request, and how many bytes of it and of its answer went over the line."""

    method: str
    path: str
    fields: dict[str, str]
    status: int = 0
    received: int = 0
    sent: int = 0
    body: int = 0
    """Of `sent`, without the head."""


@dataclass
class Mood:
    """How requests whose path holds `part` are answered instead: `html`, `redirect`, `endless`, `drip`,
    `silent`, `cut` (half a body), `head` (endless head), or a status as text."""

    kind: str
    part: str = ""


@dataclass
class Contents:
    """What the next release holds."""

    entries: list[Any] = field(default_factory=lambda: [entry()])
    tombstones: list[dict[str, str]] = field(default_factory=list)
    templates: list[dict[str, Any]] = field(default_factory=list)
    publishers: list[dict[str, Any]] = field(default_factory=list)


class TufRegistry:
    """Use it as a context. What it serves is of its last `release`."""

    def __init__(self, *, token: str | None = None) -> None:
        self.token = token
        self.keys = {role: CryptoSigner.generate_ed25519() for role in ("root", *ONLINE)}
        self.log_key = new_key()
        self.log_name = NAME
        self.log: list[bytes] = [b"first entry", b"second entry"]
        self.contents = Contents()
        self.files: dict[str, bytes] = {}
        self.history: list[dict[str, bytes]] = []
        self.versions = dict.fromkeys(("root", *ONLINE), 0)
        self.revision = 0
        self.moods: list[Mood] = []
        self.date_ahead = timedelta()
        self.counters: dict[str, dict[str, int]] = {}
        self.stars: set[str] = set()
        self.asked: list[Asked] = []
        self.proofs: dict[str, Any] = {}
        """Answers to proofs, by query, instead of the right ones; an int is a status."""
        self.sign_root()
        self.trusted_root = self.files["1.root.json"]
        self._server: _Server | None = None

    # What it serves

    def sign_root(self, *, expires: datetime | None = None, by: tuple[CryptoSigner, ...] = ()) -> None:
        """The next root, with the keys as they are now; `by` signs too."""
        self.versions["root"] += 1
        root = Root(version=self.versions["root"], expires=expires or _soon(LONG * 365))
        for role, signer in self.keys.items():
            root.add_key(signer.public_key, role)
        metadata = Metadata(root)
        for signer in (self.keys["root"], *by):
            metadata.sign(signer, append=True)
        self.files[f"{root.version}.root.json"] = metadata.to_bytes()

    def rotate(self, *roles: str) -> None:
        """New keys for these roles, in a root that the old one vouches for."""
        old = self.keys["root"]
        for role in roles:
            self.keys[role] = CryptoSigner.generate_ed25519()
        self.sign_root(by=(old,) if "root" in roles else ())

    def document(self, **more: Any) -> dict[str, Any]:
        """What is signed next."""
        return {
            "schema": 1,
            "registry": self.log_name,
            "revision": self.revision,
            "published_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "entries": self.contents.entries,
            "tombstones": self.contents.tombstones,
            "templates": self.contents.templates,
            "publishers": self.contents.publishers,
            "checkpoint": self.checkpoint(),
            "audit_key": verifier_key(self.log_name, self.log_key[1]),
        } | more

    def checkpoint(self) -> str:
        return sign_checkpoint(self.tree(), self.log_name, self.log_key[0])

    def tree(self) -> Checkpoint:
        return Checkpoint(
            origin=self.log_name, size=len(self.log), root=root_of([leaf_hash(leaf) for leaf in self.log])
        )

    def release(
        self,
        *,
        target: bytes | None = None,
        expires: dict[str, datetime] | None = None,
        signers: dict[str, CryptoSigner] | None = None,
        named: str = TARGET,
        grow: bool = True,
        **document: Any,
    ) -> None:
        """Sign what `contents` holds as a new revision. `target` are other bytes in its place, `expires` and
        `signers` are by role, `document` replaces fields of it."""
        self.revision += 1
        if grow:
            self.log.append(f"release {self.revision}".encode())
        if target is None:
            target = gzip.compress(json.dumps(self.document(**document)).encode(), 6, mtime=0)
        signers = self.keys | (signers or {})
        ends = {role: _soon(LONG) for role in ONLINE} | (expires or {})
        info = TargetFile.from_data(named, target, ["sha256"])
        for role in ONLINE:
            self.versions[role] += 1
        versions = self.versions
        targets = Metadata(
            Targets(version=versions["targets"], expires=ends["targets"], targets={named: info})
        )
        targets.sign(signers["targets"])
        listed = targets.to_bytes()
        meta = {"targets.json": MetaFile.from_data(versions["targets"], listed, ["sha256"])}
        snapshot = Metadata(Snapshot(version=versions["snapshot"], expires=ends["snapshot"], meta=meta))
        snapshot.sign(signers["snapshot"])
        seen = snapshot.to_bytes()
        about = MetaFile.from_data(versions["snapshot"], seen, ["sha256"])
        timestamp = Metadata(
            Timestamp(version=versions["timestamp"], expires=ends["timestamp"], snapshot_meta=about)
        )
        timestamp.sign(signers["timestamp"])
        digest = hashlib.sha256(target).hexdigest()
        self.files |= {
            f"targets/{digest}.{named}": target,
            f"{versions['targets']}.targets.json": listed,
            f"{versions['snapshot']}.snapshot.json": seen,
            "timestamp.json": timestamp.to_bytes(),
        }
        self.history.append(dict(self.files))

    def renew(self, *, expires: datetime | None = None) -> None:
        """A new timestamp for the same release."""
        timestamp = Metadata[Timestamp].from_bytes(self.files["timestamp.json"])
        self.versions["timestamp"] += 1
        timestamp.signed.version = self.versions["timestamp"]
        timestamp.signed.expires = expires or _soon(LONG)
        timestamp.sign(self.keys["timestamp"])
        self.files["timestamp.json"] = timestamp.to_bytes()

    def show_again(self, release: int) -> None:
        """Serve an old release, by its number from 0, as if it were the newest."""
        self.files["timestamp.json"] = self.history[release]["timestamp.json"]

    # How it answers

    def misbehave(self, kind: str, part: str = "") -> None:
        self.moods = [Mood(kind, part)]

    def behave(self) -> None:
        self.moods = []

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def requests(self, part: str = "") -> list[Asked]:
        return [asked for asked in self.asked if part in asked.path]

    def __enter__(self) -> Self:
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.ended.set()
        self._server.shutdown()
        self._server.server_close()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Nobody listens at its address meanwhile."""
        assert self._server is not None
        port = self._server.server_address[1]
        self.__exit__(None, None, None)
        try:
            yield
        finally:
            self._server = _Server(self, port)
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, method: str, target: str, fields: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        """(status, body, fields) of the answer, as it should be."""
        parts = urlsplit(target)
        path = parts.path.removeprefix(PREFIX)
        if self.token is not None and fields.get("authorization") != f"Bearer {self.token}":
            return 401, b'{"code":"unauthenticated"}', {}
        if path.startswith("/tuf/"):
            found = self.files.get(path.removeprefix("/tuf/"))
            return (404, b"", {}) if found is None else (200, found, {})
        if path == "/popularity":
            body = json.dumps({"counters": self.counters}).encode()
            tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            if fields.get("if-none-match") == tag:
                return 304, b"", {"ETag": tag}
            return 200, body, {"ETag": tag}
        if path == "/audit/proof/consistency":
            return self._proof(parts.query)
        return self._count(method, path)

    def _proof(self, query: str) -> tuple[int, bytes, dict[str, str]]:
        if (given := self.proofs.get(query, self.proofs.get(""))) is not None:
            return (given, b"", {}) if isinstance(given, int) else (200, given, {})
        asked = parse_qs(query)
        old, new = int(asked["from"][0]), int(asked["to"][0])
        leaves = [leaf_hash(leaf) for leaf in self.log[:new]]
        proof = Proof(
            size=new,
            root_hash=root_of(leaves).hex(),
            hashes=tuple(part.hex() for part in consistency_proof(leaves, old)),
            from_size=old,
        )
        return 200, msgspec.json.encode(proof), {}

    def _count(self, method: str, path: str) -> tuple[int, bytes, dict[str, str]]:
        parts = path.split("/")
        if len(parts) != 5 or parts[1] != "models":
            return 404, b"", {}
        model = f"{parts[2]}/{parts[3]}"
        counted = self.counters.setdefault(model, {"downloads": 0, "stars": 0})
        match method, parts[4]:
            case "POST", "downloads":
                counted["downloads"] += 1
                return 202, b"", {}
            case "PUT", "star":
                self.stars.add(model)
            case "DELETE", "star":
                self.stars.discard(model)
            case _:
                return 405, b"", {}
        counted["stars"] = int(model in self.stars)
        return 204, b"", {}


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, registry: TufRegistry, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.registry = registry
        self.ended = threading.Event()
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients come and go; that is what this program is for."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    raw_requestline: bytes
    _headers_buffer: list[bytes]

    def log_message(self, format: str, *arguments: Any) -> None:
        """Tests read `asked`."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(datetime.now(UTC) + self.server.registry.date_ahead, usegmt=True)

    def _any(self) -> None:
        registry = self.server.registry
        if self.server.ended.is_set():
            self.close_connection = True
            return
        fields = {name.lower(): value for name, value in self.headers.items()}
        length = int(fields.get("content-length", "0"))
        self.rfile.read(length)
        asked = Asked(self.command, self.path, fields)
        asked.received = len(self.raw_requestline) + len(str(self.headers).encode()) + length
        with self.server.lock:
            registry.asked.append(asked)
            mood = next((mood for mood in registry.moods if mood.part in self.path), None)
            status, body, more = registry.answer(self.command, self.path, fields)
        if mood is not None:
            self._misbehave(mood.kind, body)
            return
        asked.status = status
        head = {"Content-Length": str(len(body))} | more
        if status in (204, 304):
            head.pop("Content-Length")
        asked.sent, asked.body = self._answer(status, head, body), len(body)

    do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815  # the library's names

    def _answer(self, status: int, head: dict[str, str], body: bytes = b"") -> int:
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        for name, value in head.items():
            self.send_header(name, value)
        size = sum(len(line) for line in self._headers_buffer) + 2 + len(body)
        self.end_headers()
        self.wfile.write(body)
        return size

    def _misbehave(self, kind: str, body: bytes) -> None:
        self.close_connection = True
        match kind:
            case "html":
                page = b"<!DOCTYPE html><title>Sign in</title>"
                self._answer(200, {"Content-Type": "text/html", "Content-Length": str(len(page))}, page)
            case "redirect":
                self._answer(302, {"Location": "http://127.0.0.1:1/elsewhere", "Content-Length": "0"})
            case "endless":
                self._answer(200, {})
                while not self.server.ended.is_set():
                    self.wfile.write(b"[" * 65536)
            case "head":
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while not self.server.ended.is_set():
                    self.wfile.write(b"X-Filler: " + b"x" * 1000 + b"\r\n")
            case "drip":
                self._answer(200, {"Content-Length": str(len(body))})
                for index in range(len(body)):
                    self.wfile.write(body[index : index + 1])
                    if self.server.ended.wait(0.2):
                        return
            case "silent":
                self.server.ended.wait(600)
            case "cut":
                self._answer(200, {"Content-Length": str(len(body))}, body[: len(body) // 2])
            case _:
                self._answer(int(kind), {"Content-Length": "0"})


def _soon(after: timedelta) -> datetime:
    return (datetime.now(UTC) + after).replace(microsecond=0)


def main() -> None:
    folder = Path(sys.argv[1])
    with TufRegistry() as registry:
        registry.release()
        (folder / "root.json").write_bytes(registry.trusted_root)
        print(json.dumps({"url": registry.url}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
