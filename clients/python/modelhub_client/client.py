"""The sync client, on http.client over the Unix socket."""

import http.client
import os
import socket
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from modelhub_client.call import Call, named
from modelhub_client.endpoint import Endpoint, endpoint_of_url, find_endpoints
from modelhub_client.errors import ModelhubUnreachable, TooManyRequests, Unavailable, UnexpectedAnswer
from modelhub_client.methods import SyncMethods

if TYPE_CHECKING:
    from modelhub_client.chat import ChatMessage, ChatPiece, ChatReply
    from modelhub_client.events import Event, Following

T = TypeVar("T")

LOG_STALL_S = 24 * 3600.0


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.sock.close()
            raise


class Client(SyncMethods):
    """Talks to the daemon of this user. Each request has a connection of its own, so threads may share one.

    Without arguments the daemon is found as `modelhub` finds it: by `$MODELHUB_HOME`, else where the
    platform keeps such things. `socket` or `url` with `token` name one. `app` is how the program names
    itself, `<id>/<version>`: models that are for other versions of it are held back.

    Every method raises `ModelhubUnreachable` when nobody answers, and a `ProblemError` when the daemon
    refuses.
    """

    def __init__(
        self,
        *,
        socket: Path | None = None,
        url: str | None = None,
        token: str | None = None,
        environ: Mapping[str, str] | None = None,
        app: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._named = named(app)
        self._environ = os.environ if environ is None else environ
        self._fixed: tuple[Endpoint, ...] = ()
        if socket is not None:
            self._fixed = (Endpoint(socket=socket),)
        elif url is not None:
            self._fixed = (endpoint_of_url(url, token),)
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held between requests; here so that both clients are used alike."""

    def run(self, call: Call[T], /) -> T:
        """Execute a call and read its answer."""
        with self._answer(call) as response:
            return call.read(response.status, response.read())

    def events(
        self, topics: Iterable[str] = (), after: str | None = None, *, wait: bool = False
    ) -> "Generator[Event, None, None]":
        """Follow the event stream for ever, over breaks and restarts of the daemon.

        Begins with a `snapshot`, or with what came since the cursor `after`. After a break it is opened
        again and goes on where it was; `disconnected` tells of the break. A snapshot replaces all that was
        known.

        Raises:
            ModelhubUnreachable: nobody answers the first time, unless `wait`.
        """
        from modelhub_client.events import DISCONNECTED, Event, Following

        following = Following(topics, after, wait=wait)
        while True:
            try:
                yield from self._read_events(following)
            except (ModelhubUnreachable, Unavailable, TooManyRequests):
                if not following.may_retry:
                    raise
            yield Event(type=DISCONNECTED)
            self._sleep(following.broken())

    def _read_events(self, following: "Following") -> "Generator[Event, None, None]":
        for line in self._lines(following.call()):
            if (event := following.read(line)) is not None:
                yield event

    def follow_log(self, server_id: str, *, tail: int | None = None) -> Generator[str, None, None]:
        """The last `tail` lines of a server's log, then each line as it comes, until the server ends."""
        from modelhub_client.calls.servers import log_lines

        call = log_lines(server_id, tail=tail, follow=True)
        for line in self._lines(call, timeout_s=LOG_STALL_S):
            yield line.decode("utf-8", "replace").rstrip("\r\n")

    def chat(self, model: str, messages: "Sequence[ChatMessage]", **options: Any) -> "ChatReply":
        """One answer of a model: `options` are `max_tokens`, `temperature`, `seed`, `reasoning`, `extra`."""
        from modelhub_client.chat import chat_call, reply_of

        return reply_of(self.run(chat_call(model, messages, stream=False, **options)))

    def chat_stream(
        self, model: str, messages: "Sequence[ChatMessage]", **options: Any
    ) -> "Generator[ChatPiece, None, None]":
        """The answer as it is written; closing the iterator stops the model."""
        from modelhub_client.chat import chat_call, piece_of

        for line in self._lines(chat_call(model, messages, stream=True, **options)):
            if (piece := piece_of(line)) is not None:
                yield piece

    def _lines(self, call: Call[Any], timeout_s: float | None = None) -> Generator[bytes, None, None]:
        with self._answer(call, timeout_s) as response:
            if response.status >= 300:
                call.read(response.status, response.read())
            while line := response.readline():
                yield line

    @contextmanager
    def _answer(self, call: Call[Any], timeout_s: float | None = None) -> Iterator[http.client.HTTPResponse]:
        """The open answer, to be read inside the `with`.

        Only connecting is tried at one endpoint after the other: what has been sent may have been done.
        """
        connection, endpoint = self._connect(timeout_s or call.timeout_s)
        headers = call.headers() | endpoint.headers() | self._named | {"Connection": "close"}
        with closing(connection):
            try:
                connection.request(call.method, call.target, body=call.body, headers=headers)
                with connection.getresponse() as response:
                    yield response
            except TimeoutError as error:
                raise ModelhubUnreachable(
                    f"The daemon at {endpoint.shown} has not answered within {connection.timeout:.0f} s."
                ) from error
            except (OSError, http.client.IncompleteRead) as error:
                raise ModelhubUnreachable(
                    f"The daemon at {endpoint.shown} ended the connection early; it may be stopping."
                ) from error
            except http.client.HTTPException as error:
                raise UnexpectedAnswer(f"Not HTTP at {endpoint.shown}: {error!r}.") from error

    def _connect(self, timeout_s: float) -> tuple[http.client.HTTPConnection, Endpoint]:
        tried = []
        for endpoint in self._fixed or find_endpoints(self._environ):
            connection = _connection(endpoint, timeout_s)
            try:
                connection.connect()
            except OSError as error:
                tried.append(f"{endpoint.shown}: {error.strerror or error}")
                continue
            return connection, endpoint
        raise ModelhubUnreachable(f"The daemon does not answer ({'; '.join(tried)}).")


def _connection(endpoint: Endpoint, timeout_s: float) -> http.client.HTTPConnection:
    if endpoint.socket is not None:
        return _SocketConnection(endpoint.socket, timeout_s)
    return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout_s)
