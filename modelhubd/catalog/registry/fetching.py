"""Requests to one registry, made in a thread: bounded in bytes and time, nothing followed or decoded.

Not the download worker's connections: those are for files of gigabytes, live in a process of their own, and a
registry is to be reached when no download runs.
"""

import os
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Any, Literal
from urllib.parse import urlsplit

from msgspec import Struct

from modelhubd import __version__
from modelhubd.catalog.registry.refusals import NotTaken

HEAD_MAX = 32 * 1024
AGENT = f"modelhubd/{__version__}"
Method = Literal["GET", "POST", "PUT", "DELETE"]


class FetchLimits(Struct, frozen=True, kw_only=True):
    """When a request counts as stuck: seconds, and the rate below which it is one that only drips."""

    connect_s: float = 10.0
    slow_s: int = 15
    slow_bytes_per_s: int = 256
    whole_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`fields` have names in lower case; `told_at` is the registry's clock, if it said."""

    status: int
    fields: Mapping[str, str]
    body: bytes

    @property
    def told_at(self) -> datetime | None:
        return _moment(self.fields.get("date", ""))

    @property
    def retry_after_s(self) -> float | None:
        text = self.fields.get("retry-after", "")
        return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None

    @property
    def is_page(self) -> bool:
        """Whether it is a web page, as networks answer that want people to sign in."""
        return "html" in self.fields.get("content-type", "").lower() or self.body.lstrip()[:1] == b"<"


@dataclass(frozen=True, slots=True)
class Line:
    """How a registry is reached: what the daemon's environment and files say about its address.

    `authorization` and `proxy` are asked for each URL; `authorization` may raise `NotTaken`.
    """

    base_url: str
    authorization: Callable[[str], str | None]
    proxy: Callable[[str], str | None]
    environ: Mapping[str, str]
    limits: FetchLimits = field(default_factory=FetchLimits)


