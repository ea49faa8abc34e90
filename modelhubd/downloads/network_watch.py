"""Tells when this machine has come to another network. Elsewhere than on Linux it tells nothing: what waits
for the network is looked after every few seconds anyway."""

import asyncio
import logging
import socket
import sys
from collections.abc import Callable

from modelhubd.downloads.reachability import ways_out

log = logging.getLogger(__name__)
SETTLE_S = 0.25
"""Links, addresses and routes come one after the other."""
# Groups of rtnetlink(7): links, and addresses and routes of IPv4 and IPv6.
_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
_CHUNK = 64 * 1024


class NetworkWatch:
    """`changed` is called in the event loop once there is another way out than before, and never when the
    last one is lost. Open it with `start`, end it with `close`."""

    def __init__(
        self, changed: Callable[[], None], *, ways_out: Callable[[], tuple[str, ...]] = ways_out
    ) -> None:
        self._changed = changed
        self._ways_out = ways_out
        self._ways: tuple[str, ...] = ()
        self._socket: socket.socket | None = None
        self._settling: asyncio.TimerHandle | None = None

    def start(self) -> bool:
        """Whether there is something to watch."""
        if sys.platform != "linux":
            return False
        try:
            self._socket = _listen()
        except OSError as error:
            log.info("changes of the network cannot be watched (%s); they are looked for", error.strerror)
            return False
        self._ways = self._ways_out()
        asyncio.get_running_loop().add_reader(self._socket, self._heard)
        return True

    def close(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _heard(self) -> None:
        assert self._socket is not None
        try:
            while self._socket.recv(_CHUNK):
                pass
        except OSError:
            pass  # all read; or there was more than the socket holds, which is a change too
        if self._settling is None:
            self._settling = asyncio.get_running_loop().call_later(SETTLE_S, self._look)

    def _look(self) -> None:
        self._settling = None
        ways, before = self._ways_out(), self._ways
        self._ways = ways
        if ways and ways != before:
            log.info("the network has changed")
            self._changed()


def _listen() -> socket.socket:
    watch = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    try:
        watch.setblocking(False)
        watch.bind((0, _GROUPS))
    except BaseException:
        watch.close()
        raise
    return watch
