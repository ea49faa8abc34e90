"""An HTTP origin that behaves, and misbehaves on request. A program of its own:

    python -m tests.fakes.origin --directory models/     serve real files
    python -m tests.fakes.origin                         serve what `PUT /_files/<path>` describes

It prints `{"url": "http://127.0.0.1:PORT"}` and ends when its standard input does. `Origin` starts one and
speaks to it. What a described file is and how answers may differ is in `tests.fakes.origin_files`.
"""

import argparse
import contextlib
import hashlib
import json
import re
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.fakes.asked import read_asked
from tests.fakes.origin_files import CHUNK, Described, File, Pacer, Rule, Step, body, sha256, spoiled

__all__ = ["REPOSITORY", "Described", "Origin", "Rule", "Step", "body", "sha256"]

REPOSITORY = Path(__file__).parent.parent.parent
SMALL_BUFFER = 256 * 1024
RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, directory: Path | None, tls: ssl.SSLContext | None, rate: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.directory = directory
        self.rate = rate
        self.files: dict[str, File] = {}
        self.pacers: dict[tuple[str, int], Pacer] = {}
        self.log: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients come and go; that is what this program is for."""


class _Handler(socketserver.BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = self.request.makefile("rb")
        with contextlib.suppress(OSError, ValueError):
            while self._one():
                pass

    def _one(self) -> bool:
        asked = read_asked(self._input)
        if asked is None:
            return False
        method, target, fields, content = asked
        path = target.partition("?")[0]
        if path.startswith("/_"):
            return self._control(method, path, content)
        part = RANGE.fullmatch(fields.get("range", ""))
        first, last = part.groups() if part else ("0", "")
        entry: dict[str, Any] = {
            "method": method, "path": target, "fields": fields, "status": 0, "sent": 0,
            "first": int(first), "last": int(last) if last else None, "at": time.monotonic(),
        }  # fmt: skip
        with self.server.lock:
            self.server.log.append(entry)
            file = self.server.files.get(path)
            if file is not None:
                step, entry["together"] = file.take(self, entry["first"])
        if file is None:
            return self._file(path, fields, entry)
        try:
            return self._answer(file, step, fields, entry)
        finally:
            with self.server.lock:
                file.let_go()

    def _control(self, method: str, path: str, content: bytes) -> bool:
        answer: Any = {}
        with self.server.lock:
            if path.startswith("/_files/") and method == "PUT":
                self.server.files[path.removeprefix("/_files")] = File(
                    json.loads(content), self.server.pacers
                )
            elif path == "/_log":
                answer = self.server.log
                if method == "DELETE":
                    self.server.log = []
            data = json.dumps(answer).encode()
        self._send_head(200, {"Content-Type": "application/json", "Content-Length": str(len(data))})
        self.request.sendall(data)
        return True

    def _file(self, path: str, fields: dict[str, str], entry: dict[str, Any]) -> bool:
        directory = self.server.directory
        file = directory / path.lstrip("/") if directory is not None else None
        if directory is None or file is None or ".." in path or not file.is_file():
            entry["status"] = 404
            self._send_head(404, {"Content-Length": "0"})
            return True
        data = file.read_bytes()
        facts = file.stat()
        tag = f'"{facts.st_size:x}-{facts.st_mtime_ns:x}"'
        return self._deliver(data, File({"etag": tag}, {}), {"rate": self.server.rate}, fields, entry)

    def _answer(self, file: File, step: Step, fields: dict[str, str], entry: dict[str, Any]) -> bool:
        if step.get("no_answer"):
            return False
        if step.get("silent"):
            time.sleep(600)
        if step.get("garbage"):
            self.request.sendall(b"\x00\x01\x02 this is not HTTP\r\n\r\n")
            return False
        if step.get("endless_fields"):
            self.request.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.request.sendall(b"X-Filler: " + b"x" * 1000 + b"\r\n")
        seed = step.get("seed", file.described.get("seed", 1))
        size = step.get("size", file.described.get("size", 0))
        data = spoiled(seed, size, *step["wrong"]) if "wrong" in step else body(seed, size)
        if prefix := step.get("prefix"):
            data = prefix.encode() + data[len(prefix) :]
        return self._deliver(data, file, step, fields, entry)

    def _deliver(
        self,
        data: bytes,
        file: File,
        step: Step,
        fields: dict[str, str],
        entry: dict[str, Any],
    ) -> bool:
        described = file.described
        tag = step.get("etag", described.get("etag", f'"{hashlib.sha256(data[:4096]).hexdigest()[:16]}"'))
        out = {"Content-Type": described.get("content_type", "application/octet-stream")}
        if tag:
            out["ETag"] = tag
        status, start, length = step.get("status", 200), 0, len(data)
        ranged = RANGE.fullmatch(fields.get("range", ""))
        if "status" not in step and step.get("ranges", True):
            out["Accept-Ranges"] = "bytes"
            condition = fields.get("if-range")
            if ranged and (condition is None or (condition == tag and not tag.startswith("W/"))):
                start = int(ranged[1])
                if start >= len(data):
                    status = 416
                    out["Content-Range"] = f"bytes */{len(data)}"
                else:
                    end = min(int(ranged[2] or len(data) - 1), len(data) - 1)
                    status, length = 206, end - start + 1
                    out["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        if status not in (200, 206):
            data, start, length = b"", 0, 0
        chunked = step.get("chunked", False)
        if chunked:
            out["Transfer-Encoding"] = "chunked"
        elif not step.get("close"):
            out["Content-Length"] = str(length)
        for name, value in step.get("fields", {}).items():
            out.pop(name, None)
            if value:
                out[name] = value
        entry["status"] = status
        self._send_head(status, out)
        return self._send_body(file, data, start, length, step, chunked, entry)

    def _send_head(self, status: int, fields: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} So", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        self.request.sendall("\r\n".join(lines).encode("latin-1"))

    def _send_body(
        self,
        file: File,
        data: bytes,
        start: int,
        length: int,
        step: Step,
        chunked: bool,
        entry: dict[str, Any],
    ) -> bool:
        rate, pacer = step.get("rate", 0), file.pacer
        stop = min(length, step.get("cut_after", length), step.get("stall_after", length))
        piece = min(
            pacer.piece if pacer is not None else CHUNK, max(min(CHUNK, rate // 50), 1) if rate else CHUNK
        )
        if rate or pacer is not None:
            # What was sent is then what was received, or nearly so.
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
        view = memoryview(data)[start : start + length]
        began, sent = time.monotonic(), 0
        while sent < stop:
            part = view[sent : min(sent + piece, stop)]
            if pacer is not None:
                pacer.wait(len(part))
            if chunked:
                self.request.sendall(b"%x\r\n" % len(part) + part + b"\r\n")
            else:
                self.request.sendall(part)
            sent += len(part)
            entry["sent"] = sent
            file.sent += len(part)
            if rate and (early := sent / rate - (time.monotonic() - began)) > 0:
                time.sleep(early)
        while step.get("endless_body"):
            block = b"\0" * CHUNK
            self.request.sendall(b"%x\r\n" % CHUNK + block + b"\r\n" if chunked else block)
            entry["sent"] += CHUNK
        if "stall_after" in step:
            time.sleep(600)
        if "cut_after" in step or step.get("close"):
            if step.get("reset"):
                self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if chunked:
            self.request.sendall(b"0\r\n\r\n")
        return True


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--directory", type=Path, help="serve the files of this folder")
    parser.add_argument("--rate", type=int, default=0, help="bytes per second of each connection")
    parser.add_argument(
        "--certificate", type=Path, help="serve https with this PEM file (certificate and key)"
    )
    arguments = parser.parse_args()
    tls = None
    if arguments.certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(arguments.certificate)
    with _Server(arguments.directory, tls, arguments.rate) as server:
        scheme = "http" if tls is None else "https"
        print(json.dumps({"url": f"{scheme}://127.0.0.1:{server.server_address[1]}"}), flush=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.buffer.read()
        server.shutdown()


class Origin:
    """A running origin, ended with the context."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.origin", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self.url: str = json.loads(line)["url"]
        # Read directly: no proxy of the environment may come between.
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=5)
        self._process.stdout.close()

    def serve(self, path: str, size: int, *steps: Step, seed: int = 1, **rest: Any) -> str:
        """Describe the file at `path`; answers its URL."""
        self._call("PUT", f"/_files{path}", {"size": size, "seed": seed, "steps": list(steps), **rest})
        return self.url + path

    def requests(self, path: str | None = None) -> list[dict[str, Any]]:
        """What was asked so far: method, path, fields, status, body bytes `sent`, the `first` and `last` byte
        asked for, when (`at`, monotonic) and how many were answered at once (`together`)."""
        entries: list[dict[str, Any]] = self._call("GET", "/_log")
        return [entry for entry in entries if path is None or entry["path"].partition("?")[0] == path]

    def _call(self, method: str, path: str, value: Any = None) -> Any:
        data = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        with self._opener.open(request, timeout=10) as answer:
            return json.load(answer)


if __name__ == "__main__":
    main()
