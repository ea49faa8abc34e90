"""What is asked at the same time ends in one state, and that is the one that is shown."""

import asyncio
import os
from pathlib import Path

import psutil
import pytest

from modelhubd.errors import Conflict, InvalidInput, NotFound, Unavailable
from modelhubd.llama.logs import FILES_KEPT
from modelhubd.llama.service import Servers
from modelhubd.settings import LlamaConfig
from modelhubd.wire.servers import EstimateRequest, LoadRequest, LoadSettings, Server, ServerState
from tests.fakes.llama_server import install
from tests.fakes.tiny_gguf import write_chat, write_faulty
from tests.integration.llama.conftest import House

LOAD = LoadRequest(library_id="lab/tiny", settings=LoadSettings(ctx=512))


OTHERS: set[int] = set()
"""Processes that other tests of this run keep for their modules, such as an origin."""


@pytest.fixture(autouse=True)
def only_what_this_test_starts(no_process_is_left: None) -> None:
    OTHERS.clear()
    OTHERS.update(child.pid for child in psutil.Process().children(recursive=True))


def children() -> set[int]:
    """What this test has started and still runs."""
    return {child.pid for child in psutil.Process().children(recursive=True)} - OTHERS


async def loaded(servers: Servers, request: LoadRequest = LOAD) -> Server:
    return await servers.wait_ready((await servers.load(request)).id)


async def shown(servers: Servers) -> set[int | None]:
    """Processes of the servers that are listed, which are all that run."""
    pids = {server.pid for server in (await servers.list()).items if not server.state.ended}
    assert pids == children()
    return pids


async def test_two_restarts_at_once_leave_one_process(servers: Servers) -> None:
    server = await loaded(servers)
    await asyncio.gather(servers.restart(server.id), servers.restart(server.id))
    await servers.wait_ready(server.id)
    assert len(await shown(servers)) == 1
    await servers.unload(server.id)
    assert await shown(servers) == set()


async def test_an_unload_during_a_restart_is_the_end(servers: Servers) -> None:
    server = await loaded(servers)
    restarting = asyncio.ensure_future(servers.restart(server.id))
    await asyncio.sleep(0)
    assert (await servers.unload(server.id)).state is ServerState.STOPPED
    with pytest.raises(NotFound):
        await restarting
    assert (await servers.list()).items == ()
    assert await shown(servers) == set()


async def test_a_restart_during_an_unload_starts_it_again(servers: Servers) -> None:
    server = await loaded(servers)
    unloading = asyncio.ensure_future(servers.unload(server.id))
    await asyncio.sleep(0)
    assert (await servers.restart(server.id)).id == server.id
    await unloading
    await servers.wait_ready(server.id)
    assert len(await shown(servers)) == 1


async def test_a_restart_goes_on_when_nobody_waits_for_it(servers: Servers) -> None:
    server = await loaded(servers)
    restarting = asyncio.ensure_future(servers.restart(server.id))
    async with asyncio.timeout(30):
        while (await servers.get(server.id)).state is ServerState.READY:
            await asyncio.sleep(0)
    restarting.cancel()
    async with asyncio.timeout(30):
        while (again := await servers.get(server.id)).state is not ServerState.READY:
            await asyncio.sleep(0.02)
    assert again.pid != server.pid
    assert len(await shown(servers)) == 1


async def test_whoever_waits_for_a_server_gets_the_one_that_a_restart_starts(servers: Servers) -> None:
    server = await servers.load(LOAD)
    waiting = [asyncio.ensure_future(servers.wait_ready(server.id)) for _ in range(2)]
    await asyncio.sleep(0)
    restarting = asyncio.ensure_future(servers.restart(server.id))
    while not restarting.done():
        waiting.append(asyncio.ensure_future(servers.wait_ready(server.id)))
        await asyncio.sleep(0.005)
    for ready in await asyncio.gather(*waiting):
        assert (ready.id, ready.state) == (server.id, ServerState.READY)
    assert await shown(servers) == {ready.pid}


