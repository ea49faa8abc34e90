"""libcurl as we use it: many GETs in one loop; nothing followed or decoded, every dialled address checked but
that of a configured proxy, which then does the dialling."""

import errno
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

import pycurl

from modelhubd import __version__
from modelhubd.downloads.messages import Limits
from modelhubd.downloads.plan import MAX_HEAD_BYTES, Fault, Head, TransferEnded, permanent
from modelhubd.trust.urls import is_public_address

_STATUS_LINE = re.compile(r"HTTP/([0-9.]+) ([0-9]{3})(?: .*)?", re.ASCII)
_REFUSED = -1
_SUPPRESS_CONNECT_HEADERS = 265  # curl.h; pycurl has no name for it
KEPT_OPEN = 64
NOTHING_S = 0.005


class _Lent(socket.socket):
    """libcurl takes a copy of the descriptor; ours goes with the object."""

    def __del__(self) -> None:
        self.close()


def certificates(environ: Mapping[str, str]) -> str | None:
    """The file of trusted authorities: the environment's, else the system's; None leaves it to libcurl."""
    paths = ssl.get_default_verify_paths()
    for path in (environ.get("SSL_CERT_FILE"), environ.get("CURL_CA_BUNDLE"), paths.cafile):
        if path and os.path.isfile(path):  # noqa: PTH113  # light: the worker starts often
            return path
    return None


