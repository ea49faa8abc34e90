"""The async client, on aiohttp."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import aiohttp

from modelhub_client.call import Call, named
from modelhub_client.calls.servers import log_lines
from modelhub_client.chat import ChatMessage, ChatPiece, ChatReply, chat_call, piece_of, reply_of
from modelhub_client.endpoint import Endpoint, endpoint_of_url, find_endpoints
from modelhub_client.errors import ModelhubUnreachable, TooManyRequests, Unavailable, UnexpectedAnswer
from modelhub_client.events import DISCONNECTED, Event, Following
from modelhub_client.methods import AsyncMethods

T = TypeVar("T")

LINE_MAX = 16 * 1024 * 1024
"""A snapshot is one line."""
LOG_STALL_S = 24 * 3600.0


class AsyncClient(AsyncMethods):
    """`Client` for asyncio: the same methods, awaited; use it as `async with AsyncClient() as client`."""

    def __init__(
        self,
        *,
        socket: Path | None = None,
        url: str | None = None,
        token: str | None = None,
        environ: Mapping[str, str] | None = None,
        app: str | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._named = named(app)
        self._environ = os.environ if environ is None else environ
        self._fixed: tuple[Endpoint, ...] = ()
        if socket is not None:
            self._fixed = (Endpoint(socket=socket),)
        elif url is not None:
            self._fixed = (endpoint_of_url(url, token),)
        self._sleep = sleep
        self._sessions: dict[Endpoint, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of all connections."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def run(self, call: Call[T], /) -> T:
        """Execute a call and read its answer."""
        async with self._answer(call, call.timeout_s) as (status, stream):
            return call.read(status, await stream.read())

    async def events(
        self, topics: Iterable[str] = (), after: str | None = None, *, wait: bool = False
    ) -> AsyncGenerator[Event, None]:
        """Follow the event stream for ever; see `Client.events`."""
        following = Following(topics, after, wait=wait)
        while True:
            try:
                async for line in self._lines(following.call()):
                    if (event := following.read(line)) is not None:
                        yield event
            except (ModelhubUnreachable, Unavailable, TooManyRequests):
                if not following.may_retry:
                    raise
            yield Event(type=DISCONNECTED)
            await self._sleep(following.broken())

    async def follow_log(self, server_id: str, *, tail: int | None = None) -> AsyncGenerator[str, None]:
        """The last `tail` lines of a server's log, then each line as it comes, until the server ends."""
        async for line in self._lines(log_lines(server_id, tail=tail, follow=True), stall_s=LOG_STALL_S):
            yield line.decode("utf-8", "replace").rstrip("\r\n")

    async def chat(self, model: str, messages: Sequence[ChatMessage], **options: Any) -> ChatReply:
        """One answer of a model; see `Client.chat`."""
        return reply_of(await self.run(chat_call(model, messages, stream=False, **options)))

    async def chat_stream(
        self, model: str, messages: Sequence[ChatMessage], **options: Any
    ) -> AsyncGenerator[ChatPiece, None]:
        """The answer as it is written; closing the iterator stops the model."""
        async for line in self._lines(chat_call(model, messages, stream=True, **options)):
            if (piece := piece_of(line)) is not None:
                yield piece

    async def _lines(self, call: Call[Any], stall_s: float | None = None) -> AsyncGenerator[bytes, None]:
        async with self._answer(call, None, stall_s or call.timeout_s) as (status, stream):
            if status >= 300:
                call.read(status, await stream.read())
            while line := await stream.readline():
                yield line

    @asynccontextmanager
    async def _answer(
        self, call: Call[Any], total_s: float | None, stall_s: float | None = None
    ) -> AsyncIterator[tuple[int, aiohttp.StreamReader]]:
        endpoint, response = await self._send(call, aiohttp.ClientTimeout(total=total_s, sock_read=stall_s))
        try:
            yield response.status, response.content
        except TimeoutError as error:
            raise ModelhubUnreachable(f"The daemon at {endpoint.shown} has not answered in time.") from error
        except aiohttp.ClientError as error:
            raise ModelhubUnreachable(f"The connection to {endpoint.shown} broke: {error}.") from error
        finally:
            response.close()

    async def _send(
        self, call: Call[Any], timeout: aiohttp.ClientTimeout
    ) -> tuple[Endpoint, aiohttp.ClientResponse]:
        tried = []
        for endpoint in self._fixed or find_endpoints(self._environ):
            try:
                response = await self._session(endpoint).request(
                    call.method,
                    endpoint.origin + call.target,
                    data=call.body,
                    headers=call.headers() | endpoint.headers() | self._named,
                    timeout=timeout,
                    allow_redirects=False,
                )
            except aiohttp.ClientConnectorError as error:
                tried.append(f"{endpoint.shown}: {error.strerror or error}")
            except TimeoutError as error:
                raise ModelhubUnreachable(
                    f"The daemon at {endpoint.shown} has not answered in time."
                ) from error
            except (aiohttp.ClientConnectionError, OSError) as error:
                raise ModelhubUnreachable(f"The connection to {endpoint.shown} broke: {error}.") from error
            except aiohttp.ClientError as error:
                raise UnexpectedAnswer(f"Not HTTP at {endpoint.shown}: {error}.") from error
            else:
                return endpoint, response
        raise ModelhubUnreachable(f"The daemon does not answer ({'; '.join(tried)}).")

    def _session(self, endpoint: Endpoint) -> aiohttp.ClientSession:
        if endpoint not in self._sessions:
            connector = (
                aiohttp.TCPConnector()
                if endpoint.socket is None
                else aiohttp.UnixConnector(path=str(endpoint.socket))
            )
            self._sessions[endpoint] = aiohttp.ClientSession(connector=connector, read_bufsize=LINE_MAX)
        return self._sessions[endpoint]
