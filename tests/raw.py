"""HTTP by hand, for requests that no well-behaved client would send."""

import http.client
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def over_tcp(
    url: str, method: str, path: str, headers: list[tuple[str, str]], body: bytes | None = None
) -> Answer:
    """One request over TCP with exactly these headers."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=10)
    return _ask(connection, method, path, headers, body)


def over_socket(
    path_of_socket: Path, method: str, path: str, body: bytes | None = None, *headers: tuple[str, str]
) -> Answer:
    """One request over a Unix socket."""
    connection = http.client.HTTPConnection("localhost", timeout=30)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(30)
    connection.sock.connect(str(path_of_socket))
    kind = [("Content-Type", "application/json")] if body is not None else []
    return _ask(connection, method, path, [("Host", "localhost"), *kind, *headers], body)


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: list[tuple[str, str]],
    body: bytes | None,
) -> Answer:
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()
