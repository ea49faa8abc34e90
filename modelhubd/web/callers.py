"""Who is calling, decided from the connection and the headers before anything else is looked at.

Host, Origin and Sec-Fetch-Site are checked on every path, so that no page of another site, no rebound DNS
name (CVE-2024-28224) and no other local user gets an answer.
"""

import os
import socket
import struct
import sys
from collections.abc import Sequence

from aiohttp import web
from msgspec import Struct

from modelhubd.errors import Misdirected, NotAllowed

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Gate(Struct, frozen=True, kw_only=True):
    """What TCP callers must name. `port` is ours; `allow_origins` are web origins let in by configuration."""

    port: int
    allow_origins: frozenset[str] = frozenset()

    @property
    def hosts(self) -> frozenset[str]:
        names = {f"{name}:{self.port}" for name in LOOPBACK_NAMES}
        return frozenset(names | set(LOOPBACK_NAMES)) if self.port == 80 else frozenset(names)

    def check(
        self,
        *,
        hosts: Sequence[str],
        origins: Sequence[str],
        fetch_sites: Sequence[str],
        page_navigation: bool = False,
    ) -> None:
        """Let a TCP request pass, given every value of its Host, Origin and Sec-Fetch-Site headers.

        Raises:
            Misdirected: Host is not a loopback name with our port.
            NotAllowed: another site's page is asking.
        """
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            raise Misdirected(
                f"This daemon answers only to Host 127.0.0.1:{self.port} and its loopback names."
            )
        configured = len(origins) == 1 and origins[0] in self.allow_origins
        own = {f"http://{host}" for host in self.hosts}
        if origins and not configured and not (len(origins) == 1 and origins[0].lower() in own):
            raise NotAllowed(
                "Pages of this origin may not call the daemon. [server] allow_origins names those that may.",
                code="origin_not_allowed",
            )
        foreign = any(site.lower() not in ("same-origin", "none") for site in fetch_sites)
        if foreign and not configured and not page_navigation:
            raise NotAllowed("Another site's page may not call the daemon.", code="origin_not_allowed")


def check_peer(connection: socket.socket) -> None:
    """Let a Unix socket's peer pass if it is the daemon's own user or root.

    Raises:
        NotAllowed: somebody else, or nobody that the kernel names.
    """
    uid = peer_uid(connection)
    if uid is None or uid not in (os.getuid(), 0):
        raise NotAllowed("This socket belongs to another user.", code="wrong_user")


def peer_uid(connection: socket.socket) -> int | None:
    """User id at the other end of a Unix socket, as the kernel knows it."""
    if sys.platform == "darwin":
        # LOCAL_PEERCRED (level SOL_LOCAL = 0) gives struct xucred: u_int version, uid_t uid, …
        data = connection.getsockopt(0, 1, 76)
        return int(struct.unpack_from("=II", data)[1]) if len(data) >= 8 else None
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack("=iII", data)[1])


def over_unix_socket(request: web.Request) -> bool:
    """Whether the request came over the Unix socket; one whose connection is gone already did not."""
    transport = request.transport
    name = None if transport is None else transport.get_extra_info("sockname")
    return isinstance(name, str | bytes)
