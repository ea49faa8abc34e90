"""A stop ends within its limits, whatever the server and its clients are doing."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import psutil
import pytest

from modelhubd.errors import NotFound, Unavailable
from modelhubd.llama import store
from modelhubd.llama.discovery import Build
from modelhubd.llama.process import SECOND_TERM_S, TERM_S
from modelhubd.llama.supervisor import SLOTS_S, Life
from modelhubd.settings import LlamaConfig
from modelhubd.wire.servers import LoadRequest, ServerState
from tests.fakes.llama_server import install
from tests.fakes.tiny_gguf import ROOMY, write_chat
from tests.integration.llama.conftest import SETTINGS, House, Lives, ended, fake, ready

TIMES = 20
DRAIN_S = 0.1
LIMIT_S = DRAIN_S + SLOTS_S + TERM_S + SECOND_TERM_S + 5.0
"""The whole sequence, and what a busy machine adds."""
ENDLESS = {"prompt": "x", "stream": True, "ignore_eos": True, "max_tokens": 100_000}


@contextlib.asynccontextmanager
async def generating(life: Life) -> AsyncIterator[aiohttp.ClientResponse]:
    """A client that the server is answering, past everything that could cut it off."""
    assert life.session is not None
    async with life.session.post("/v1/completions", json=ENDLESS) as answer:
        assert await answer.content.readany()
        yield answer


async def test_a_server_stops_while_it_generates_twenty_times_in_a_row(
    lives: Lives, build: Build, tmp_path: Path
) -> None:
    """Every second time the client is none that the drain knows of, so that the signal meets the work."""
    model = write_chat(tmp_path / "roomy.gguf", shape=ROOMY)
    settings = msgspec.structs.replace(SETTINGS, ctx=ROOMY.n_ctx)
    for n in range(TIMES):
        life = lives.start(build, model, settings, force=True)
        server = await ready(life)
        assert server.pid is not None
        async with contextlib.AsyncExitStack() as stack:
            if n % 2:
                stack.enter_context(contextlib.suppress(Unavailable))
                await stack.enter_async_context(life.use())
            await stack.enter_async_context(generating(life))
            life.ask_to_stop(DRAIN_S)
            async with asyncio.timeout(LIMIT_S):
                await asyncio.shield(life.until(lambda server: server.state.ended, within_s=LIMIT_S))
        assert (await ended(life)).state is ServerState.STOPPED
        assert not psutil.pid_exists(server.pid)
        assert list(lives.folder.glob("*.sock")) == []


async def test_a_server_that_waits_for_the_end_of_its_stdin_needs_no_second_signal(
    lives: Lives, tmp_path: Path
) -> None:
    """As the program does since it can be a child of its own router."""
    life = lives.start(await fake(tmp_path / "bin", "waits_for_stdin"), tmp_path / "any.gguf")
    await ready(life)
    life.ask_to_stop(0)
    assert (await ended(life)).state is ServerState.STOPPED
    assert "terminated again" not in life.log.tail(10)


async def test_whoever_asks_last_may_shorten_the_wait_for_requests(lives: Lives, tmp_path: Path) -> None:
    life = lives.start(await fake(tmp_path / "bin", "hangs"), tmp_path / "any.gguf")
    await ready(life)
    with pytest.raises(Unavailable):
        async with life.use():
            life.ask_to_stop(3600)
            await life.until(lambda server: server.state is ServerState.DRAINING, within_s=20)
            life.ask_to_stop(7200)
            life.ask_to_stop(0)
            await asyncio.sleep(60)
    assert (await ended(life)).state is ServerState.STOPPED


async def test_closing_does_not_wait_for_a_long_drain_that_was_under_way(house: House) -> None:
    binary = str(install(house.folder / "bin", "hangs"))
    servers = house.servers(LlamaConfig(binary=binary, drain_s=600), dict(os.environ))
    await servers.start(house.tasks)
    server = await servers.wait_ready((await servers.load(LoadRequest(library_id="lab/tiny"))).id)
    with pytest.raises(Unavailable):
        async with servers.lease(server.id):
            unloading = asyncio.ensure_future(servers.unload(server.id))
            async with asyncio.timeout(30):
                while (await servers.get(server.id)).state is not ServerState.DRAINING:
                    await asyncio.sleep(0)
            async with asyncio.timeout(10):
                await servers.close()
            await asyncio.sleep(60)
    assert (await unloading).state is ServerState.STOPPED
    assert server.pid is not None and not psutil.pid_exists(server.pid)


async def test_nobody_begins_to_use_a_server_that_is_being_stopped(house: House) -> None:
    binary = str(install(house.folder / "bin"))
    servers = house.servers(LlamaConfig(binary=binary, drain_s=30), dict(os.environ))
    await servers.start(house.tasks)
    server = await servers.wait_ready(
        (await servers.load(LoadRequest(library_id="lab/tiny", name="mine"))).id
    )
    async with servers.lease("mine"):
        unloading = asyncio.ensure_future(servers.unload(server.id))
        await asyncio.sleep(0)
        for name in ("mine", server.id):
            with pytest.raises(NotFound):
                async with servers.lease(name):
                    raise AssertionError
    assert (await unloading).state is ServerState.STOPPED
    await servers.close()


async def test_closing_stops_all_servers_at_once(house: House) -> None:
    servers = house.servers(
        LlamaConfig(binary=str(install(house.folder / "bin", "ignores_term"))), dict(os.environ)
    )
    await servers.start(house.tasks)
    for name in ("a", "b", "c"):
        server = await servers.load(LoadRequest(library_id="lab/tiny", name=name, ttl_s=-1))
        await servers.wait_ready(server.id)
    async with asyncio.timeout(10):
        await servers.close()
    assert servers.loaded() == {}
    assert await store.children(house.database.reader) == {}
    with pytest.raises(Unavailable):
        await servers.load(LoadRequest(library_id="lab/tiny"))
