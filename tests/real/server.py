"""A llama-server program run by itself, without a daemon."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelhubd.llama import builtin

SMALL = ("-c", "512", "-np", "1", "-t", "1", "--cache-ram", "0", "--no-ui", "--offline")
ASK = {"messages": [{"role": "user", "content": "hi"}], "temperature": 0, "max_tokens": 30}
READY_S = 60.0


class Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))


def ask(path: Path, route: str, body: object = None, key: str = "") -> tuple[int, bytes]:
    """Status and body of a GET, or of a POST where there is a body, to the server on the socket `path`."""
    connection = Connection(path)
    with contextlib.closing(connection):
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        connection.request("POST" if body else "GET", route, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def generating(path: Path) -> Connection:
    """A connection on which an answer without an end has begun to arrive."""
    connection = Connection(path)
    body = {**ASK, "stream": True, "ignore_eos": True, "max_tokens": 100_000}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    assert connection.getresponse().read(50)
    return connection


@dataclass(frozen=True)
class LlamaServer:
    """`program` starts it."""

    program: tuple[str, ...]

    def run(self, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            [*self.program, *options],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
            env={"HOME": "/", **environ},
        )

    @contextlib.contextmanager
    def running(
        self, folder: Path, model: Path, *options: str, **environ: str
    ) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        """The process, once it answers, and its socket; killed at the end."""
        path = folder / "a.sock"
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*self.program, "-m", str(model), "--host", str(path), *SMALL, *options],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
            )
        try:
            end = time.monotonic() + READY_S
            while not answers(path) and process.poll() is None and time.monotonic() < end:
                time.sleep(0.02)
            assert process.poll() is None and answers(path), (folder / "log").read_text()
            yield process, path
        finally:
            process.kill()
            process.wait(10)
            assert process.stdin is not None
            process.stdin.close()


def answers(path: Path) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return ask(path, "/health")[0] == 200
    return False


BUILTIN = LlamaServer((sys.executable, "-P", str(builtin.__file__)))
