"""Builds of three years are run, each told what it knows; they end at an option that they do not list."""

import os
from pathlib import Path

import psutil
import pytest

from modelhubd.errors import Conflict, InvalidInput
from modelhubd.llama.builds import MINIMUM_BUILD
from modelhubd.llama.service import Servers
from modelhubd.settings import LlamaConfig
from modelhubd.wire.servers import LoadRequest, LoadSettings, ServerState
from tests.fakes.llama_server import install
from tests.integration.llama.conftest import House

SETTINGS = LoadSettings(
    ctx=512, threads=1, gpu_layers="all", kv_type_k="q8_0", kv_type_v="q8_0", mmap=False, mlock=True, seed=3
)


async def running(house: House, *faults: str) -> Servers:
    servers = house.servers(LlamaConfig(binary=str(install(house.folder / "bin", *faults))), dict(os.environ))
    await servers.start(house.tasks)
    return servers


@pytest.mark.parametrize("year", ["2024", "2025", "2026"])
async def test_a_build_of_each_year_is_loaded_with_every_setting(house: House, year: str) -> None:
    servers = await running(house, year)
    server = await servers.load(LoadRequest(library_id="lab/tiny", settings=SETTINGS))
    ready = await servers.wait_ready(server.id, within_s=60)
    assert ready.state is ServerState.READY
    said = psutil.Process(ready.pid).cmdline()
    assert ("--no-webui" in said, "--no-ui" in said) == (year != "2026", year == "2026")
    assert ("-lm" in said, "--no-mmap" in said) == (year == "2026", year != "2026")
    assert said[said.index("-ngl") + 1] == ("all" if year == "2026" else "999")
    assert (".sock" in said[said.index("--host") + 1]) is (year != "2024")
    assert ready.build == {"2024": "4404", "2025": "7376", "2026": "0.1.0-dev"}[year]
    await servers.close()


async def test_a_setting_that_the_build_does_not_know_is_refused_before_it_starts(house: House) -> None:
    servers = await running(house, "2024")
    asked = LoadSettings(ctx=512, threads=1, reasoning="off")
    with pytest.raises(InvalidInput, match="4404 has no option for it"):
        await servers.load(LoadRequest(library_id="lab/tiny", settings=asked))
    assert (await servers.list()).total == 0
    await servers.close()


async def test_a_build_too_old_is_refused_with_what_to_do(house: House, tmp_path: Path) -> None:
    program = install(house.folder / "bin", "2024")
    program.write_text(program.read_text().replace('"$@"', '"$@" 2>&1 | sed "s/4404/3999/"'))
    servers = house.servers(LlamaConfig(binary=str(program)), dict(os.environ))
    await servers.start(house.tasks)
    with pytest.raises(Conflict, match=f"build 3999, which is too old.*{MINIMUM_BUILD} or newer") as refused:
        await servers.load(LoadRequest(library_id="lab/tiny", settings=SETTINGS))
    assert refused.value.code == "binary_missing"
    assert str(tmp_path) not in str(refused.value)
    [old, other] = servers.builds()
    assert (old.build, old.usable, other.usable) == (3999, False, False)
    await servers.close()
