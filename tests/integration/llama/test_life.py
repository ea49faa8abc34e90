"""One server from start to end, on the wheel's real server and on programs that misbehave."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from pathlib import Path

import aiohttp
import msgspec
import psutil
import pytest

from modelhubd.device import process_start_time
from modelhubd.llama import health, loading
from modelhubd.llama.command import INHERITED, INSTANCE_VARIABLE, Endpoint
from modelhubd.llama.discovery import Build
from modelhubd.llama.logs import BURST_BYTES, FILE_BYTES
from modelhubd.llama.process import Process
from modelhubd.llama.supervisor import Life
from modelhubd.wire.servers import ServerState
from tests.fakes.llama_server import install
from tests.fakes.tiny_gguf import SENTENCE, write_faulty
from tests.integration.llama.conftest import SETTINGS, Lives, ended, fake, ready
from tests.running import still_running

ASKED = {"model": "x", "messages": [{"role": "user", "content": "hi"}], "temperature": 0, "max_tokens": 30}


async def complete(life: Life, **more: object) -> str:
    assert life.session is not None
    async with life.session.post("/v1/chat/completions", json={**ASKED, **more}) as answer:
        assert answer.status == 200, await answer.text()
        content = (await answer.json())["choices"][0]["message"]["content"]
        return str(content)


async def test_a_model_is_loaded_answers_and_stops(lives: Lives, build: Build, models: Path) -> None:
    life = lives.start(build, models / "tiny.gguf")
    server = await ready(life)
    assert await complete(life) == SENTENCE
    assert server.memory.measured_bytes is not None
    assert server.pid is not None
    assert server.endpoint == "/v1"
    life.ask_to_stop(1)
    assert (await ended(life)).state is ServerState.STOPPED
    assert lives.states == ["starting", "loading", "ready", "draining", "stopped"]
    assert not psutil.pid_exists(server.pid)
    assert list(lives.folder.glob("*.sock")) == []
    assert any("model loaded" in line for line in life.log.tail(100))


def held_open(pid: int) -> list[str]:
    """What the descriptors of a process stand for."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(link))
    return found


