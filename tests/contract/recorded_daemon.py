"""The whole daemon as people run it, which writes down whom its process looks up or connects to:

    CONNECTIONS_FILE=… python -m tests.contract.recorded_daemon …

A line each: the kind of socket, and the address. Its arguments are those of `modelhubd`.
"""

import os
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
            if address is not None:  # else it goes to whom it was connected to before
                os.write(file, f"{made.family.name} {address!r}\n".encode())
        elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
            os.write(file, f"lookup {arguments[0]!r}\n".encode())

    sys.addaudithook(hook)


if __name__ == "__main__":
    sys.exit(main())
