"""Who may be loaded beside whom, on real servers."""

import asyncio
import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from modelhubd.errors import Conflict, LoadFailed, Unavailable
from modelhubd.llama import room
from modelhubd.llama.placement import RESERVE_BYTES
from modelhubd.llama.service import Servers
from modelhubd.settings import LlamaConfig
from modelhubd.wire.servers import EstimateRequest, LoadRequest, LoadSettings, Server, ServerState
from tests.fakes.llama_server import install
from tests.fakes.tiny_gguf import write_chat
from tests.integration.llama.conftest import House

LOAD = LoadRequest(library_id="lab/tiny", settings=LoadSettings(ctx=512))
NO_MODEL_MIB = RESERVE_BYTES // 1024**2 + 1
ONE_MODEL_MIB = NO_MODEL_MIB + 100


async def test_a_model_that_is_too_large_is_refused_with_numbers_and_can_be_forced(
    servers: Servers, house: House
) -> None:
    house.ram = 0
    with pytest.raises(Conflict) as refused:
        await servers.load(LOAD)
    assert refused.value.code == "not_enough_memory"
    assert "0 B free for models" in refused.value.detail
    estimate = await servers.estimate("lab/tiny", EstimateRequest(settings=LoadSettings(ctx=512)))
    assert not estimate.fits
    assert estimate.available_bytes == 0
    forced = await servers.load(LoadRequest(library_id="lab/tiny", settings=LOAD.settings, force=True))
    assert (await servers.wait_ready(forced.id)).state is ServerState.READY


async def test_an_estimate_says_what_a_load_will_take(servers: Servers) -> None:
    small = await servers.estimate("lab/tiny", EstimateRequest(settings=LoadSettings(ctx=512)))
    large = await servers.estimate("lab/tiny", EstimateRequest(settings=LoadSettings(ctx=4096)))
    assert small.fits
    assert small.total_bytes == sum(
        (small.weights_bytes, small.kv_bytes, small.compute_bytes, small.overhead_bytes)
    )
    assert large.kv_bytes == 8 * small.kv_bytes
    assert (small.ctx, small.settings["ctx"].origin) == (512, "load")


class Cards:
    """A llama-server with one graphics card, which counts how often it is asked for it."""

    def __init__(self, folder: Path, free_mib: int) -> None:
        self.program, self._told, self._asked = (folder / name for name in ("cards-server", "told", "asked"))
        self._asked.touch()
        server = install(folder / "bin")
        self.program.write_text(
            f'#!/bin/sh\n[ "$1" = --list-devices ] && echo x >>{self._asked} && exec cat {self._told}\n'
            f'exec {server} "$@"\n'
        )
        self.program.chmod(0o755)
        self.have(free_mib)

    def have(self, free_mib: int) -> None:
        new = self._told.with_suffix(".new")
        new.write_text(f"Available devices:\n  CUDA0: A card (8000 MiB, {free_mib} MiB free)\n")
        new.replace(self._told)

    @property
    def asked(self) -> int:
        return self._asked.read_text().count("x")

    async def servers(self, house: House) -> Servers:
        """With no other memory than the card's."""
        servers = house.servers(LlamaConfig(binary=str(self.program), drain_s=0), dict(os.environ))
        await servers.start(house.tasks)
        await servers.gpus()
        house.ram = 0
        return servers


async def test_the_memory_of_a_gpu_counts_as_it_is_at_the_time_of_the_load(house: House) -> None:
    cards = Cards(house.folder, 8000)
    servers = await cards.servers(house)
    assert (await servers.estimate("lab/tiny", EstimateRequest())).fits
    assert not (await servers.estimate("lab/tiny", EstimateRequest(settings=LoadSettings(gpu_layers=0)))).fits
    cards.have(1)
    assert not (await servers.estimate("lab/tiny", EstimateRequest())).fits
    assert [gpu.free_bytes for gpu in await servers.gpus()] == [1024**2]
    await servers.close()


