"""What a service manager is told, and the sockets it hands over: systemd's notify and socket-activation
protocols (sd_notify(3), sd_listen_fds(3))."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Mapping, MutableMapping

from modelhubd.errors import CannotStart

log = logging.getLogger(__name__)

FIRST_FD = 3
SOCKETS_MAX = 8
SEND_TIMEOUT_S = 0.5
LISTEN_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def sd_notify(message: str, environ: Mapping[str, str]) -> bool:
    """Tell the service manager, such as `READY=1`. False where there is none, or it does not listen."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(SEND_TIMEOUT_S)
            sender.connect("\0" + address[1:] if address.startswith("@") else address)
            sender.send(message.encode())
    except OSError as error:
        log.warning("the service manager cannot be told %s: %s", message, error)
        return False
    return True


def watchdog_interval_s(environ: Mapping[str, str], pid: int | None = None) -> float | None:
    """Seconds between two signs of life, half of what the service manager allows; None where it asks none."""
    if environ.get("WATCHDOG_PID", "") not in ("", str(pid or os.getpid())):
        return None
    allowed = environ.get("WATCHDOG_USEC", "")
    return int(allowed) / 2_000_000 if allowed.isdecimal() and int(allowed) > 0 else None


async def ping_watchdog(environ: Mapping[str, str]) -> None:
    """Give signs of life for as long as the event loop runs; a loop that hangs is restarted by systemd."""
    interval_s = watchdog_interval_s(environ)
    while interval_s is not None:
        sd_notify("WATCHDOG=1", environ)
        await asyncio.sleep(interval_s)


def activated_sockets(environ: Mapping[str, str], pid: int) -> list[socket.socket]:
    """The listening Unix sockets the service manager made for the process `pid`, for the caller to close.

    The variables that announce them are cleared, here and in this process's environment: no child takes
    them for its own.

    Raises:
        CannotStart: what was handed over is no listening Unix socket.
    """
    ours = environ.get("LISTEN_PID") == str(pid)
    count = environ.get("LISTEN_FDS", "")
    for variables in (environ, os.environ):
        if isinstance(variables, MutableMapping):
            for name in LISTEN_VARIABLES:
                variables.pop(name, None)
    if not ours or not count.isdecimal():
        return []
    if int(count) > SOCKETS_MAX:
        raise CannotStart(f"The service manager handed over {count} sockets; modelhubd takes one.")
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(_listening(fd)) for fd in range(FIRST_FD, FIRST_FD + int(count))]
        stack.pop_all()
    return sockets


def _listening(fd: int) -> socket.socket:
    try:
        taken = socket.socket(fileno=fd)
    except OSError as error:
        raise CannotStart(f"The service manager announced a socket that is not there: {error}.") from error
    taken.set_inheritable(False)
    if (taken.family, taken.type) != (socket.AF_UNIX, socket.SOCK_STREAM) or not taken.getsockopt(
        socket.SOL_SOCKET, socket.SO_ACCEPTCONN
    ):
        taken.close()
        raise CannotStart(
            "The service manager handed over something else than a listening Unix socket. "
            "The socket unit must hold one ListenStream= with a path; install-service writes such a unit."
        )
    return taken