class Fetching:
    """Asks one thing after the other over a kept-open connection; belongs to one thread. Use it as a context.

    Once `stopped` is set a request ends within a second. `dialled` is told of each connection, and what it is
    for, from that thread.
    """

    def __init__(self, line: Line, stopped: threading.Event, dialled: Callable[[str], None]) -> None:
        # Not at the top: the daemon starts without it, and whoever has no registry never needs it here.
        import pycurl

        self._pycurl = pycurl
        self._line = line
        self._stopped = stopped
        self._dialled = dialled
        self._told: set[str] = set()
        self._curl = pycurl.Curl()
        self.purpose = "catalog"
        """What the next requests are for, as the list of outbound connections has it."""
        self.told_at: datetime | None = None
        """The registry's clock as its last answer told it."""

    def __enter__(self) -> "Fetching":
        return self

    def __exit__(self, *_: object) -> None:
        self._curl.close()

    def stopping(self) -> bool:
        """Whether nobody wants any answer any more."""
        return self._stopped.is_set()

    def url(self, path: str) -> str:
        return f"{self._line.base_url}/api/v1{path}"

    def get(self, path: str, most_bytes: int, fields: Mapping[str, str] | None = None) -> Answer:
        """See `ask`."""
        return self.ask("GET", self.url(path), most_bytes, fields)

    def ask(
        self, method: Method, url: str, most_bytes: int, fields: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer, whatever its status.

        Raises:
            NotTaken: there is none: unreachable, too slow, or more than `most_bytes`.
        """
        receiving = _Receiving(most_bytes)
        self._set_up(method, url, fields or {}, receiving)
        try:
            self._curl.perform()
        except self._pycurl.error as error:
            if receiving.oversized:
                raise NotTaken("oversized", "an answer") from None
            raise self._fault(error.args[0], str(error.args[1])) from None
        finally:
            new = self._curl.getinfo(self._pycurl.NUM_CONNECTS) or not receiving.answers
            if new or self.purpose not in self._told:
                self._dialled(self.purpose)
                self._told.add(self.purpose)
        answer = Answer(
            self._curl.getinfo(self._pycurl.RESPONSE_CODE), receiving.fields, receiving.body.getvalue()
        )
        self.told_at = answer.told_at or self.told_at
        return answer

    def _set_up(self, method: Method, url: str, fields: Mapping[str, str], receiving: "_Receiving") -> None:
        curl, pycurl, limits = self._curl, self._pycurl, self._line.limits
        curl.reset()  # keeps the connection
        lines = {"Accept": "", "Content-Type": "", "User-Agent": AGENT} | dict(fields)
        authorization = self._line.authorization(url)
        if authorization is not None:
            lines["Authorization"] = authorization
        for option, value in (
            (pycurl.URL, url),
            (pycurl.CUSTOMREQUEST, method),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.HTTP09_ALLOWED, 0),
            (pycurl.NOSIGNAL, 1),
            # Both set, so that libcurl does not look into the environment by itself.
            (pycurl.PROXY, self._line.proxy(url) or ""),
            (pycurl.NOPROXY, ""),
            (pycurl.HTTPHEADER, [f"{name}: {text}" if text else f"{name}:" for name, text in lines.items()]),
            (pycurl.CONNECTTIMEOUT_MS, int(limits.connect_s * 1000)),
            (pycurl.TIMEOUT_MS, int(limits.whole_s * 1000)),
            (pycurl.LOW_SPEED_TIME, limits.slow_s),
            (pycurl.LOW_SPEED_LIMIT, limits.slow_bytes_per_s),
            (pycurl.HEADERFUNCTION, receiving.take_line),
            (pycurl.WRITEFUNCTION, receiving.take_body),
            (pycurl.NOPROGRESS, 0),
            (pycurl.XFERINFOFUNCTION, lambda *_: int(self.stopping())),
        ):
            curl.setopt(option, value)
        if method in ("POST", "PUT"):
            curl.setopt(pycurl.COPYPOSTFIELDS, "")  # an empty body
        trusted = certificates(self._line.environ)
        if trusted is not None:
            curl.setopt(pycurl.CAINFO, trusted)
            curl.setopt(pycurl.PROXY_CAINFO, trusted)

    def _fault(self, number: int, message: str) -> NotTaken:
        pycurl = self._pycurl
        match number:
            case pycurl.E_OPERATION_TIMEDOUT:
                return NotTaken("too_slow")
            case pycurl.E_COULDNT_RESOLVE_HOST | pycurl.E_COULDNT_RESOLVE_PROXY:
                return NotTaken("unreachable", "its name cannot be resolved")
            case pycurl.E_COULDNT_CONNECT:
                return NotTaken("unreachable", "it refuses the connection or does not answer")
            case pycurl.E_PEER_FAILED_VERIFICATION | pycurl.E_SSL_CACERT_BADFILE | pycurl.E_SSL_CONNECT_ERROR:
                return NotTaken("not_secure", message[:120])
            case pycurl.E_ABORTED_BY_CALLBACK:
                return NotTaken("unreachable", "the daemon stops")
            case _:
                return NotTaken("unreachable", message[:120])


class _Receiving:
    """What comes of one answer, up to a number of bytes."""

    def __init__(self, most_bytes: int) -> None:
        self.body = BytesIO()
        self.fields: dict[str, str] = {}
        self.oversized = False
        self.answers = False
        self._left = most_bytes
        self._head_left = HEAD_MAX

    def take_line(self, line: bytes) -> int:
        self._head_left -= len(line)
        if self._head_left < 0:
            self.oversized = True
            return -1
        if line.startswith(b"HTTP/"):
            self.fields = {}
            self.answers = True
        else:
            name, _, value = line.decode("latin-1").partition(":")
            self.fields[name.strip().lower()] = value.strip()
        return len(line)

    def take_body(self, data: bytes) -> Any:
        self._left -= len(data)
        if self._left < 0:
            self.oversized = True
            return -1
        self.body.write(data)
        return None


def certificates(environ: Mapping[str, str]) -> str | None:
    """The file of trusted authorities: the environment's, else the system's; None leaves it to libcurl."""
    paths = ssl.get_default_verify_paths()
    for path in (environ.get("SSL_CERT_FILE"), environ.get("CURL_CA_BUNDLE"), paths.cafile):
        if path and os.path.isfile(path):  # noqa: PTH113  # as the downloads do
            return path
    return None


def host_of(url: str) -> str:
    """Name and port, as the list of outbound connections shows them."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return f"{parts.hostname}:{port}"


def _moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo is not None else None
