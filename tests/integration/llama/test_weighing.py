"""What a load has taken is kept, and later estimates know it."""

import os

from modelhubd.llama import measured_store
from modelhubd.llama.discovery import Discovery
from modelhubd.llama.measured import FACTOR, Measurement, load_of
from modelhubd.llama.service import Servers
from modelhubd.wire.servers import Estimate, EstimateRequest, LoadRequest, LoadSettings
from tests.integration.llama.conftest import House

SETTINGS = LoadSettings(ctx=512)


async def estimate(servers: Servers, settings: LoadSettings = SETTINGS) -> Estimate:
    return await servers.estimate("lab/tiny", EstimateRequest(settings=settings))


async def loaded(servers: Servers, settings: LoadSettings = SETTINGS) -> None:
    server = await servers.load(LoadRequest(library_id="lab/tiny", settings=settings))
    await servers.wait_ready(server.id, within_s=60)


async def test_a_load_corrects_the_estimates_after_it(servers: Servers) -> None:
    before = await estimate(servers)
    assert before.basis == "formula"
    await loaded(servers)
    after = await estimate(servers)
    assert after.basis == "measured"
    assert after.weights_bytes / before.weights_bytes < FACTOR
    assert abs(after.kv_bytes - before.kv_bytes) < 0.01 * before.kv_bytes, "the formula knows the cache"
    other = await estimate(servers, LoadSettings(ctx=1024))
    assert other.basis == "measured"
    assert other.kv_bytes > after.kv_bytes
    assert (await estimate(servers, LoadSettings(ctx=512, flash_attention="off"))).basis == "formula"


async def test_a_second_load_measures_against_the_formula_and_not_against_the_first(
    servers: Servers, house: House
) -> None:
    await loaded(servers)
    (life,) = servers.running()
    await servers.unload(life.id)
    once = await kept(house)
    await loaded(servers)
    assert (await kept(house)).expected == once.expected


async def test_what_was_measured_outlives_the_daemon(servers: Servers, house: House) -> None:
    await loaded(servers)
    await servers.close()
    later = house.servers()
    assert (await estimate(later)).basis == "measured"
    await later.close()


async def kept(house: House) -> Measurement:
    """The only one there is."""
    version = (await Discovery("", {**os.environ, "PATH": ""}).builds())[0].about.version
    load = load_of("lib-tiny", "llama", SETTINGS, "formula", version)
    (found,) = await measured_store.alike(house.database.reader, load)
    return found
