"""The client of a registry, on http.client: one connection that is kept, one address, one token."""

import http.client
import select
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from modelhub_client.call import Call
from modelhub_client.errors import RegistryUnreachable, UnexpectedAnswer
from modelhub_client.registry_answers import ANSWER_MAX, CHUNK, Answers
from modelhub_client.registry_methods import RegistryMethods
from modelhub_client.registry_pages import WholeLists
from modelhubd.wire.base import Page

T = TypeVar("T")

_Answer = tuple[int, bytes, str | None]
"""Status, body, ETag."""


class RegistryClient(RegistryMethods, WholeLists):
    """Talks to the registry at `url` (`https://host[:port][/path]`) with the token of one person or service.

    One connection is kept and used again; threads take turns on it. TLS is that of the platform: an
    organisation's own CA is named in `SSL_CERT_FILE` or `SSL_CERT_DIR`. Redirects are not followed, so that
    the token goes to this address and no other. What a route answered before is asked for again with its
    ETag, and given again where it has not changed.

    Every method raises `RegistryUnreachable` when nobody answers, and a `ProblemError` when the registry
    refuses.
    """

    def __init__(self, url: str, *, token: str | None = None, context: ssl.SSLContext | None = None) -> None:
        """
        Raises:
            ValueError: `url` is no such address.
        """
        self._answers = Answers(url)
        parts = urlsplit(self.url)
        self._tls = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._path = parts.path
        self._token = token
        self._context = context
        self._connection: http.client.HTTPConnection | None = None
        self._turn = threading.Lock()

    @property
    def url(self) -> str:
        return self._answers.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection; another request opens a new one."""
        with self._turn:
            self._drop()

    def run(self, call: Call[T], /) -> T:
        """Execute a call and read its answer."""
        with self._turn:
            status, body, etag = self._ask(call, self._answers.etag(call))
        return self._answers.read(call, status, body, etag)

    def _ask(self, call: Call[Any], etag: str | None) -> _Answer:
        if self._connection is not None and _has_ended(self._connection):
            self._drop()
        reused = self._connection is not None
        try:
            return self._exchange(call, etag)
        except (ConnectionError, http.client.BadStatusLine) as error:
            # Closed by the other side while nobody used it. What may have been done is not sent again.
            self._drop()
            if not reused or not (call.idempotency_key or call.method in ("GET", "PUT", "DELETE")):
                raise self._answers.unreachable("ended the connection early; it may be stopping") from error
        try:
            return self._exchange(call, etag)
        except (ConnectionError, http.client.BadStatusLine) as error:
            self._drop()
            raise self._answers.unreachable("ended the connection early; it may be stopping") from error

    def _exchange(self, call: Call[Any], etag: str | None) -> _Answer:
        headers = call.headers()
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if etag is not None:
            headers["If-None-Match"] = etag
        give_up = time.monotonic() + call.timeout_s
        try:
            connection = self._connected(call.timeout_s)
            connection.request(call.method, self._path + call.target, body=call.body, headers=headers)
            with connection.getresponse() as response:
                body = self._body(response, give_up)
                answer = response.status, body, response.getheader("ETag")
        except (ConnectionError, http.client.BadStatusLine):
            raise
        except TimeoutError as error:
            self._drop()
            raise self._answers.unreachable(f"has not answered within {call.timeout_s:.0f} s") from error
        except ssl.SSLError as error:
            self._drop()
            raise self._untrusted(error) from error
        except (OSError, http.client.IncompleteRead) as error:
            self._drop()
            raise self._answers.unreachable(f"cannot be reached ({_reason(error)})") from error
        except http.client.HTTPException as error:
            self._drop()
            raise UnexpectedAnswer(f"Not HTTP at {self.url}: {error!r}.") from error
        except BaseException:
            self._drop()
            raise
        if response.will_close:
            self._drop()
        return answer

    def _body(self, response: http.client.HTTPResponse, give_up: float) -> bytes:
        chunks, size = [], 0
        while chunk := response.read1(CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > ANSWER_MAX:
                raise UnexpectedAnswer(f"The answer of {self.url} is longer than {ANSWER_MAX} bytes.")
            if time.monotonic() > give_up:
                raise TimeoutError
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        return b"".join(chunks)

    def _connected(self, timeout_s: float) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = self._new_connection()
        self._connection.timeout = timeout_s
        if self._connection.sock is None:
            try:
                self._connection.connect()
            except ConnectionError as error:
                raise self._answers.unreachable(f"cannot be reached ({_reason(error)})") from error
        else:
            self._connection.sock.settimeout(timeout_s)
        return self._connection

    def _new_connection(self) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection(self._host, self._port)
        if self._context is None:
            self._context = ssl.create_default_context()
        return http.client.HTTPSConnection(self._host, self._port, context=self._context)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError):
                connection.close()

    def _untrusted(self, error: ssl.SSLError) -> RegistryUnreachable:
        if isinstance(error, ssl.SSLCertVerificationError):
            return self._answers.unreachable(
                f"has a certificate that is not trusted here ({error.verify_message}). An organisation's own "
                "CA is named in SSL_CERT_FILE"
            )
        return self._answers.unreachable(f"does not speak TLS as it should ({_reason(error)})")

    def pages(self, build: Callable[[str | None], Call[Page[T]]]) -> Iterator[T]:
        """All items of a list, page by page; `build` makes the call for what comes after a cursor."""
        after: str | None = None
        while True:
            page = self.run(build(after))
            yield from page.items
            after = page.next
            if after is None:
                return


def _has_ended(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side has closed it, as one closes what nobody has used for a while. Between two
    requests it says nothing else."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