async def test_nothing_is_started_once_all_are_being_stopped(servers: Servers) -> None:
    server = await loaded(servers)
    asked = [servers.restart(server.id), servers.load(LoadRequest(library_id="lab/tiny", name="other"))]
    doing = [asyncio.ensure_future(work) for work in asked]
    await asyncio.sleep(0)
    await servers.close()
    for found in await asyncio.gather(*doing, return_exceptions=True):
        assert isinstance(found, (Unavailable, NotFound)), found
    assert children() == set()
    with pytest.raises(Unavailable):
        await servers.load(LOAD)


@pytest.mark.parametrize("faults", [("silent",), ("talking",), ("silent", "ignores_term")])
async def test_servers_that_load_are_stopped_with_the_daemon(house: House, faults: tuple[str, ...]) -> None:
    binary = str(install(house.folder / "bin", *faults))
    servers = house.servers(LlamaConfig(binary=binary, drain_s=30), dict(os.environ))
    await servers.start(house.tasks)
    begun = await servers.load(LOAD)
    async with asyncio.timeout(30):
        while (await servers.get(begun.id)).state is ServerState.STARTING:
            await asyncio.sleep(0.01)
    async with asyncio.timeout(20):
        await servers.close()
        while children():  # such as a program that was asked for its version
            await asyncio.sleep(0.05)


async def test_a_request_takes_the_server_that_somebody_loads_meanwhile_in_another_way(
    servers: Servers,
) -> None:
    loading = asyncio.ensure_future(servers.load(LOAD))

    async def ask() -> str:
        async with servers.lease("lab/tiny") as upstream:
            return upstream.server.id

    asked = await asyncio.gather(*(ask() for _ in range(3)))
    assert set(asked) == {(await loading).id}


async def test_a_load_is_the_server_with_its_settings_whatever_else_runs(servers: Servers) -> None:
    await loaded(servers)
    other = LoadSettings(ctx=1024)
    named = await loaded(servers, LoadRequest(library_id="lab/tiny", settings=other, name="big"))
    assert (await servers.load(LoadRequest(library_id="lab/tiny", settings=other))).id == named.id


async def test_a_model_id_is_answered_by_the_active_version_alone(
    servers: Servers, house: House, models: Path
) -> None:
    old = house.shelf.put(models / "tiny.gguf", "old", model="lab/tiny", active=False)
    house.shelf.put(models / "tiny.gguf", version=2)
    server = await loaded(servers, LoadRequest(library_id=old.id))
    assert server.name == "lab/tiny@1:gguf-f16"
    async with servers.lease("lab/tiny") as upstream:
        assert (upstream.server.version, upstream.server.name) == (2, "lab/tiny")
    house.shelf.artifacts["lab/tiny"] = house.shelf.artifacts["lib-old"]
    async with servers.lease("lab/tiny") as upstream:
        assert upstream.server.version == 1


async def test_a_server_answers_though_its_file_is_out_of_reach(servers: Servers, house: House) -> None:
    server = await loaded(servers)
    house.shelf.artifacts.clear()
    async with servers.lease("lab/tiny") as upstream:
        assert upstream.server.id == server.id


