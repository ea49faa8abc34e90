"""Where the daemon is: its socket, else what `runtime.json` says, else loopback TCP with the token."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from modelhub_client.errors import ModelhubUnreachable
from modelhubd.places import find_places

if TYPE_CHECKING:
    from modelhubd.wire.status import RuntimeInfo


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A socket path, or host and port with a token."""

    socket: Path | None = None
    host: str = "localhost"
    port: int = 0
    token: str | None = None

    @property
    def origin(self) -> str:
        """`http://host:port`, also what a request over the socket names as its host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}" if self.port else f"http://{host}"

    @property
    def shown(self) -> str:
        """For people: the socket's path or the address."""
        return str(self.socket) if self.socket is not None else self.origin

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def endpoint_of_url(url: str, token: str | None) -> Endpoint:
    """The endpoint of an `http://host:port` address.

    Raises:
        ValueError: it is no such address.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{url!r} is not an address such as http://127.0.0.1:7717")
    return Endpoint(host=parts.hostname, port=parts.port or 80, token=token)


def read_runtime_info(environ: Mapping[str, str]) -> "RuntimeInfo | None":
    """What the last daemon of this home wrote of itself; None when there is nothing readable."""
    from modelhubd.wire.status import RuntimeInfo

    try:
        return msgspec.json.decode(find_places(environ).runtime_file.read_bytes(), type=RuntimeInfo)
    except (OSError, msgspec.MsgspecError):
        return None


def find_endpoints(environ: Mapping[str, str]) -> Iterator[Endpoint]:
    """Where to try, best first; never empty. What comes after the first is looked for when it is asked for.

    A hint of a daemon that has died may name a port that is somebody else's by now: TCP, which carries the
    token, is tried only while the process that wrote the hint lives and is ours.

    Raises:
        ModelhubUnreachable: the socket is another user's.
    """
    usual = find_places(environ).socket
    yield Endpoint(socket=_own(usual))
    info = read_runtime_info(environ)
    if info is None:
        return
    if info.socket and Path(info.socket) != usual:
        yield Endpoint(socket=_own(Path(info.socket)))
    if info.url and _is_ours(info.pid) and (token := _token(Path(info.token_file))):
        yield endpoint_of_url(info.url, token)


def _own(socket: Path) -> Path:
    """The socket, unless it belongs to another user, who could pose as the daemon."""
    try:
        owner = socket.lstat().st_uid
    except OSError:
        return socket
    if owner not in (os.getuid(), 0) and os.getuid() != 0:
        raise ModelhubUnreachable(f"The socket {socket} belongs to another user and is not used.")
    return socket


def _is_ours(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _token(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