async def test_an_estimate_asks_for_the_cards_once_and_not_at_all_where_none_is_used(house: House) -> None:
    cards = Cards(house.folder, 8000)
    servers = await cards.servers(house)
    before = cards.asked
    assert (await servers.estimate("lab/tiny", EstimateRequest())).devices
    assert cards.asked == before + 1
    assert (await servers.dry_run(LOAD)).estimate.devices
    assert cards.asked == before + 2
    await servers.estimate("lab/tiny", EstimateRequest(settings=LoadSettings(gpu_layers=0)))
    assert cards.asked == before + 2
    await servers.close()


async def test_cards_are_not_asked_all_the_time_while_their_memory_is_waited_for(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BACK_S", 1.2)
    house.shelf.put(write_chat(tmp_path / "other.gguf", seed=1), "other")
    cards = Cards(house.folder, ONE_MODEL_MIB)
    servers = await cards.servers(house)
    await loaded(servers)
    cards.have(NO_MODEL_MIB)
    before = cards.asked
    with pytest.raises(Conflict):
        await loaded(servers, "lab/other")
    asked = cards.asked - before
    assert 3 <= asked <= 2 + 1.2 / room.CARDS_S, "to decide, once it was gone, then twice a second"
    first = await loaded(servers, "lab/other", force=True)
    monkeypatch.setattr(room, "BACK_S", 20.0)
    loading = asyncio.ensure_future(loaded(servers))
    async with asyncio.timeout(30):
        while first.id in [server.id for server in servers.running()]:
            await asyncio.sleep(0.01)
    cards.have(ONE_MODEL_MIB)
    assert (await loading).state is ServerState.READY, "it is seen that it is back"
    await servers.close()


async def test_idle_servers_make_room_for_the_next_model(house: House, tmp_path: Path) -> None:
    house.shelf.put(write_chat(tmp_path / "other.gguf", seed=1), "other")
    servers = house.servers(LlamaConfig(memory_budget_bytes=20_000_000))
    await servers.start(house.tasks)
    try:
        first = await servers.load(LOAD)
        await servers.wait_ready(first.id)
        asked = LoadSettings(ctx=512)
        assert (await servers.estimate("lab/other", EstimateRequest(settings=asked))).evicts == (first.id,)
        async with servers.lease(first.id):
            with pytest.raises(Conflict):
                await servers.load(LoadRequest(library_id="lab/other", settings=asked))
        second = await servers.load(LoadRequest(library_id="lab/other", settings=asked))
        await servers.wait_ready(second.id)
        assert [server.id for server in (await servers.list()).items] == [second.id]
    finally:
        await servers.close()


SMALL = LoadSettings(ctx=512)


async def two_models(house: House, tmp_path: Path, **config: Any) -> Servers:
    """Servers of a fake, with lab/tiny running and a model lab/other beside it."""
    house.shelf.put(write_chat(tmp_path / "other.gguf", seed=1), "other")
    binary = str(install(house.folder / "bin"))
    servers = house.servers(LlamaConfig(binary=binary, drain_s=5, **config), dict(os.environ))
    await servers.start(house.tasks)
    return servers


async def loaded(servers: Servers, model: str = "lab/tiny", **fields: Any) -> Server:
    begun = await servers.load(LoadRequest(library_id=model, settings=SMALL, **fields))
    return await servers.wait_ready(begun.id)


async def test_a_pinned_server_makes_room_for_nobody(house: House, tmp_path: Path) -> None:
    servers = await two_models(house, tmp_path, memory_budget_bytes=20_000_000)
    pinned = await loaded(servers, ttl_s=-1)
    with pytest.raises(Conflict) as refused:
        await loaded(servers, "lab/other")
    assert refused.value.code == "not_enough_memory"
    assert "lab/tiny (pinned)" in refused.value.detail
    assert [server.id for server in servers.running()] == [pinned.id]
    await servers.close()


async def test_the_least_recently_used_server_goes_and_no_other(house: House, tmp_path: Path) -> None:
    servers = await two_models(house, tmp_path, memory_budget_bytes=30_000_000)
    first, second = [await loaded(servers, name=name) for name in ("first", "second")]
    async with servers.lease(first.id):
        pass
    third = await loaded(servers, "lab/other")
    assert {server.id for server in servers.running()} == {first.id, third.id}
    assert second.id not in {server.id for server in (await servers.list()).items}
    await servers.close()


async def test_the_next_model_starts_only_when_the_memory_is_back(house: House, tmp_path: Path) -> None:
    servers = await two_models(house, tmp_path)
    first = await loaded(servers)
    assert first.pid is not None and first.memory.estimated_bytes is not None
    house.ram = RESERVE_BYTES + 1_000_000
    loading = asyncio.ensure_future(loaded(servers, "lab/other"))
    async with asyncio.timeout(30):
        while psutil.pid_exists(first.pid):
            await asyncio.sleep(0.01)
    for _ in range(10):
        await asyncio.sleep(0.02)
        assert servers.running() == ()
    house.ram = RESERVE_BYTES + 2 * first.memory.estimated_bytes
    assert (await loading).model == "lab/other"
    await servers.close()


async def test_memory_that_does_not_come_back_is_told(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BACK_S", 0.3)
    servers = await two_models(house, tmp_path)
    await loaded(servers)
    house.ram = RESERVE_BYTES + 1_000_000
    with pytest.raises(Conflict) as refused:
        await loaded(servers, "lab/other")
    assert refused.value.code == "not_enough_memory"
    assert "lab/tiny had to be unloaded for it, but the memory is not back" in refused.value.detail
    assert refused.value.retry_after_s
    assert (await loaded(servers, "lab/other", force=True)).model == "lab/other"
    await servers.close()


async def test_a_load_waits_for_a_server_that_is_on_its_way_out(house: House, tmp_path: Path) -> None:
    servers = await two_models(house, tmp_path, memory_budget_bytes=20_000_000)
    first = await loaded(servers)
    async with servers.lease(first.id):
        unloading = asyncio.ensure_future(servers.unload(first.id))
        async with asyncio.timeout(30):
            while (await servers.get(first.id)).state is not ServerState.DRAINING:
                await asyncio.sleep(0)
        loading = asyncio.ensure_future(loaded(servers, "lab/other"))
        for _ in range(20):
            await asyncio.sleep(0.01)
            assert not loading.done()
    assert (await loading).model == "lab/other"
    assert (await unloading).state is ServerState.STOPPED
    await servers.close()


async def test_a_forced_load_takes_the_place_of_idle_servers_too(house: House, tmp_path: Path) -> None:
    servers = await two_models(house, tmp_path)
    await loaded(servers)
    house.ram = 0
    forced = await loaded(servers, "lab/other", force=True)
    assert [server.id for server in servers.running()] == [forced.id]
    await servers.close()


async def test_what_a_reload_would_replace_counts_as_free(house: House, tmp_path: Path) -> None:
    servers = await two_models(house, tmp_path, memory_budget_bytes=20_000_000)
    first = await loaded(servers, ttl_s=-1)
    asked = EstimateRequest(settings=LoadSettings(ctx=1024))
    async with servers.lease(first.id):
        again = await servers.estimate("lab/tiny", asked)
        assert (again.fits, again.evicts) == (True, ())
        assert not (await servers.estimate("lab/other", asked)).fits
    await servers.close()


async def test_two_models_that_exclude_each_other_are_loaded_one_after_the_other(
    house: House, tmp_path: Path
) -> None:
    servers = await two_models(house, tmp_path, memory_budget_bytes=25_000_000)

    async def ask(name: str) -> None:
        while True:
            try:
                async with servers.lease(name) as upstream:
                    assert upstream.server.model == name
                    return
            except (Conflict, Unavailable, LoadFailed):
                await asyncio.sleep(0.01)

    async with asyncio.timeout(60):
        await asyncio.gather(*(ask(name) for name in ("lab/tiny", "lab/other") * 4))
    assert len(servers.running()) == 1
    await servers.close()
