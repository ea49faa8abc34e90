"""An HTTP origin that sends what it is told to, byte for byte. A program of its own:

    python -m tests.fakes.bad_origin

It prints `{"url": "http://127.0.0.1:PORT"}` and ends when its standard input does. `BadOrigin` starts one and
speaks to it. A file is served as it should be, except where one of its rules fits the request.
"""

import contextlib
import http.client
import json
import re
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import Any, Self, TypedDict
from urllib.parse import urlsplit

from tests.fakes.asked import read_asked
from tests.fakes.origin import REPOSITORY, body

CHUNK = 64 * 1024
Part = str | tuple[Any, ...]
"""Text to send, in which {first} {last} {length} {size} {etag} {url} stand for what an honest answer would
say; or one of

    ("body",)               the bytes that were asked for; ("body", a, b) some of them
    ("file",)               all bytes of the file
    ("other", seed)         the range of another file
    ("endless", text)       that, until the peer is gone
    ("repeat", text, n)
    ("stall",)              nothing more, the connection stays
    ("drip", text)          that, over and over, at twenty bytes a second
    ("drip",)               the bytes that were asked for, as slowly
    ("close",) ("reset",)   the end of the connection
"""


class Rule(TypedDict, total=False):
    """`send` instead of the honest answer, for the requests that fit."""

    from_byte: int
    """Whose range begins there or later."""
    after: int
    """Once so many requests for the file have been answered."""
    times: int
    """At most so often."""
    beside: int
    """While so many other requests for the file are being answered."""
    send: list[Part]


class Described(TypedDict, total=False):
    size: int
    seed: int
    etag: str
    rate: int
    """Bytes per second of each connection."""
    rules: list[Rule]
    signed: int
    """The path redirects to one whose signature is good for so many requests."""
    signed_s: float
    """It is good for so many seconds; what is under way then is cut."""
    becomes: list[int]
    """After so many requests it is the file with that seed, and says so."""
    changes: bool
    """At every request."""


