"""A server that does not get on with its work is found, ended and started again; one that is slow is not."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import msgspec
import psutil
import pytest

from modelhubd.llama import process, watchdog
from modelhubd.llama.discovery import Build
from modelhubd.llama.supervisor import Life
from modelhubd.wire.servers import ServerState
from tests.fakes.tiny_gguf import ROOMY, write_chat
from tests.integration.llama.conftest import SETTINGS, Lives, ended, fake, ready

ASKED = {"prompt": "x", "max_tokens": 5}
ENDLESS = {**ASKED, "ignore_eos": True, "stream": True, "max_tokens": 100_000}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LOOK_S", 0.05)
    monkeypatch.setattr(watchdog, "HANG_S", 0.4)
    monkeypatch.setattr(watchdog, "SPIN_S", 1.0)


async def complete(life: Life, **more: object) -> None:
    assert life.session is not None
    async with life.use(), life.session.post("/v1/completions", json={**ASKED, **more}) as answer:
        while await answer.content.readany():
            pass


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("faults", [("hangs",), ("hangs", "deaf")])
async def test_a_server_that_hangs_while_it_decodes_is_started_again(
    lives: Lives, tmp_path: Path, faults: tuple[str, ...]
) -> None:
    life = lives.start(await fake(tmp_path / "bin", *faults), tmp_path / "any.gguf")
    first = await ready(life)
    with pytest.raises(aiohttp.ClientError):
        await complete(life)
    waiting = await life.until(lambda server: server.state is ServerState.STARTING, within_s=20)
    assert waiting.error is not None
    assert waiting.error.code == "timeout"
    assert "not got on with a request" in waiting.error.detail
    assert (await ready(life)).pid != first.pid
    life.ask_to_stop(0)
    await ended(life)


@pytest.mark.usefixtures("quick")
async def test_a_real_server_that_stops_in_the_middle_of_an_answer_is_started_again(
    lives: Lives, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process answers nobody and uses no processor, as one whose decoding waits for ever does; and
    no signal but SIGKILL ends it."""
    monkeypatch.setattr(process, "TERM_S", 0.3)
    monkeypatch.setattr(process, "SECOND_TERM_S", 0.1)
    model = write_chat(tmp_path / "roomy.gguf", shape=ROOMY)
    life = lives.start(build, model, msgspec.structs.replace(SETTINGS, ctx=ROOMY.n_ctx), force=True)
    first = await ready(life)
    assert first.pid is not None and life.session is not None
    async with life.use(), life.session.post("/v1/completions", json=ENDLESS) as answer:
        assert await answer.content.readany()
        os.kill(first.pid, signal.SIGSTOP)
        waiting = await life.until(lambda server: server.state is ServerState.STARTING, within_s=20)
    assert waiting.error is not None
    assert waiting.error.code == "timeout"
    assert "not got on with a request" in waiting.error.detail
    assert not psutil.pid_exists(first.pid)
    assert (await ready(life)).pid != first.pid
    await complete(life)
    life.ask_to_stop(0)
    await ended(life)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("how", ["advances", "mute"])
async def test_a_server_that_gets_on_or_does_not_tell_is_left_alone(
    lives: Lives, tmp_path: Path, how: str
) -> None:
    life = lives.start(await fake(tmp_path / "bin", "hangs", how), tmp_path / "any.gguf")
    first = await ready(life)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await complete(life)
    assert (life.server.state, life.server.pid) == (ServerState.READY, first.pid)
    life.ask_to_stop(0)
    await ended(life)


@pytest.mark.usefixtures("quick")
async def test_a_real_server_that_generates_for_long_gets_on(
    lives: Lives, build: Build, tmp_path: Path
) -> None:
    model = write_chat(tmp_path / "roomy.gguf", shape=ROOMY)
    life = lives.start(build, model, msgspec.structs.replace(SETTINGS, ctx=ROOMY.n_ctx), force=True)
    first = await ready(life)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await complete(life, **ENDLESS)
    assert (life.server.state, life.server.pid) == (ServerState.READY, first.pid)
    life.ask_to_stop(0)
    await ended(life)
