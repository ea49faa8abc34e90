"""An HTTP proxy that leads every name to one port of this machine, or refuses with a status."""

import contextlib
import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Proxy:
    url: str
    asked: list[str] = field(default_factory=list)
    """The first line of each request."""
    heads: list[str] = field(default_factory=list)
    """All of what came before the body of each, as the proxy could read it."""


@contextlib.contextmanager
def running_proxy(origin_url: str, refuses_with: int | None = None) -> Iterator[Proxy]:
    port = urlsplit(origin_url).port

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            while b"\r\n\r\n" not in head and (more := self.request.recv(65536)):
                head += more
            line, _, rest = head.partition(b"\r\n")
            if not line:
                return
            proxy.asked.append(line.decode())
            proxy.heads.append(head.decode("latin-1"))
            if refuses_with is not None:
                self.request.sendall(f"HTTP/1.1 {refuses_with} No\r\nContent-Length: 0\r\n\r\n".encode())
                return
            method, target, version = line.split(b" ")
            with socket.create_connection(("127.0.0.1", port)) as onward:
                if method == b"CONNECT":
                    self.request.sendall(b"HTTP/1.1 200 Go on\r\nX-Proxy: yes\r\n\r\n")
                else:
                    path = urlsplit(target).path
                    onward.sendall(b" ".join((method, path, version)) + b"\r\n" + rest)
                _relay(self.request, onward)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        proxy = Proxy(f"http://127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield proxy
        finally:
            server.shutdown()


def _relay(one: socket.socket, other: socket.socket) -> None:
    towards = {one: other, other: one}
    with contextlib.suppress(OSError):
        while True:
            for ready in select.select([one, other], [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    return
                towards[ready].sendall(data)