async def test_a_model_is_loaded_while_the_end_of_another_is_waited_for(house: House, tmp_path: Path) -> None:
    house.shelf.put(write_chat(tmp_path / "other.gguf", seed=1), "other")
    binary = str(install(house.folder / "bin"))
    servers = house.servers(LlamaConfig(binary=binary, drain_s=60), dict(os.environ))
    await servers.start(house.tasks)
    first = await loaded(servers)
    async with servers.lease(first.id):
        unloading = asyncio.ensure_future(servers.unload(first.id))
        await asyncio.sleep(0)
        again = asyncio.ensure_future(loaded(servers))
        await asyncio.sleep(0)
        await loaded(servers, LoadRequest(library_id="lab/other", settings=LOAD.settings))
        assert not again.done()
    assert (await again).id != first.id
    await unloading
    await servers.close()


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("name", ["--host", "a\nb", "x" * 129, "lab/other", "lab/tiny@2", ""])
async def test_a_name_that_would_mean_something_else_is_refused(
    servers: Servers, house: House, tmp_path: Path, name: str, broken: bool
) -> None:
    if broken:
        house.shelf.put(write_faulty(tmp_path / "broken.gguf", "magic"))
    with pytest.raises(InvalidInput) as refused:
        await servers.load(LoadRequest(library_id="lab/tiny", name=name))
    assert refused.value.errors[0].pointer == "/name"
    assert (await servers.list()).items == ()


async def test_a_model_with_the_longest_id_is_loaded(servers: Servers, house: House, models: Path) -> None:
    model = "p" * 64 + "/" + "n" * 64
    house.shelf.put(models / "tiny.gguf", "long", model=model, option="o" * 64, version=999_999_999)
    first = await loaded(servers, LoadRequest(library_id="lib-long", settings=LOAD.settings))
    assert first.name == model
    house.shelf.put(models / "tiny.gguf", "older", model=model, option="o" * 64, active=False)
    assert (await loaded(servers, LoadRequest(library_id="lib-older"))).name == f"{model}@1:{'o' * 64}"


async def test_a_server_that_makes_room_is_not_taken_into_use_meanwhile(house: House, tmp_path: Path) -> None:
    for n in range(3):
        house.shelf.put(write_chat(tmp_path / f"{n}.gguf", seed=n), f"m{n}")
    binary = str(install(house.folder / "bin"))
    servers = house.servers(LlamaConfig(binary=binary, memory_budget_bytes=29_100_000), dict(os.environ))
    await servers.start(house.tasks)
    small = LoadSettings(ctx=512)
    first, second = [
        await loaded(servers, LoadRequest(library_id=f"lab/m{n}", settings=small)) for n in range(2)
    ]
    larger = LoadSettings(ctx=4096, batch=128)
    estimate = await servers.estimate("lab/m2", EstimateRequest(settings=larger))
    assert estimate.evicts == (first.id, second.id), estimate
    loading = asyncio.ensure_future(servers.load(LoadRequest(library_id="lab/m2", settings=larger)))
    async with asyncio.timeout(30):
        while (await servers.get(first.id)).state is ServerState.READY:
            await asyncio.sleep(0)
    with pytest.raises(NotFound):
        async with servers.lease(second.id):
            raise AssertionError
    await loading
    assert [server.model for server in servers.running()] == ["lab/m2"]
    await servers.close()


async def test_an_ended_server_is_started_again_only_where_a_load_would_be(house: House) -> None:
    binary = str(install(house.folder / "bin", "dies_loading"))
    servers = house.servers(LlamaConfig(binary=binary), dict(os.environ))
    await servers.start(house.tasks)
    failed = await servers.load(LoadRequest(library_id="lab/tiny", name="mine"))
    async with asyncio.timeout(30):
        while not (await servers.get(failed.id)).state.ended:
            await asyncio.sleep(0.01)
    house.ram = 0
    with pytest.raises(Conflict) as refused:
        await servers.restart(failed.id)
    assert refused.value.code == "not_enough_memory"
    await servers.close()


async def test_old_logs_go_while_the_daemon_runs(servers: Servers, house: House, tmp_path: Path) -> None:
    running = await loaded(servers)
    os.utime(house.folder / "logs" / f"{running.id}.log", (0, 0))
    house.shelf.put(write_faulty(tmp_path / "broken.gguf", "magic"), "broken")
    for _ in range(FILES_KEPT + 10):
        await servers.load(LoadRequest(library_id="lab/broken"))
    logs = {path.stem for path in (house.folder / "logs").iterdir()}
    assert len(logs) <= FILES_KEPT + 2
    assert running.id in logs
