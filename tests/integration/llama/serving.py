"""The gateway on a port of its own, before servers of the test's."""

import contextlib
import os
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import openai
from aiohttp import web

from modelhubd.gateway.proxy import Gateway
from modelhubd.llama.service import Servers
from modelhubd.settings import LlamaConfig
from tests.fakes.llama_server import install
from tests.integration.llama.conftest import House


@dataclass(frozen=True)
class Serving:
    url: str
    gateway: Gateway
    servers: Servers

    def client(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key="token", max_retries=0, timeout=60)


@contextlib.asynccontextmanager
async def serving(
    servers: Servers, house: House, *, max_waiting: int = 128, aliases: Mapping[str, str] | None = None
) -> AsyncIterator[Serving]:
    gateway = Gateway(servers, house.shelf.all, max_waiting=max_waiting, aliases=aliases)
    app = web.Application()
    for method, path, handler in gateway.routes():
        app.router.add_route(method, path, handler)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    try:
        await web.SockSite(runner, listening).start()
        yield Serving(f"http://127.0.0.1:{listening.getsockname()[1]}", gateway, servers)
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def serving_fakes(house: House, *faults: str, max_waiting: int = 128) -> AsyncIterator[Serving]:
    """Before servers that misbehave so."""
    binary = str(install(house.folder / "bin", *faults))
    servers = house.servers(LlamaConfig(binary=binary, drain_s=0), dict(os.environ))
    await servers.start(house.tasks)
    try:
        async with serving(servers, house, max_waiting=max_waiting) as found:
            yield found
    finally:
        await servers.close()
