"""A route of the daemon, and who may use it."""

from dataclasses import dataclass
from enum import Enum

from modelhubd.web.routing import Route


class Access(Enum):
    """Who may use a route over TCP. Over the Unix socket its owner may use all of them."""

    OPEN = "open"
    """Anybody on this machine; holds no data."""
    OWNER = "owner"
    """Whoever has the token or a session."""
    SOCKET = "socket"
    """Only over the Unix socket."""


@dataclass(frozen=True, kw_only=True)
class DaemonRoute(Route):
    access: Access = Access.OWNER

    @property
    def is_open(self) -> bool:
        return self.access is Access.OPEN
