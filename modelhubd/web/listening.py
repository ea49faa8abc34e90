"""Sockets to listen on: a Unix socket for its owner alone, and loopback TCP."""

import contextlib
import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelhubd.errors import CannotStart
from modelhubd.places import private_dir

BACKLOG = 512


@contextlib.contextmanager
def unix_socket(path: Path) -> Iterator[socket.socket]:
    """A listening socket at `path`, mode 0600 in a 0700 folder, unlinked at the end if it is still ours.

    The caller holds the instance lock, so a file that is there already is left from a daemon that died.

    Raises:
        CannotStart: the folder is not ours, or something that is no socket is in the way.
    """
    try:
        private_dir(path.parent)
    except OSError as error:
        raise CannotStart(f"The socket's folder cannot be used: {error}.") from error
    if path.is_socket():
        path.unlink()
    elif path.exists():
        raise CannotStart(f"{path.name} in the runtime folder is in the way and is no socket. Move it away.")
    listening = BoundedSocket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o177)
        try:
            listening.bind(os.fspath(path))
        finally:
            os.umask(before)
        listening.listen(BACKLOG)
        listening.setblocking(False)
        inode = path.stat().st_ino
        yield listening
    finally:
        listening.close()
        with contextlib.suppress(FileNotFoundError, UnboundLocalError):
            if path.stat().st_ino == inode:
                path.unlink()


def most_connections() -> int:
    """How many connections of a socket may be open at once: a quarter of the files a process may open."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 512 if files == resource.RLIM_INFINITY else max(64, min(512, files // 4))


class BoundedSocket(socket.socket):
    """A listening socket that turns away whoever comes while too many connections of it are open.

    Anybody on the machine may connect over TCP and say nothing, and a program of the owner's may leak its
    connections. Without a bound the process runs out of files, and then nobody is answered anywhere.
    """

    def __init__(self, family: int, kind: int, fileno: int | None = None) -> None:
        super().__init__(family, kind, fileno=fileno)
        self._most = most_connections()
        self._open: set[socket.socket] = set()

    def accept(self) -> tuple[socket.socket, Any]:
        connection, address = super().accept()
        self._open = {known for known in self._open if known.fileno() != -1}
        if len(self._open) >= self._most:
            connection.close()
            raise ConnectionAbortedError("too many connections are open")
        self._open.add(connection)
        return connection, address


def bounded(listening: socket.socket) -> BoundedSocket:
    """The same socket, taken over, with a bound on its connections."""
    return BoundedSocket(listening.family, listening.type, listening.detach())


def loopback_socket(port: int) -> socket.socket:
    """A socket listening on 127.0.0.1; port 0 takes a free one. The number of its connections is bounded.

    Raises:
        OSError: the port is taken or may not be used.
    """
    listening = BoundedSocket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening
