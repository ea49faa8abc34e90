"""Many at once: who waits, who is told to come back, who gives up, and what is held meanwhile."""

import asyncio
import contextlib
import io
import json
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import openai
import pytest

from modelhubd.gateway import bodies
from modelhubd.llama.service import Servers
from modelhubd.metrics.children import children
from modelhubd.wire.servers import LoadRequest, LoadSettings
from tests.fakes.tiny_gguf import ROOMY, SENTENCE, write_chat
from tests.integration.llama.conftest import House, on_both_kinds
from tests.integration.llama.serving import Serving, serving, serving_fakes

MESSAGES: Any = [{"role": "user", "content": "hi"}]
ASKED = {"model": "lab/tiny", "messages": MESSAGES, "temperature": 0}
LONG = ASKED | {"stream": True, "ignore_eos": True, "max_tokens": 100_000}


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.005)


async def figure(servers: Servers, name: str) -> float:
    """What the only server says of itself."""
    for family in await children(servers.upstreams()):
        if family.name == f"llamacpp:{name}":
            return family.samples[0].value
    raise AssertionError(f"the server does not tell {name}")


async def reached(servers: Servers, name: str, value: float) -> None:
    async with asyncio.timeout(60):
        while await figure(servers, name) != value:
            await asyncio.sleep(0.01)


@pytest.fixture
async def gate(servers: Servers, house: House) -> AsyncIterator[Serving]:
    async with serving(servers, house) as found:
        yield found


@on_both_kinds
async def test_sixty_four_streams_load_the_model_once_and_all_come_to_their_end(gate: Serving) -> None:
    async def ask(client: openai.AsyncOpenAI) -> str:
        stream = await client.chat.completions.create(
            model="lab/tiny", messages=MESSAGES, temperature=0, stream=True
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    async with gate.client() as client:
        answers = await asyncio.gather(*(ask(client) for _ in range(64)))
    assert answers == [SENTENCE] * 64
    assert len(gate.servers.running()) == 1
    assert gate.gateway.traffic.answered == {("lab/tiny", 200): 64}
    assert gate.gateway.traffic.tokens["lab/tiny", "generated"] == 64 * 8
    assert not gate.gateway.traffic.waiting + gate.gateway.traffic.answering
    assert gate.gateway.bodies.held_bytes == 0


async def load_roomy(gate: Serving, house: House, folder: Path) -> None:
    """A model with one slot, whose answer would go on for minutes."""
    house.shelf.put(write_chat(folder / "roomy.gguf", shape=ROOMY))
    settings = LoadSettings(ctx=ROOMY.n_ctx, parallel=1)
    server = await gate.servers.load(LoadRequest(library_id="lab/tiny", settings=settings))
    await gate.servers.wait_ready(server.id)


async def test_whoever_gives_up_while_waiting_for_a_slot_keeps_nobody_from_it(
    gate: Serving, house: House, tmp_path: Path
) -> None:
    await load_roomy(gate, house, tmp_path)
    url = f"{gate.url}/v1/chat/completions"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json=LONG) as first:
            assert await first.content.readany()
            second = asyncio.ensure_future(session.post(url, json=LONG))
            await reached(gate.servers, "requests_deferred", 1)
            second.cancel()
            await until(lambda: not gate.gateway.traffic.waiting)
        async with asyncio.timeout(60), session.post(url, json=ASKED) as third:
            assert (await third.json())["choices"][0]["message"]["content"] == SENTENCE


async def test_whoever_gives_up_an_answer_that_is_not_streamed_frees_the_slot(
    gate: Serving, house: House, tmp_path: Path
) -> None:
    """llama-server looks for that once in a second in which nothing else has happened: whoever asks it more
    often how it is keeps it from looking."""
    await load_roomy(gate, house, tmp_path)
    async with aiohttp.ClientSession() as session:
        asking = asyncio.ensure_future(
            session.post(f"{gate.url}/v1/chat/completions", json=LONG | {"stream": False})
        )
        await reached(gate.servers, "requests_processing", 1)
        asking.cancel()
        async with asyncio.timeout(60):
            while await figure(gate.servers, "requests_processing"):
                await asyncio.sleep(2)


async def test_more_than_may_wait_are_told_to_come_back(house: House) -> None:
    """The server never gets ready."""
    async with serving_fakes(house, "talking", max_waiting=2) as gate, aiohttp.ClientSession() as session:

        async def ask() -> aiohttp.ClientResponse:
            return await session.post(f"{gate.url}/v1/chat/completions", json=ASKED)

        waiting = [asyncio.ensure_future(ask()) for _ in range(2)]
        await until(lambda: gate.gateway.traffic.waiting["lab/tiny"] == 2)
        async with await ask() as refused:
            assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
            assert (await refused.json())["error"]["code"] == "too_many_waiting"
        waiting[0].cancel()
        await until(lambda: gate.gateway.traffic.waiting["lab/tiny"] == 1)
        waiting[0] = asyncio.ensure_future(ask())
        await until(lambda: gate.gateway.traffic.waiting["lab/tiny"] == 2)
        for request in waiting:
            request.cancel()
        await until(lambda: not gate.gateway.traffic.waiting)
        assert gate.gateway.bodies.held_bytes == 0


async def test_large_bodies_are_held_up_to_a_limit_in_all(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MAX_HELD_BYTES", 3_000_000)
    large = json.dumps(ASKED | {"image": "x" * 2_000_000}).encode()
    async with serving_fakes(house, "talking") as gate, aiohttp.ClientSession() as session:
        first = asyncio.ensure_future(session.post(f"{gate.url}/v1/chat/completions", data=io.BytesIO(large)))
        await until(lambda: gate.gateway.traffic.waiting.total() == 1)
        assert gate.gateway.bodies.held_bytes == len(large)
        async with session.post(f"{gate.url}/v1/chat/completions", data=io.BytesIO(large)) as refused:
            assert refused.status == 503
            assert (await refused.json())["error"]["code"] == "too_busy"
        assert gate.gateway.bodies.held_bytes == len(large)
        first.cancel()
        await until(lambda: gate.gateway.bodies.held_bytes == 0)


async def test_a_body_of_endless_small_values_is_refused(
    gate: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MAX_SKELETON_BYTES", 10_000)
    async with aiohttp.ClientSession() as session:
        for values, status in ((b"1," * 10_000, 413), (b'"' + b"1," * 10_000 + b'",', 422)):
            body = b'{"prompt":[' + values + b"1]}"
            async with session.post(f"{gate.url}/v1/completions", data=body) as answer:
                assert answer.status == status


async def test_a_body_that_does_not_come_is_not_waited_for(
    gate: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "PIECE_S", 0.1)
    parts = urlsplit(gate.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, family=socket.AF_INET)
    writer.write(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"body_too_slow" in await reader.read(1000)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    assert gate.gateway.bodies.held_bytes == 0


async def test_one_who_sends_a_large_body_holds_nobody_else_up(gate: Serving) -> None:
    """While 60 MB come in, the loop is never away from others for as long as all of them would take."""
    await gate.servers.wait_ready((await gate.servers.load(LoadRequest(library_id="lab/tiny"))).id)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    body = json.dumps({"image": '"\\\n' * 10_000_000, "model": "lab/nothing"}).encode()
    counting = asyncio.ensure_future(others())
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gate.url}/v1/completions", data=io.BytesIO(body)) as answer,
    ):
        assert answer.status == 404
    counting.cancel()
    assert turns > len(body) / bodies.STEP_BYTES / 2
