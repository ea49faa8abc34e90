"""Builds without sockets are reached over a port, which somebody else may take first."""

import sys
from pathlib import Path

import msgspec
import psutil

from modelhubd.llama.discovery import Build
from modelhubd.llama.supervisor import PORTS
from modelhubd.wire.servers import ServerState
from tests.integration.llama.conftest import Lives, ended, ready

TAKES_PORTS = """
import os, pathlib, socket, sys
count, most, program = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
with count.open("a") as starts:
    starts.write("x")
if count.stat().st_size <= most:
    taken = socket.create_server(("127.0.0.1", int(program[program.index("--port") + 1])))
    over, ours = os.pipe()
    os.set_inheritable(ours, True)
    if os.fork() == 0:
        os.close(ours)
        os.read(over, 1)
        os._exit(0)
os.execv(program[0], program)
"""
"""Another process has the port of the first `most` starts, for as long as the server runs."""


def without_sockets(build: Build, folder: Path, *, taken: int) -> tuple[Build, Path]:
    """(the build, as if its help named no sockets, with the ports of so many starts taken; a file with a byte
    for each start)."""
    script, count = folder / "takes.py", folder / "starts"
    script.write_text(TAKES_PORTS)
    options = msgspec.structs.replace(build.options, text=build.options.text.replace(".sock", ""))
    program = (sys.executable, str(script), str(count), str(taken), *build.program)
    return msgspec.structs.replace(build, program=program, options=options), count


async def test_a_taken_port_is_left_for_another(
    lives: Lives, build: Build, models: Path, tmp_path: Path
) -> None:
    old, count = without_sockets(build, tmp_path, taken=1)
    life = lives.start(old, models / "tiny.gguf")
    server = await ready(life)
    assert lives.states == ["starting", "loading", "starting", "loading", "ready"]
    assert count.read_text() == "xx"
    assert life.session is not None and server.pid is not None
    asked = {"prompt": "x", "max_tokens": 2}
    async with life.session.post("/v1/completions", json=asked) as answer:
        assert answer.status == 200
    async with life.session.post("/v1/completions", json=asked, headers={"Authorization": ""}) as answer:
        assert answer.status == 401
    open_ports = psutil.Process(server.pid).net_connections("tcp")
    assert [at.laddr.ip for at in open_ports if at.status == psutil.CONN_LISTEN] == ["127.0.0.1"]
    life.ask_to_stop(0)
    await ended(life)


async def test_ports_that_are_taken_again_and_again_are_told(
    lives: Lives, build: Build, models: Path, tmp_path: Path
) -> None:
    old, count = without_sockets(build, tmp_path, taken=99)
    server = await ended(lives.start(old, models / "tiny.gguf"))
    assert server.error is not None
    assert (server.state, server.error.code) == (ServerState.FAILED, "port_in_use"), server.error
    assert len(count.read_text()) == PORTS
