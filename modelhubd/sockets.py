"""The sockets that the daemon answers on, and the file that says where they are."""

import contextlib
import logging
import os
import socket
from collections.abc import Iterator

import msgspec

from modelhubd import __version__
from modelhubd.config import Config
from modelhubd.errors import CannotStart
from modelhubd.notify import activated_sockets
from modelhubd.places import private_dir
from modelhubd.web.listening import bounded, loopback_socket, unix_socket
from modelhubd.wire.status import API_MAX, RuntimeInfo

log = logging.getLogger(__name__)


def make_folders(config: Config) -> None:
    """
    Raises:
        CannotStart: one of the daemon's folders cannot be used.
    """
    places = config.places
    try:
        for folder in (places.state_dir, places.runtime_dir, places.logs_dir):
            private_dir(folder)
        for folder in (places.config_dir, places.local_catalog):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise CannotStart(f"A folder of the daemon cannot be used: {error}.") from error


def listen(
    config: Config, stack: contextlib.AsyncExitStack
) -> tuple[list[socket.socket], int | None, tuple[str, ...]]:
    """(listening sockets, TCP port if any, warnings). A taken TCP port is a warning: the socket answers."""
    listeners: list[socket.socket] = [
        bounded(sock) for sock in activated_sockets(config.environ, os.getpid())
    ]
    for listener in listeners:
        stack.callback(listener.close)
    if not listeners:
        listeners = [stack.enter_context(unix_socket(config.places.socket))]
    server = config.settings.server
    if not server.tcp:
        return listeners, None, ()
    try:
        tcp = loopback_socket(server.port)
    except OSError as error:
        text = (
            f"TCP port {server.port} cannot be used ({error.strerror}): only the Unix socket answers. "
            "Set another one with [server] port, or 0 for a free one."
        )
        log.warning("%s", text)
        return listeners, None, (text,)
    stack.callback(tcp.close)
    return [*listeners, tcp], int(tcp.getsockname()[1]), ()


@contextlib.contextmanager
def runtime_file(config: Config, url: str | None, epoch: str) -> Iterator[None]:
    """`runtime.json` while the daemon answers."""
    info = RuntimeInfo(
        pid=os.getpid(),
        socket=str(config.places.socket),
        url=url,
        token_file=str(config.places.token_file),
        version=__version__,
        api=API_MAX,
        epoch=epoch,
    )
    path = config.places.runtime_file
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(msgspec.json.encode(info))
    staged.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
