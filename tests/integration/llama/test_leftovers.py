"""No server outlives its daemon, and nobody else's is touched."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from modelhubd.device import boot_id, process_start_time
from modelhubd.llama import health, store
from modelhubd.llama.command import INSTANCE_VARIABLE, Endpoint
from modelhubd.llama.discovery import Build
from modelhubd.llama.health import peer_pid
from modelhubd.llama.leftovers import forget_dead_sockets
from modelhubd.llama.service import Servers
from modelhubd.llama.store import Child
from modelhubd.wire.servers import LoadRequest, LoadSettings, ServerState
from tests.fakes.llama_server import install
from tests.fakes.tiny_gguf import ROOMY, write_chat
from tests.integration.llama.conftest import House, Lives
from tests.running import still_running

LOAD = LoadRequest(library_id="lab/tiny", settings=LoadSettings(ctx=512))


def sleeper(instance: str) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
    found = subprocess.Popen(
        program,
        env={INSTANCE_VARIABLE: instance},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert found.stdout is not None
    found.stdout.readline()
    found.stdout.close()
    return found


@pytest.mark.parametrize(
    ("instance", "started_by", "boot", "is_ours"),
    [
        ("mine", 0.0, None, True),
        ("another", 0.0, None, False),
        ("mine", -5.0, None, False),
        ("mine", 0.0, "an earlier boot", False),
    ],
)
async def test_only_a_leftover_that_is_certainly_ours_is_ended(
    house: House, instance: str, started_by: float, boot: str | None, is_ours: bool
) -> None:
    process = sleeper(instance)
    started = process_start_time(process.pid)
    assert started is not None
    child = Child(
        instance="mine", boot_id=boot or boot_id(), pid=process.pid, process_started=started + started_by
    )
    async with house.database.transaction() as tx:
        await store.put(tx, "0123456789abcdef", ServerState.READY, child)
    servers = house.servers()
    await servers.start(house.tasks)
    assert (process_start_time(process.pid) is None) is is_ours
    assert await store.children(house.database.reader) == {}
    if not is_ours:
        process.kill()
    assert process.wait(20) == (-signal.SIGTERM if is_ours else -signal.SIGKILL)
    await servers.close()


async def test_a_leftover_whose_pid_was_never_written_is_found_through_its_socket(
    house: House, tmp_path: Path
) -> None:
    path = str(tmp_path / "a.sock")
    process = subprocess.Popen(
        [str(install(tmp_path / "bin")), "--host", path],
        env={**os.environ, INSTANCE_VARIABLE: "mine"},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    async with asyncio.timeout(30):
        while peer_pid(path) != process.pid:
            await asyncio.sleep(0.02)
    async with house.database.transaction() as tx:
        child = Child(instance="mine", boot_id=boot_id(), socket=path)
        await store.put(tx, "0123456789abcdef", ServerState.STARTING, child)
    servers = house.servers()
    await servers.start(house.tasks)
    assert process.wait(20) == -signal.SIGTERM
    await servers.close()


async def test_a_leftover_that_ignores_sigterm_is_killed(house: House) -> None:
    program = "import signal, time; signal.signal(15, 1); print('up', flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env={INSTANCE_VARIABLE: "mine"},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    started = process_start_time(process.pid)
    async with house.database.transaction() as tx:
        child = Child(instance="mine", boot_id=boot_id(), pid=process.pid, process_started=started)
        await store.put(tx, "0123456789abcdef", ServerState.READY, child)
    servers = house.servers()
    await servers.start(house.tasks)
    assert process.wait(20) == -signal.SIGKILL
    await servers.close()


async def test_dead_sockets_are_cleared_away_and_others_stay(house: House, servers: Servers) -> None:
    run = house.folder / "run"
    for name in ("0badcafe.sock", "modelhub.sock"):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(run / name))
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(run / "00000000.sock"))
        alive.listen()
        forget_dead_sockets(run)
        assert {path.name for path in run.iterdir()} == {"00000000.sock", "modelhub.sock"}


DAEMON = """
import asyncio, os, sys
from pathlib import Path
from modelhubd.llama.process import Process
from modelhubd.tasks import TaskOwner