class _Served:
    def __init__(self, described: Described) -> None:
        self.described = described
        self.seed = described.get("seed", 1)
        self.requests = 0
        self.answering = 0
        self.met = [0] * len(described.get("rules", []))
        self.signatures: list[int] = []
        """How often each was used."""
        self.signed_at = 0.0
        """When the last one was given out."""
        self.log: list[dict[str, Any]] = []

    @property
    def data(self) -> bytes:
        return body(self.seed, self.described["size"])

    @property
    def etag(self) -> str:
        return self.described.get("etag", f'"{len(self.data)}-{self.seed}"')

    @property
    def has_aged(self) -> bool:
        return time.monotonic() - self.signed_at > self.described.get("signed_s", 1e9)

    def count(self) -> None:
        self.requests += 1
        if self.described.get("changes"):
            self.seed = self.requests
        after, seed = self.described.get("becomes", (0, 0))
        if seed and self.requests > after:
            self.seed = seed


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.files: dict[str, _Served] = {}
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients come and go."""


class _End(Exception):
    """Of the connection."""


class _Handler(socketserver.BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = self.request.makefile("rb")
        with contextlib.suppress(OSError, ValueError, _End):
            while True:
                self._one()

    def _one(self) -> None:
        asked = read_asked(self._input)
        if asked is None:
            raise _End
        method, target, fields, content = asked
        path, _, query = target.partition("?")
        if path.startswith("/_"):
            self._control(method, path, content)
            return
        with self.server.lock:
            served = self.server.files.get(path)
            if served is None:
                self._say("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
                return
            entry = {"path": target, "fields": fields, "sent": 0, "rule": None}
            served.log.append(entry)
            served.count()
            rule = self._rule(served, fields, entry)
            refused = self._sign(served, query) if "signed" in served.described else None
            data, etag = served.data, served.etag
            served.answering += 1
        try:
            if rule is not None:
                self._obey(rule["send"], served, data, etag, fields, entry)
            elif refused is not None:
                self._say(refused)
            else:
                self._answer(served, data, etag, fields, entry)
        finally:
            with self.server.lock:
                served.answering -= 1

    def _rule(self, served: _Served, fields: dict[str, str], entry: dict[str, Any]) -> Rule | None:
        first, _ = _asked(fields, served.described["size"])
        for place, rule in enumerate(served.described.get("rules", [])):
            if (
                first >= rule.get("from_byte", 0)
                and served.requests > rule.get("after", 0)
                and served.answering >= rule.get("beside", 0)
                and served.met[place] < rule.get("times", 1 << 30)
            ):
                served.met[place] += 1
                entry["rule"] = place
                return rule
        return None

    def _sign(self, served: _Served, query: str) -> str | None:
        """What is answered unless the request carries a signature that is good still."""
        if not query.startswith("signature="):
            if served.has_aged or "signed_s" not in served.described:
                served.signatures.append(0)
                served.signed_at = time.monotonic()
            path = next(path for path, file in self.server.files.items() if file is served)
            location = f"{self.server.url}{path}?signature={len(served.signatures) - 1}"
            return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        number = int(query.removeprefix("signature="))
        served.signatures[number] += 1
        aged = number < len(served.signatures) - 1 or served.has_aged
        if served.signatures[number] > served.described["signed"] or (
            "signed_s" in served.described and aged
        ):
            return "HTTP/1.1 403 Expired\r\nContent-Length: 0\r\n\r\n"
        return None

    def _control(self, method: str, path: str, content: bytes) -> None:
        _, _, name = path.partition("/_files")
        with self.server.lock:
            if method == "PUT":
                self.server.files[name] = _Served(json.loads(content))
            served = self.server.files[name]
            data = json.dumps({"met": served.met, "log": served.log}).encode()
        self._say(f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\n\r\n")
        self.request.sendall(data)

    def _answer(
        self, served: _Served, data: bytes, etag: str, fields: dict[str, str], entry: dict[str, Any]
    ) -> None:
        size = len(data)
        first, last = _asked(fields, size)
        ranged = fields.get("range") and fields.get("if-range", etag) == etag and not etag.startswith("W/")
        if ranged and first >= size:
            self._say(f"HTTP/1.1 416 No\r\nContent-Range: bytes */{size}\r\nContent-Length: 0\r\n\r\n")
            return
        if not ranged:
            first, last = 0, size - 1
        tell = f"ETag: {etag}\r\nAccept-Ranges: bytes\r\nContent-Length: {last - first + 1}\r\n\r\n"
        if ranged:
            self._say(f"HTTP/1.1 206 Part\r\nContent-Range: bytes {first}-{last}/{size}\r\n{tell}")
        else:
            self._say(f"HTTP/1.1 200 OK\r\n{tell}")
        self._bytes(data[first : last + 1], served, entry)

    def _obey(
        self,
        send: list[Part],
        served: _Served,
        data: bytes,
        etag: str,
        fields: dict[str, str],
        entry: dict[str, Any],
    ) -> None:
        first, last = _asked(fields, len(data))
        known = {
            "first": first,
            "last": last,
            "length": last - first + 1,
            "size": len(data),
            "etag": etag,
            "url": self.server.url,
        }
        for part in send:
            match part:
                case str():
                    self._say(re.sub(r"\{([a-z]+)\}", lambda found: str(known[found[1]]), part))
                case ["body", *slice_]:
                    asked = data[first : last + 1]
                    self._bytes(asked[slice_[0] : slice_[1]] if slice_ else asked, served, entry)
                case ["file"]:
                    self._bytes(data, served, entry)
                case ["other", seed]:
                    self._bytes(body(seed, len(data))[first : last + 1], served, entry)
                case ["endless", text]:
                    block = text.encode("latin-1") * max(CHUNK // len(text), 1)
                    while True:
                        self.request.sendall(block)
                        entry["sent"] += len(block)
                case ["repeat", text, count]:
                    self._say(text * count)
                case ["drip", text]:
                    while True:
                        self._say(text)
                        time.sleep(0.05 * len(text))
                case ["drip"]:
                    for number in data[first : last + 1]:
                        self.request.sendall(bytes((number,)))
                        time.sleep(0.05)
                case ["stall"]:
                    self._input.read(1)  # until the peer goes
                    raise _End
                case ["reset"]:
                    self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    raise _End
                case _:
                    raise _End

    def _say(self, text: str) -> None:
        self.request.sendall(text.encode("latin-1"))

    def _bytes(self, data: bytes, served: _Served, entry: dict[str, Any]) -> None:
        rate = served.described.get("rate", 0)
        piece = max(min(CHUNK, rate // 50), 1) if rate else CHUNK
        began = time.monotonic()
        for at in range(0, len(data), piece):
            if "signed_s" in served.described and served.has_aged:
                raise _End
            self.request.sendall(data[at : at + piece])
            entry["sent"] += len(data[at : at + piece])
            if rate and (early := (at + piece) / rate - (time.monotonic() - began)) > 0:
                time.sleep(early)


def _asked(fields: dict[str, str], size: int) -> tuple[int, int]:
    """First and last byte of the range, as far as there is such a file."""
    found = re.fullmatch(r"bytes=([0-9]+)-([0-9]*)", fields.get("range", ""))
    if not found:
        return 0, size - 1
    return int(found[1]), min(int(found[2] or size - 1), size - 1)


def main() -> None:
    with _Server() as server:
        print(json.dumps({"url": server.url}), flush=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        sys.stdin.buffer.read()
        server.shutdown()


class BadOrigin:
    """A running one, ended with the context."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.bad_origin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
        )
        assert self._process.stdout is not None
        self.url: str = json.loads(self._process.stdout.readline())["url"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=5)
        self._process.stdout.close()

    def serve(self, path: str, size: int, *rules: Rule, **rest: Any) -> str:
        """Describe the file at `path`; answers its URL."""
        self._call("PUT", path, {"size": size, "rules": rules, **rest})
        return self.url + path

    def met(self, path: str) -> list[int]:
        """How often each rule was obeyed."""
        found: list[int] = self._call("GET", path)["met"]
        return found

    def requests(self, path: str) -> list[dict[str, Any]]:
        """What was asked so far: path, fields, sent, and the place of the rule that was obeyed."""
        found: list[dict[str, Any]] = self._call("GET", path)["log"]
        return found

    def _call(self, method: str, path: str, value: Any = None) -> Any:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, f"/_files{path}", json.dumps(value) if value is not None else None)
            return json.load(connection.getresponse())


if __name__ == "__main__":
    main()
