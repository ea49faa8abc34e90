"""A server on a real socket that answers each request as it was told to: whole, cut, dripped, not as HTTP."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

Act = Callable[[socket.socket], bool]
"""Answers a request; whether the connection is kept."""


@dataclass
class BadRegistry:
    """`acts` are done one after the other, the last one for ever."""

    acts: list[Act]
    greeting: bytes | None = None
    """Said to whoever connects, before the connection is closed."""
    url: str = ""
    asked: list[bytes] = field(default_factory=list)
    """Head and body of each request."""
    connections: int = 0

    def next_act(self) -> Act:
        return self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]


def answers(value: object, status: int = 200, *, keep: bool = True, **headers: str) -> Act:
    """JSON, as it should be."""
    body = b"" if value is None else msgspec.json.encode(value)
    return says(status, body, keep=keep, length=None, **headers)


def says(status: int, body: bytes, *, keep: bool = True, length: int | None = None, **headers: str) -> Act:
    """Bytes with a head; `length` is what the head claims of them."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    if not keep:
        lines.append("Connection: close")

    def act(connection: socket.socket) -> bool:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return keep and length is None

    return act


def raw(data: bytes) -> Act:
    """What is no HTTP, or nothing at all."""

    def act(connection: socket.socket) -> bool:
        connection.sendall(data)
        return False

    return act


def answers_then_leaves(value: object) -> Act:
    """Answers as if the connection were kept, and closes it."""

    def act(connection: socket.socket) -> bool:
        answers(value)(connection)
        return False

    return act


def drips(pause_s: float) -> Act:
    """An answer whose body comes byte by byte, for ever."""

    def act(connection: socket.socket) -> bool:
        connection.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 1000000\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b" ")
                time.sleep(pause_s)
        return False

    return act


@contextlib.contextmanager
def bad_registry(
    *acts: Act, context: ssl.SSLContext | None = None, greeting: bytes | None = None
) -> Iterator[BadRegistry]:
    """One that does this, over TLS with `context`."""
    found = BadRegistry(list(acts), greeting)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        scheme = "http" if context is None else "https"
        found.url = f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"
        stop = threading.Event()
        thread = threading.Thread(target=_accept, args=(listening, found, context, stop))
        thread.start()
        try:
            yield found
        finally:
            stop.set()
            thread.join(5)


def _accept(
    listening: socket.socket, found: BadRegistry, context: ssl.SSLContext | None, stop: threading.Event
) -> None:
    listening.settimeout(0.02)
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            connection, _ = listening.accept()
            found.connections += 1
            threading.Thread(target=_serve, args=(connection, found, context), daemon=True).start()


def _serve(connection: socket.socket, found: BadRegistry, context: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError), connection:
        if found.greeting is not None:
            connection.sendall(found.greeting)
            return
        stream = connection if context is None else context.wrap_socket(connection, server_side=True)
        with stream:
            while (request := _read(stream)) is not None:
                found.asked.append(request)
                if not found.next_act()(stream):
                    return


def _read(connection: socket.socket) -> bytes | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.lower().splitlines()
            if line.startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