async def test_a_server_gets_nothing_that_it_need_not_have_and_is_closed_to_others(
    lives: Lives, build: Build, models: Path
) -> None:
    secrets = {
        "LLAMA_ARG_CTX_SIZE": "256",
        "LLAMA_ARG_HOST": "0.0.0.0",
        "LLAMA_API_KEY": "of the daemon's owner",
        "AIP_MODE": "PREDICTION",
        "HF_TOKEN": "hf_secret",
        "MODELHUB_HOME": "/elsewhere",
        "LD_PRELOAD": "/nowhere.so",
        "PYTHONPATH": "/nowhere",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    lives.around = msgspec.structs.replace(lives.around, environ=dict(os.environ) | secrets)
    with (lives.folder / "database").open("wb") as ours:
        os.set_inheritable(ours.fileno(), True)
        life = lives.start(build, models / "tiny.gguf")
        server = await ready(life)
        assert server.pid is not None
        assert not [name for name in held_open(server.pid) if name.endswith("/database")]
    (path,) = lives.folder.glob("*.sock")
    assert path.stat().st_mode & 0o777 in (0o700, 0o600)
    process = psutil.Process(server.pid)
    assert process.cwd() == "/"
    assert os.getsid(server.pid) == server.pid
    assert process.environ().keys() <= {*INHERITED, "LLAMA_SERVER_ROUTER_PORT", INSTANCE_VARIABLE}
    assert process.net_connections("tcp") == []
    assert life.session is not None
    async with life.session.get("/props") as answer:
        assert (await answer.json())["default_generation_settings"]["n_ctx"] == 512
    life.ask_to_stop(0)
    await ended(life)


async def test_how_far_a_load_is_is_told_as_it_goes_and_no_longer_than_it_lasts(
    lives: Lives, tmp_path: Path
) -> None:
    told: asyncio.Queue[float | None] = asyncio.Queue()
    lives.around = msgspec.structs.replace(
        lives.around, used=lambda server, in_flight: told.put_nowait(server.load_progress)
    )
    life = lives.start(await fake(tmp_path / "bin", "tells"), tmp_path / "any.gguf")
    async with asyncio.timeout(30):
        assert await told.get() == 0.5
    assert (life.server.state, life.server.load_progress) == (ServerState.LOADING, 0.5)
    life.ask_to_stop(0)
    assert (await ended(life)).load_progress is None


async def test_a_real_server_tells_how_far_its_load_is(lives: Lives, build: Build, models: Path) -> None:
    life = lives.start(build, models / "tiny.gguf")
    assert (await ready(life)).load_progress is None
    async with asyncio.timeout(30):
        while life.log.progress != 1.0:  # it may answer before what it has said is read
            await asyncio.wait([life.log.changed], timeout=0.1)
    assert not [line for line in life.log.tail(100) if "cmd_child_to_router" in line]
    life.ask_to_stop(0)
    await ended(life)


async def test_what_recognises_the_process_is_saved_before_and_after_the_start(
    lives: Lives, build: Build, models: Path
) -> None:
    life = lives.start(build, models / "tiny.gguf")
    server = await ready(life)
    before, after = lives.saved[0][1], lives.saved[-1][1]
    assert (before.pid, before.socket, before.instance) == (None, after.socket, after.instance)
    assert after.pid == server.pid
    assert server.pid is not None
    assert after.process_started == process_start_time(server.pid)
    life.ask_to_stop(0)
    await ended(life)


@pytest.mark.parametrize(
    ("fault", "code"),
    [("architecture", "unsupported_architecture"), ("truncated", "bad_model"), ("magic", "bad_model")],
)
async def test_a_file_that_the_server_cannot_load_fails_with_the_reason(
    lives: Lives, build: Build, tmp_path: Path, fault: str, code: str
) -> None:
    life = lives.start(build, write_faulty(tmp_path / "broken.gguf", fault))
    server = await ended(life)
    assert server.state is ServerState.FAILED
    assert server.error is not None
    assert server.error.code == code
    assert server.error.log_tail
    assert str(tmp_path) not in repr(server.error)
    assert server.pid is None


async def test_requests_in_flight_are_waited_for(lives: Lives, build: Build, models: Path) -> None:
    life = lives.start(build, models / "tiny.gguf")
    await ready(life)
    async with life.use():
        life.ask_to_stop(5)
        await life.until(lambda server: server.state is ServerState.DRAINING, within_s=20)
        assert await complete(life) == SENTENCE
    assert (await ended(life)).state is ServerState.STOPPED


async def test_an_idle_server_ends_after_its_time_to_live(lives: Lives, build: Build, models: Path) -> None:
    life = lives.start(build, models / "tiny.gguf", msgspec.structs.replace(SETTINGS, ttl_s=1))
    await ready(life)
    async with life.use():
        await asyncio.sleep(1.3)
        assert life.server.state is ServerState.READY
    began = time.monotonic()
    assert (await ended(life)).state is ServerState.STOPPED
    assert 0.8 < time.monotonic() - began < 15


async def test_a_server_that_crashes_after_it_was_ready_is_started_again(
    lives: Lives, tmp_path: Path
) -> None:
    life = lives.start(await fake(tmp_path / "bin", "dies_on_request"), tmp_path / "any.gguf")
    first = await ready(life)
    with pytest.raises(aiohttp.ClientError):
        await complete(life)
    await life.until(lambda server: server.state is ServerState.STARTING, within_s=20)
    second = await ready(life)
    assert second.pid != first.pid
    assert lives.states == ["starting", "loading", "ready", "starting", "loading", "ready"]
    life.ask_to_stop(0)
    await ended(life)


async def test_a_server_that_was_killed_is_not_started_again(lives: Lives, tmp_path: Path) -> None:
    life = lives.start(await fake(tmp_path / "bin", "killed"), tmp_path / "any.gguf")
    await ready(life)
    with pytest.raises(aiohttp.ClientError):
        await complete(life)
    server = await ended(life)
    assert server.error is not None
    assert server.error.code == "killed"


async def test_a_stop_is_heard_while_a_restart_is_waited_for(lives: Lives, tmp_path: Path) -> None:
    life = lives.start(await fake(tmp_path / "bin", "dies_on_request"), tmp_path / "any.gguf")
    await ready(life)
    with pytest.raises(aiohttp.ClientError):
        await complete(life)
    await life.until(lambda server: server.state is ServerState.STARTING, within_s=20)
    life.ask_to_stop(0)
    assert (await ended(life)).state is ServerState.STOPPED


async def test_a_server_that_dies_while_loading_is_not_started_again(lives: Lives, tmp_path: Path) -> None:
    life = lives.start(await fake(tmp_path / "bin", "dies_loading"), tmp_path / "any.gguf")
    server = await ended(life)
    assert server.error is not None
    assert server.error.code == "bad_model"
    assert "missing tensor" in server.error.detail
    assert lives.states == ["starting", "loading", "failed"]


async def test_a_loading_server_that_says_nothing_is_given_up(
    lives: Lives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "STALL_S", 0.5)
    life = lives.start(await fake(tmp_path / "bin", "silent"), tmp_path / "any.gguf")
    server = await ended(life)
    assert server.error is not None
    assert server.error.code == "timeout"


async def test_a_loading_server_that_talks_is_not_given_up_and_can_be_stopped(
    lives: Lives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "STALL_S", 3.0)
    life = lives.start(await fake(tmp_path / "bin", "talking"), tmp_path / "any.gguf")
    with pytest.raises(TimeoutError):
        await life.until(lambda server: server.state.ended, within_s=5.0)
    life.ask_to_stop(0)
    assert (await ended(life)).state is ServerState.STOPPED


async def test_a_load_that_takes_far_more_memory_than_expected_is_stopped(
    lives: Lives, tmp_path: Path
) -> None:
    life = lives.start(await fake(tmp_path / "bin", "grows"), tmp_path / "any.gguf")
    server = await ended(life)
    assert server.error is not None
    assert server.error.code == "out_of_memory"
    assert "20.0 MB were expected" in server.error.detail


async def test_a_server_that_ignores_sigterm_is_killed(lives: Lives, tmp_path: Path) -> None:
    life = lives.start(await fake(tmp_path / "bin", "ignores_term"), tmp_path / "any.gguf")
    await ready(life)
    began = time.monotonic()
    life.ask_to_stop(0)
    assert (await ended(life)).state is ServerState.STOPPED
    assert 2.9 < time.monotonic() - began < 20


async def test_what_a_server_has_forked_goes_with_it(lives: Lives, tmp_path: Path) -> None:
    life = lives.start(await fake(tmp_path / "bin", "forks", "dies_on_request"), tmp_path / "any.gguf")
    server = await ready(life)
    assert server.pid is not None
    (forked,) = psutil.Process(server.pid).children()
    os.kill(server.pid, signal.SIGKILL)
    assert (await ended(life)).error is not None
    assert not still_running([forked], within_s=10)


async def test_a_log_that_goes_on_after_the_server_holds_up_nothing(lives: Lives, tmp_path: Path) -> None:
    life = lives.start(await fake(tmp_path / "bin", "babbles"), tmp_path / "any.gguf")
    server = await ready(life)
    assert server.pid is not None
    babbling = psutil.Process(server.pid).children()
    life.ask_to_stop(0)
    began = time.monotonic()
    assert (await ended(life)).state is ServerState.STOPPED
    assert time.monotonic() - began < 20
    assert not still_running(babbling, within_s=10), "its pipe has no reader any more"


async def test_a_time_to_live_of_nothing_leaves_time_for_the_first_request(
    lives: Lives, build: Build, models: Path
) -> None:
    life = lives.start(build, models / "tiny.gguf", msgspec.structs.replace(SETTINGS, ttl_s=0))
    await ready(life)
    async with life.use():
        assert await complete(life) == SENTENCE
    assert (await ended(life)).state is ServerState.STOPPED


async def test_a_server_that_floods_its_log_still_answers(lives: Lives, tmp_path: Path) -> None:
    life = lives.start(await fake(tmp_path / "bin", "floods"), tmp_path / "any.gguf")
    await ready(life)
    async with asyncio.timeout(60):
        while life.log.bytes_seen < 4 * BURST_BYTES:
            assert await complete(life) == "fake"
    life.log.settle()
    assert any("bytes left out: too much at once" in line for line in life.log.tail(2000))
    life.ask_to_stop(0)
    await ended(life)
    assert sum(path.stat().st_size for path in lives.folder.glob("*.log*")) <= 2 * FILE_BYTES


async def test_an_old_build_is_reached_over_a_port_with_a_key(lives: Lives, tmp_path: Path) -> None:
    life = lives.start(await fake(tmp_path / "bin", "old"), tmp_path / "any.gguf")
    server = await ready(life)
    assert await complete(life) == "fake"
    assert server.pid is not None
    process = psutil.Process(server.pid)
    key = process.environ()["LLAMA_API_KEY"]
    assert len(key) >= 32
    assert key not in " ".join(process.cmdline())
    life.ask_to_stop(0)
    await ended(life)


async def test_a_program_that_cannot_be_run_says_so(lives: Lives, builtin: Build, tmp_path: Path) -> None:
    build = msgspec.structs.replace(builtin, program=(str(tmp_path / "gone"),))
    server = await ended(lives.start(build, tmp_path / "any.gguf"))
    assert server.error is not None
    assert server.error.code == "binary_missing"


async def is_ready_soon(endpoint: Endpoint, pid: int) -> bool:
    async with health.open_session(endpoint) as session, asyncio.timeout(30):
        while not await health.is_ready(session, endpoint, pid):
            await asyncio.sleep(0.02)
    return True


async def test_another_process_on_the_socket_is_not_taken_for_the_server(
    lives: Lives, tmp_path: Path
) -> None:
    endpoint = Endpoint(socket=str(tmp_path / "a.sock"))
    program = [str(install(tmp_path / "bin")), "--host", str(endpoint.socket)]
    process = await Process.start(program, dict(os.environ), lives.tasks, lambda data: None)
    assert await is_ready_soon(endpoint, process.pid)
    async with health.open_session(endpoint) as session:
        assert not await health.is_ready(session, endpoint, process.pid + 1)
    await process.stop()
    assert health.peer_pid(str(endpoint.socket)) is None


async def test_a_program_on_our_port_that_does_not_know_our_key_is_not_ours(
    lives: Lives, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    program = [str(install(tmp_path / "bin")), "--host", "127.0.0.1", "--port", str(port)]
    endpoint = Endpoint(port=port, api_key="secret")
    for key, is_ours in (("secret", True), ("", False)):
        environ = {**os.environ, "LLAMA_API_KEY": key}
        process = await Process.start(program, environ, lives.tasks, lambda data: None)
        async with asyncio.timeout(30):
            while not await answers(port):
                await asyncio.sleep(0.02)
        async with health.open_session(endpoint) as session:
            assert await health.is_ready(session, endpoint, process.pid) is is_ours
        await process.stop()


async def answers(port: int) -> bool:
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(f"http://127.0.0.1:{port}/health") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False
