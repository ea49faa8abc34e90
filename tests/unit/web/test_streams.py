"""A reader who takes nothing is cut off."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from modelhubd.web.streams import cut_off_when_stuck, send


@dataclass
class Serving:
    """A server whose every answer is an endless stream."""

    port: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    connections: list[asyncio.BaseTransport] = field(default_factory=list)

    async def endless(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.connections.append(request.transport)
        response = web.StreamResponse()
        await response.prepare(request)
        with cut_off_when_stuck(request):
            while True:
                await send(response, b"x" * 100_000, within_s=0.2)
        self.ended.set()
        return response


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    made = Serving()
    app = web.Application()
    app.router.add_get("/", made.endless)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


async def test_who_reads_nothing_loses_the_connection_and_what_was_buffered(serving: Serving) -> None:
    reader = socket.create_connection(("127.0.0.1", serving.port))
    with reader:
        reader.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.wait_for(serving.ended.wait(), 30)
        [transport] = serving.connections
        async with asyncio.timeout(30):
            while transport.get_extra_info("socket").fileno() != -1:
                await asyncio.sleep(0.01)


async def test_who_reads_goes_on_reading(serving: Serving) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ in range(20):
        await reader.readexactly(100_000)
    assert not serving.ended.is_set()
    writer.close()
    await writer.wait_closed()
