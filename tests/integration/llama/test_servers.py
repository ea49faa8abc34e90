"""Models are loaded, leased, unloaded and accounted for."""

import asyncio
import os
from pathlib import Path

import pytest

from modelhubd.errors import Conflict, InvalidInput, LoadFailed, NotFound, Unavailable
from modelhubd.llama import store
from modelhubd.llama.service import Servers
from modelhubd.settings import LlamaConfig
from modelhubd.wire.servers import LoadRequest, LoadSettings, ServerState
from tests.fakes.llama_server import install
from tests.fakes.tiny_gguf import SENTENCE, write_embedding
from tests.integration.llama.conftest import House

LOAD = LoadRequest(library_id="lab/tiny", settings=LoadSettings(ctx=512))


async def test_a_load_is_answered_at_once_and_ready_soon_after(servers: Servers, house: House) -> None:
    server = await servers.load(LOAD)
    assert server.state is ServerState.STARTING
    assert server.name == "lab/tiny"
    assert server.settings["ctx"].origin == "load"
    assert server.settings["threads"].value == 1
    ready = await servers.wait_ready(server.id, within_s=60)
    assert ready.state is ServerState.READY
    assert ready.memory.estimated_bytes is not None
    assert servers.loaded() == {"lib-tiny": (server.id,)}
    assert (await servers.list()).items == (ready,)
    assert await servers.get(server.id) == ready
    assert house.shelf.changed == ["lib-tiny"]
    assert any("model loaded" in line for line in await servers.log_tail(server.id, 50))


async def test_an_unloaded_server_is_forgotten(servers: Servers, house: House) -> None:
    server = await servers.load(LOAD)
    await servers.wait_ready(server.id)
    assert (await servers.unload(server.id)).state is ServerState.STOPPED
    assert servers.loaded() == {}
    assert await store.children(house.database.reader) == {}
    with pytest.raises(NotFound):
        await servers.get(server.id)


async def test_every_change_is_told_in_order(servers: Servers, house: House) -> None:
    reader = house.bus.subscribe(["servers"])
    server = await servers.load(LOAD)
    await servers.wait_ready(server.id)
    await servers.unload(server.id)
    told = [(event.type, event.data) for event in (await reader.take(within_s=20, gauges=False)).events]
    states = [data.split(b'"state":"')[1].split(b'"')[0].decode() for kind, data in told[:-1]]
    assert list(dict.fromkeys(states)) == ["starting", "loading", "ready", "draining", "stopped"]
    assert told[-1][0] == "server.removed"


async def test_equal_loads_at_the_same_time_are_one_load(servers: Servers) -> None:
    loads = await asyncio.gather(*(servers.load(LOAD) for _ in range(8)))
    assert len({server.id for server in loads}) == 1
    assert len((await servers.list()).items) == 1


async def test_other_settings_need_another_name(servers: Servers) -> None:
    first = await servers.load(LOAD)
    other = LoadRequest(library_id="lab/tiny", settings=LoadSettings(ctx=1024))
    with pytest.raises(Conflict) as refused:
        await servers.load(other)
    assert refused.value.code == "already_loaded"
    second = await servers.load(LoadRequest(library_id="lab/tiny", settings=other.settings, name="big"))
    assert second.id != first.id
    with pytest.raises(Conflict) as taken:
        await servers.load(LoadRequest(library_id="lab/tiny", name="big"))
    assert taken.value.code == "already_loaded"


@pytest.mark.parametrize("name", ["--host", "a,b", " x"])
async def test_a_name_that_could_be_an_option_is_refused(servers: Servers, name: str) -> None:
    with pytest.raises(InvalidInput):
        await servers.load(LoadRequest(library_id="lab/tiny", name=name))


async def test_a_lease_answers_and_keeps_the_server_from_ending(servers: Servers) -> None:
    async with servers.lease("lab/tiny") as upstream:
        body = {"messages": [{"role": "user", "content": "hi"}], "temperature": 0, "max_tokens": 20}
        async with upstream.session.post("/v1/chat/completions", json=body) as answer:
            assert (await answer.json())["choices"][0]["message"]["content"] == SENTENCE
        used = (await servers.get(upstream.server.id)).last_used_at
        assert used is not None
    async with servers.lease(upstream.server.id) as again:
        assert again.server.id == upstream.server.id
    async with servers.lease("lib-tiny") as again:
        assert again.server.id == upstream.server.id


async def test_a_lease_of_a_server_on_its_way_out_starts_it_anew(servers: Servers) -> None:
    first = await servers.load(LOAD)
    await servers.wait_ready(first.id)
    unloading = asyncio.ensure_future(servers.unload(first.id))
    await asyncio.sleep(0)
    async with servers.lease("lab/tiny") as upstream:
        assert upstream.server.id != first.id
    assert (await unloading).state is ServerState.STOPPED


async def test_a_library_that_cannot_be_told_does_not_stop_a_load(servers: Servers, house: House) -> None:
    house.shelf.broken = True
    server = await servers.load(LOAD)
    assert (await servers.wait_ready(server.id)).state is ServerState.READY


async def test_a_lease_of_something_unknown_is_refused(servers: Servers) -> None:
    with pytest.raises(NotFound):
        async with servers.lease("lab/nothing"):
            raise AssertionError


async def test_a_server_is_restarted_under_its_id(servers: Servers) -> None:
    server = await servers.load(LOAD)
    first = await servers.wait_ready(server.id)
    again = await servers.restart(server.id)
    assert again.id == server.id
    second = await servers.wait_ready(server.id)
    assert second.pid != first.pid
    assert second.settings == first.settings
    assert servers.loaded() == {"lib-tiny": (server.id,)}


async def test_an_embedding_model_is_run_as_one(servers: Servers, house: House, tmp_path: Path) -> None:
    house.shelf.put(write_embedding(tmp_path / "embed.gguf"), "embed")
    async with (
        servers.lease("lab/embed") as upstream,
        upstream.session.post("/v1/embeddings", json={"input": "hello"}) as answer,
    ):
        assert len((await answer.json())["data"][0]["embedding"]) == 64


async def test_followers_of_a_log_end_with_the_server(servers: Servers) -> None:
    server = await servers.load(LOAD)

    async def read() -> list[str]:
        return [line async for line in servers.follow(server.id, 0)]

    reading = asyncio.ensure_future(read())
    await servers.wait_ready(server.id)
    await servers.unload(server.id)
    async with asyncio.timeout(30):
        assert any("model loaded" in line for line in await reading)


async def test_whoever_waits_for_a_load_is_not_kept_for_ever(house: House) -> None:
    binary = str(install(house.folder / "bin", "talking"))
    servers = house.servers(LlamaConfig(binary=binary), dict(os.environ))
    await servers.start(house.tasks)
    server = await servers.load(LOAD)
    with pytest.raises(Unavailable):
        await servers.wait_ready(server.id, within_s=0.3)
    waiting = asyncio.ensure_future(servers.wait_ready(server.id))
    await asyncio.sleep(0.05)
    await servers.unload(server.id)
    with pytest.raises(LoadFailed, match="unloaded before it was ready"):
        await waiting
    await servers.close()


async def test_the_load_of_a_server_is_told_as_a_gauge(servers: Servers, house: House) -> None:
    server = await servers.load(LOAD)
    await servers.wait_ready(server.id)
    reader = house.bus.subscribe(["servers"])
    async with servers.lease(server.id):
        batch = await reader.take(within_s=20)
    assert batch.gauges[0][0] == "server.load"
    assert b'"busy_slots":1' in batch.gauges[0][1]
