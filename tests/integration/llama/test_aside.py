"""A candidate is asked beside others on real processes: it makes nobody go, goes for everybody, and whatever
it does comes to a word and not to harm."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import psutil
import pytest

from modelhubd.errors import NotFound
from modelhubd.llama.placement import RESERVE_BYTES
from modelhubd.llama.service import Servers
from modelhubd.settings import LlamaConfig
from modelhubd.trials.candidate import Replayed, ask
from modelhubd.trials.spool import Sampled
from modelhubd.trials.turn import Outcome
from modelhubd.wire.servers import LoadRequest, LoadSettings, Server
from modelhubd.wire.trials import PairSide
from tests.fakes.llama_server import install
from tests.fakes.tiny_gguf import write_chat
from tests.integration.llama.conftest import House
from tests.running import still_running

SETTINGS = LoadSettings(ctx=512)
SAMPLED = Sampled(
    entry="1", route="/v1/chat/completions", at="2026-01-01T00:00:00.000Z", answer=b"{}",
    request=b'{"model":"x","messages":[{"role":"user","content":"hi"}],"max_tokens":4}', active=PairSide(),
)  # fmt: skip
FAULTY = {
    "dies": "dies_on_request", "hangs": "hangs", "grows": "grows", "swells": "swells", "cuts": "dies_loading",
}  # fmt: skip


@pytest.fixture
async def servers(house: House, models: Path) -> AsyncIterator[Servers]:
    """Fakes: a model called after a fault has it, every other has none."""
    cases = ""
    for name, fault in FAULTY.items():
        house.shelf.put(write_chat(house.folder / f"{name}.gguf"), name)
        cases += f'*/{name}.gguf*) exec {install(house.folder / name, fault)} "$@";;\n'
    program = house.folder / "some-server"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in\n{cases}*) exec {install(house.folder / "good")} "$@";;\nesac\n'
    )
    program.chmod(0o755)
    house.shelf.put(write_chat(house.folder / "other.gguf"), "other")
    found = house.servers(LlamaConfig(binary=str(program), drain_s=0.5), dict(os.environ))
    await found.start(house.tasks)
    yield found
    await found.close()


async def asked(servers: Servers, library_id: str, **more: float) -> Replayed:
    return await ask(servers.aside, library_id, f"trial-{library_id}", SETTINGS, SAMPLED, **more)


async def loaded(servers: Servers, library_id: str) -> Server:
    server = await servers.load(LoadRequest(library_id=library_id, settings=SETTINGS))
    return await servers.wait_ready(server.id)


async def test_whatever_a_candidate_does_the_active_one_runs_on(servers: Servers) -> None:
    active = await loaded(servers, "lib-tiny")
    for library_id, outcome, code in (
        ("lib-other", Outcome.ANSWERED, None), ("lib-dies", Outcome.FAILED, "crashed"),
        ("lib-cuts", Outcome.FAILED, "bad_model"), ("lib-hangs", Outcome.HUNG, "timeout"),
        ("lib-grows", Outcome.FAILED, "out_of_memory"), ("lib-swells", Outcome.TOO_LARGE, "out_of_memory"),
        ("lib-nothing", Outcome.FAILED, "candidate_gone"),
    ):  # fmt: skip
        replayed = await asked(servers, library_id, least_s=1)
        assert (replayed.outcome, replayed.side.error and replayed.side.error.code) == (outcome, code)
        assert replayed.is_final == (library_id == "lib-nothing")
    names = [server.name for server in servers.running()]
    assert not {"trial-lib-hangs", "trial-lib-swells"} & set(names), "what hangs or eats memory is ended"
    assert (await servers.get(active.id)).pid == active.pid
    async with servers.lease("lib-tiny") as upstream, upstream.session.get("/health") as answer:
        assert answer.status == 200


async def test_a_candidate_waits_for_memory_and_makes_nobody_go(servers: Servers, house: House) -> None:
    house.ram = RESERVE_BYTES + 100 * 1024**2
    active = await loaded(servers, "lib-tiny")
    house.ram = RESERVE_BYTES + 1024**2  # the idle active one would have to go
    replayed = await asked(servers, "lib-other")
    assert replayed.outcome is Outcome.NO_ROOM
    assert [server.id for server in servers.running()] == [active.id]


async def test_a_busy_candidate_makes_way_for_a_load_at_once(servers: Servers, house: House) -> None:
    house.ram = RESERVE_BYTES + 100 * 1024**2
    replay = asyncio.get_running_loop().create_task(asked(servers, "lib-hangs"))
    try:
        while not (beside := [one for one in servers.running() if one.yields and one.pid and one.ready_at]):
            await asyncio.sleep(0.01)
        process = psutil.Process(beside[0].pid)
        house.ram = RESERVE_BYTES + 1024**2
        with contextlib.suppress(Exception):  # the memory that is back is not this test's matter
            await loaded(servers, "lib-tiny")
        assert not still_running([process], within_s=10)
        assert (await asyncio.wait_for(replay, 10)).outcome is Outcome.INTERRUPTED
    finally:
        replay.cancel()


async def test_a_replay_is_broken_off_when_somebody_asks_another_model(servers: Servers) -> None:
    await loaded(servers, "lib-tiny")
    replay = asyncio.get_running_loop().create_task(asked(servers, "lib-hangs"))
    try:
        while not [one for one in servers.running() if one.yields and one.ready_at]:
            await asyncio.sleep(0.01)
        async with servers.lease("lib-tiny"):
            assert (await asyncio.wait_for(replay, 10)).outcome is Outcome.INTERRUPTED
            assert servers.aside.quiet_s() == 0
    finally:
        replay.cancel()


async def test_the_candidates_server_is_not_found_by_name_and_steps_aside(servers: Servers) -> None:
    await asked(servers, "lib-other")
    (beside,) = [one for one in servers.running() if one.yields]
    with pytest.raises(NotFound):
        async with servers.lease(beside.name):
            pass
    async with servers.lease("lib-other") as upstream:
        assert upstream.server.id != beside.id and not upstream.server.yields
        assert [one.id for one in servers.running()] == [upstream.server.id]


def test_what_the_gateway_has_put_in_is_put_in_again() -> None:
    from modelhubd.trials.candidate import _as_asked

    told = msgspec.structs.replace(SAMPLED, active=PairSide(confidence=0.5))
    assert _as_asked(SAMPLED) == SAMPLED.request
    assert b'"logprobs":true' in _as_asked(told)
