"""The whole daemon as people run it, which writes down whom its process looks up or connects to:

    CONNECTIONS_FILE=… python -m tests.contract.recorded_daemon …

A line each: the kind of socket, and the address. Its arguments are those of `modelhubd`.
"""

import os
import socket
import sys
from typing import Any

VARIABLE = "CONNECTIONS_FILE"


def main() -> int:
    record(os.open(os.environ.pop(VARIABLE), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    from modelhubd import __main__

    return __main__.main()


def record(file: int) -> None:
    """Write down from now on; nothing in this process can do without it (PEP 578)."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            made, address = arguments
            if address is not None and not _is_a_look_at_routes(event, made, address):
                os.write(file, f"{made.family.name} {address!r}\n".encode())
        elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
            os.write(file, f"lookup {arguments[0]!r}\n".encode())

    sys.addaudithook(hook)


def _is_a_look_at_routes(event: str, made: socket.socket, address: Any) -> bool:
    """See `modelhubd.downloads.reachability`: nothing is sent."""
    is_datagram = event == "socket.connect" and made.type == socket.SOCK_DGRAM
    return is_datagram and address[0] in ("192.0.2.1", "2001:db8::1")


if __name__ == "__main__":
    sys.exit(main())