class Wire:
    """What all connections of the worker share: one libcurl loop, kept-open connections, the environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self._certificates = certificates(environ)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, KEPT_OPEN)
        self._spare: list[pycurl.Curl] = []
        self._open: dict[pycurl.Curl, Exchange] = {}

    def close(self) -> None:
        for exchange in list(self._open.values()):
            self.drop(exchange)
        self._multi.close()

    def ask(self, exchange: "Exchange") -> None:
        """Begin it: what comes is handed over while `perform` runs."""
        curl = self._spare.pop() if self._spare else pycurl.Curl()
        exchange.begin(curl, self._certificates)
        self._multi.add_handle(curl)
        self._open[curl] = exchange

    def drop(self, exchange: "Exchange") -> None:
        """Hear no more of it. An answer that is not complete costs its connection."""
        curl = exchange.curl
        if self._open.pop(curl, None) is not None:
            self._multi.remove_handle(curl)
            curl.reset()
            self._spare.append(curl)

    def perform(self) -> list["Exchange"]:
        """Move what can be moved; those that are through, each with its `error`."""
        self._multi.perform()
        ended: list[Exchange] = []
        while True:
            left, whole, broken = self._multi.info_read()
            ended.extend(self._open[curl] for curl in whole)
            for curl, number, message in broken:
                exchange = self._open[curl]
                exchange.broke(number, message)
                ended.append(exchange)
            if not left:
                break
        for exchange in ended:
            self.drop(exchange)
        return ended

    def wait(self, within_s: float) -> None:
        """Return when something can be moved, or when that time is over."""
        began = time.monotonic()
        ready = self._multi.select(within_s)
        if ready <= 0 and time.monotonic() - began < min(within_s, NOTHING_S):
            time.sleep(min(within_s, NOTHING_S))  # nothing to wait on yet, as while a name is resolved


class Exchange:
    """One GET. `error` says afterwards why it is no whole answer: what a callback raised, or TransferEnded.

    `on_head` gets the final head, `on_body` bytes; it answers whether it took them: what is refused comes
    again after `go_on`. `any_address` says that the owner of the machine trusts this origin wherever it is.
    """

    def __init__(
        self,
        url: str,
        fields: Mapping[str, str],
        *,
        proxy: str | None,
        limits: Limits,
        any_address: bool,
        buffer_bytes: int,
        on_head: Callable[[Head], None],
        on_body: Callable[[bytes], bool],
        dialled: Callable[[], None],
    ) -> None:
        self.error: BaseException | None = None
        self.paused = False
        self.body_bytes = 0
        """Of the answer, as the one who takes them counts."""
        self.curl: Any = None
        self._url = url
        self._fields = fields
        self._proxy = proxy
        self._limits = limits
        self._any_address = any_address or proxy is not None
        self._buffer_bytes = buffer_bytes
        self._on_head = on_head
        self._on_body = on_body
        self._dialled = dialled
        self._forbidden: Fault | None = None
        self._status: tuple[str, int] | None = None
        self._head: dict[str, str] = {}
        self._head_bytes = 0
        self._head_read = False
        self._heard = True
        self._heard_at = time.monotonic()
        self._window = (self._heard_at, 0)

    def begin(self, curl: Any, trusted: str | None) -> None:
        """Have libcurl know of it."""
        self.curl = curl
        for option, value in (
            (pycurl.URL, self._url),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            # Several streams of one connection share its congestion window; several connections do not.
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.NOSIGNAL, 1),
            # Both set, so that libcurl does not look into the environment by itself.
            (pycurl.PROXY, self._proxy or ""),
            (pycurl.NOPROXY, ""),
            (_SUPPRESS_CONNECT_HEADERS, 1),
            (pycurl.USERAGENT, f"modelhubd/{__version__}"),
            (pycurl.HTTPHEADER, [f"{name}: {text}" for name, text in self._fields.items()]),
            (pycurl.CONNECTTIMEOUT_MS, int(self._limits.connect_s * 1000)),
            (pycurl.BUFFERSIZE, self._buffer_bytes),
            (pycurl.HTTP09_ALLOWED, 0),
            (pycurl.HEADERFUNCTION, self._header),
            (pycurl.WRITEFUNCTION, self._body),
            (pycurl.OPENSOCKETFUNCTION, self._open_socket),
        ):
            curl.setopt(option, value)
        if trusted is not None:
            curl.setopt(pycurl.CAINFO, trusted)
            curl.setopt(pycurl.PROXY_CAINFO, trusted)

    def go_on(self) -> bool:
        """Take what was refused, at once; False when that was the end of it."""
        self.paused = False
        self._heard = True
        try:
            self.curl.pause(pycurl.PAUSE_CONT)
        except pycurl.error as error:
            self.broke(*error.args)
            return False
        return True

    def broke(self, number: int, message: str) -> None:
        """libcurl says why it ended early."""
        if self.error is not None:
            return
        if (status := self.curl.getinfo(pycurl.HTTP_CONNECTCODE)) >= 300:
            fault = refused_by_proxy(status)
        else:
            peer = "The origin" if self._proxy is None else "The proxy"
            fault = self._forbidden or curl_fault(number, self.curl.getinfo(pycurl.OS_ERRNO), message, peer)
        self.error = TransferEnded(fault)

    def check_pace(self, now: float) -> Fault | None:
        """The fault of an origin that stopped sending, or sends next to nothing."""
        if self._heard or self.paused:
            self._heard, self._heard_at = False, now
        if self.paused:
            self._window = (now, self.body_bytes)
        if now - self._heard_at > self._limits.stall_s:
            return Fault(
                code="timeout",
                detail="The origin stopped sending.",
                passing=True,
                reached=self._status is not None,
            )
        began, before = self._window
        if now - began >= self._limits.drip_s:
            if self.body_bytes - before < self._limits.drip_bytes_per_s * self._limits.drip_s:
                return Fault(code="timeout", detail="The origin sends next to nothing.", passing=True)
            self._window = (now, self.body_bytes)
        return None

    # libcurl calls these. Nothing may be raised through it: it is kept.

    def _open_socket(self, _purpose: int, address: Any) -> Any:
        if not self._any_address and not is_public_address(str(address.addr[0])):
            self._forbidden = permanent(
                "forbidden_url",
                "The origin's name leads to a private address, which is not among the allowed origins.",
            )
            return _REFUSED
        self._dialled()
        return _Lent(address.family, address.socktype, address.protocol)

    def _header(self, line: bytes) -> int:
        try:
            self._read_line(line)
        except BaseException as error:
            self.error = error
            return _REFUSED
        return len(line)

    def _body(self, data: bytes) -> int | None:
        # libcurl hands over 16 KiB at a time, a hundred thousand times for a larger model.
        try:
            if self._on_body(data):
                self._heard = True
                return None
        except BaseException as error:
            self.error = error
            return _REFUSED
        self.paused = True
        return int(pycurl.WRITEFUNC_PAUSE)

    def _read_line(self, line: bytes) -> None:
        self._heard = True
        self._head_bytes += len(line)
        if self._head_bytes > MAX_HEAD_BYTES:
            raise TransferEnded(
                permanent("wrong_content", "The origin's answer has endless headers. Use another source.")
            )
        if self._head_read:
            return  # trailers
        text = line.decode("latin-1").strip()
        if match := _STATUS_LINE.fullmatch(text):
            self._status = (match[1], int(match[2]))
            self._head = {}
        elif text:
            name, _, value = text.partition(":")
            name, value = name.strip().lower(), value.strip()
            # Said twice and differently, both count: whoever reads it sees that it is not one value.
            before = self._head.get(name, value)
            self._head[name] = value if before == value else f"{before}, {value}"
        elif self._status is not None and self._status[1] >= 200:
            self._head_read = True
            self._on_head(Head(self._status[0], self._status[1], self._head))


def refused_by_proxy(status: int) -> Fault:
    return Fault(
        code="http_error",
        detail=f"The proxy does not let the daemon through to the origin ({status}). Check https_proxy and "
        "no_proxy in the daemon's environment.",
        passing=True,
    )


def curl_fault(number: int, system_error: int, message: str, peer: str = "The origin") -> Fault:
    """What an error of libcurl becomes; `peer` is whom it dialled."""
    match number:
        case pycurl.E_COULDNT_RESOLVE_HOST | pycurl.E_COULDNT_RESOLVE_PROXY:
            return Fault(
                code="http_error", detail=f"{peer}'s name cannot be resolved.", passing=True, reached=False
            )
        case pycurl.E_COULDNT_CONNECT:
            refused = system_error in (errno.ECONNREFUSED, errno.ECONNRESET)
            why = "refuses the connection" if refused else "cannot be reached"
            return Fault(code="http_error", detail=f"{peer} {why}.", passing=True, reached=refused)
        case pycurl.E_OPERATION_TIMEDOUT:
            return Fault(
                code="timeout", detail="The origin did not answer in time.", passing=True, reached=False
            )
        case pycurl.E_PEER_FAILED_VERIFICATION | pycurl.E_SSL_CACERT_BADFILE | pycurl.E_SSL_CONNECT_ERROR:
            return Fault(
                code="http_error",
                detail="A secure connection to the origin cannot be made. Check this machine's clock and "
                f"certificates, or sign in to the network. ({message[:120]})",
                passing=True,
            )
        case pycurl.E_URL_MALFORMAT:
            return permanent("forbidden_url", "The URL cannot be fetched.")
        case _:
            return Fault(
                code="http_error", detail=f"The connection broke off. ({message[:120]})", passing=True
            )
