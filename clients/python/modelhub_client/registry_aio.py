"""The async client of a registry, on aiohttp."""

import ssl
from collections.abc import AsyncGenerator, Callable
from typing import Self, TypeVar

import aiohttp

from modelhub_client.call import Call
from modelhub_client.errors import UnexpectedAnswer
from modelhub_client.registry_answers import ANSWER_MAX, CHUNK, Answers
from modelhub_client.registry_methods import AsyncRegistryMethods
from modelhub_client.registry_pages import AsyncWholeLists
from modelhubd.wire.base import Page

T = TypeVar("T")


class AsyncRegistryClient(AsyncRegistryMethods, AsyncWholeLists):
    """`RegistryClient` for asyncio: the same methods, awaited; use it as
    `async with AsyncRegistryClient(url, token=…) as client`. Many requests may be under way at once."""

    def __init__(self, url: str, *, token: str | None = None, context: ssl.SSLContext | None = None) -> None:
        """
        Raises:
            ValueError: `url` is no such address.
        """
        self._answers = Answers(url)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    @property
    def url(self) -> str:
        return self._answers.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of all connections; another request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def run(self, call: Call[T], /) -> T:
        """Execute a call and read its answer."""
        headers = call.headers() | self._headers
        if (known := self._answers.etag(call)) is not None:
            headers["If-None-Match"] = known
        try:
            async with self._open().request(
                call.method,
                self.url + call.target,
                data=call.body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=call.timeout_s),
                allow_redirects=False,
            ) as answer:
                body = await self._body(answer)
                status, etag = answer.status, answer.headers.get("ETag")
        except TimeoutError as error:
            raise self._answers.unreachable(f"has not answered within {call.timeout_s:.0f} s") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise self._answers.unreachable(
                "has a certificate that is not trusted here. An organisation's own CA is named in "
                "SSL_CERT_FILE"
            ) from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError) as error:
            raise self._answers.unreachable(
                f"cannot be reached ({str(error) or type(error).__name__})"
            ) from error
        except aiohttp.ClientError as error:
            raise UnexpectedAnswer(f"Not HTTP at {self.url}: {error}.") from error
        return self._answers.read(call, status, body, etag)

    async def pages(self, build: Callable[[str | None], Call[Page[T]]]) -> AsyncGenerator[T, None]:
        """All items of a list, page by page; `build` makes the call for what comes after a cursor."""
        after: str | None = None
        while True:
            page = await self.run(build(after))
            for item in page.items:
                yield item
            after = page.next
            if after is None:
                return

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._context if self._context is not None else True)
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        chunks, size = [], 0
        async for chunk in answer.content.iter_chunked(CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > ANSWER_MAX:
                raise UnexpectedAnswer(f"The answer of {self.url} is longer than {ANSWER_MAX} bytes.")
        return b"".join(chunks)