async def main():
    async with TaskOwner("t") as tasks:
        process = await Process.start(sys.argv[1:], dict(os.environ), tasks, lambda data: None)
        print(process.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@contextlib.contextmanager
def doomed(socket_path: Path, *program: str) -> Iterator[psutil.Process]:
    """The server of a daemon that is killed at the end of the block."""
    daemon = subprocess.Popen(
        [sys.executable, "-c", DAEMON, *program, "--host", str(socket_path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "LLAMA_SERVER_ROUTER_PORT": "1"},
    )
    assert daemon.stdout is not None
    server = psutil.Process(int(daemon.stdout.readline()))
    daemon.stdout.close()
    end = time.monotonic() + 30
    while peer_pid(str(socket_path)) != server.pid and time.monotonic() < end:
        time.sleep(0.02)
    assert server.is_running()
    try:
        yield server
    finally:
        daemon.kill()
        daemon.wait(20)
        alive = still_running([server], within_s=10)
        for process in alive:
            process.kill()
    assert not alive


@pytest.mark.parametrize("faults", [(), ("ignores_term",), ("talking",)])
def test_a_server_dies_with_the_daemon_that_was_killed(tmp_path: Path, faults: tuple[str, ...]) -> None:
    with doomed(tmp_path / "a.sock", str(install(tmp_path / "bin", *faults))):
        pass


async def test_a_real_server_dies_with_the_daemon_while_it_generates(tmp_path: Path, build: Build) -> None:
    model = write_chat(tmp_path / "roomy.gguf", shape=ROOMY)
    path = tmp_path / "a.sock"
    options = ("-m", str(model), "-c", str(ROOMY.n_ctx), "-np", "1", "-t", "1", "--cache-ram", "0")
    body = {"prompt": "x", "stream": True, "ignore_eos": True, "max_tokens": 100_000}
    with doomed(path, *build.program, *options) as server:
        async with (
            health.open_session(Endpoint(socket=str(path))) as session,
            session.post("/v1/completions", json=body) as answer,
        ):
            assert await answer.content.readany()
            assert server.is_running()


async def test_the_builtin_server_ends_in_order_with_its_stdin_while_it_generates(
    lives: Lives, builtin: Build, tmp_path: Path
) -> None:
    """Ten times, for llama.cpp's own way out was a matter of luck."""
    model = write_chat(tmp_path / "roomy.gguf", shape=ROOMY)
    endpoint = Endpoint(socket=str(tmp_path / "a.sock"))
    options = ("-m", str(model), "-c", str(ROOMY.n_ctx), "-t", "1", "--host", str(endpoint.socket))
    body = {"prompt": "x", "stream": True, "ignore_eos": True, "max_tokens": 100_000}
    for _ in range(10):
        process = subprocess.Popen(
            [*builtin.program, *options, "-np", "1", "--cache-ram", "0"],
            env={**os.environ, "LLAMA_SERVER_ROUTER_PORT": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        async with health.open_session(endpoint) as session, asyncio.timeout(30):
            while not await health.is_ready(session, endpoint, process.pid):
                await asyncio.sleep(0.02)
            async with session.post("/v1/completions", json=body) as answer:
                assert await answer.content.readany()
                process.stdin.write(b"what nobody reads")
                process.stdin.close()
                assert await asyncio.to_thread(process.wait, 20) == 1
        Path(endpoint.socket or "").unlink()


async def test_another_server_with_the_same_name_and_command_line_is_not_touched(
    servers: Servers, house: House, tmp_path: Path
) -> None:
    """Not at the start, not when ours stops, and not when the daemon ends."""
    ours = await servers.wait_ready((await servers.load(LOAD)).id)
    assert ours.pid is not None
    words = psutil.Process(ours.pid).cmdline()
    path = words[words.index("--host") + 1]
    theirs = str(tmp_path / "theirs.sock")
    with stranger([theirs if word == path else word for word in words]) as foreign:
        async with asyncio.timeout(30):
            while peer_pid(theirs) != foreign.pid:
                await asyncio.sleep(0.02)
        (child,) = (await store.children(house.database.reader)).values()
        await servers.close()
        for mistaken in (
            msgspec.structs.replace(child, pid=foreign.pid),
            msgspec.structs.replace(child, pid=None, socket=theirs, process_started=None),
            msgspec.structs.replace(child, pid=ours.pid),
        ):
            async with house.database.transaction() as tx:
                await store.put(tx, ours.id, ServerState.READY, mistaken)
            again = house.servers()
            await again.start(house.tasks)
            assert await store.children(house.database.reader) == {}
            await again.close()
        assert foreign.poll() is None
        assert peer_pid(theirs) == foreign.pid


@contextlib.contextmanager
def stranger(program: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Somebody else's process."""
    environ = {**os.environ, INSTANCE_VARIABLE: "of another"}
    foreign = subprocess.Popen(
        program, env=environ, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield foreign
    finally:
        foreign.kill()
        foreign.communicate()
