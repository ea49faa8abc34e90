"""The official OpenAI client, unchanged, against the gateway and a real server."""

import asyncio
import hashlib
import io
import json
import os
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import openai
import pytest
from aiohttp import web

from modelhubd.gateway import bodies, proxy
from modelhubd.gateway.proxy import Gateway
from modelhubd.llama import health
from modelhubd.llama.service import Servers
from modelhubd.settings import LlamaConfig
from modelhubd.wire.servers import LoadRequest, LoadSettings
from tests.fakes.llama_server import install
from tests.fakes.tiny_gguf import ROOMY, SENTENCE, THOUGHTS, write_chat, write_embedding, write_faulty
from tests.integration.llama.conftest import House, on_both_kinds

MESSAGES = [{"role": "user", "content": "hi"}]
LONG = {"model": "lab/tiny", "messages": MESSAGES, "stream": True, "ignore_eos": True, "max_tokens": 100_000}


async def serve(servers: Servers, house: House) -> tuple[web.AppRunner, str]:
    app = web.Application()
    for method, path, handler in Gateway(servers, house.shelf.all).routes():
        app.router.add_route(method, path, handler)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    return runner, f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
async def url(servers: Servers, house: House) -> AsyncIterator[str]:
    runner, found = await serve(servers, house)
    yield found
    await runner.cleanup()


@pytest.fixture
async def client(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="token", max_retries=0, timeout=20) as found:
        yield found


async def busy(servers: Servers) -> int:
    async with servers.lease("lab/tiny") as upstream:
        return await health.busy_slots(upstream.session) or 0


@on_both_kinds
async def test_a_chat_loads_the_model_and_is_answered(client: openai.AsyncOpenAI, servers: Servers) -> None:
    answer = await client.chat.completions.create(
        model="lab/tiny", messages=[{"role": "user", "content": "hi"}], temperature=0, max_tokens=20
    )
    assert answer.choices[0].message.content == SENTENCE
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 8
    assert list(servers.loaded()) == ["lib-tiny"]


@on_both_kinds
async def test_a_streamed_chat_comes_in_pieces(client: openai.AsyncOpenAI) -> None:
    pieces = [
        chunk.choices[0].delta.content
        async for chunk in await client.chat.completions.create(
            model="lab/tiny", messages=[{"role": "user", "content": "hi"}], temperature=0, stream=True
        )
        if chunk.choices
    ]
    assert "".join(piece or "" for piece in pieces) == SENTENCE
    assert len([piece for piece in pieces if piece]) >= 5


@on_both_kinds
async def test_completions_and_logprobs_pass_through(client: openai.AsyncOpenAI) -> None:
    answer = await client.completions.create(
        model="lab/tiny", prompt="Hello", temperature=0, max_tokens=3, logprobs=2
    )
    assert answer.choices[0].text == " from a tiny"
    assert answer.choices[0].logprobs is not None


@on_both_kinds
async def test_thoughts_are_kept_apart(client: openai.AsyncOpenAI, house: House, tmp_path: Path) -> None:
    house.shelf.put(write_chat(tmp_path / "thinking.gguf", thinking=True), "thinking")
    answer = await client.chat.completions.create(
        model="lab/thinking", messages=[{"role": "user", "content": "hi"}], temperature=0, max_tokens=40
    )
    message = answer.choices[0].message
    assert (message.content, message.model_extra) == (SENTENCE, {"reasoning_content": THOUGHTS})


@on_both_kinds
async def test_embeddings_pass_through(client: openai.AsyncOpenAI, house: House, tmp_path: Path) -> None:
    house.shelf.put(write_embedding(tmp_path / "embed.gguf"), "embed")
    answer = await client.embeddings.create(model="lab/embed", input=["one", "two"])
    assert [len(item.embedding) for item in answer.data] == [64, 64]


@on_both_kinds
async def test_models_are_listed_before_and_after_they_are_loaded(
    client: openai.AsyncOpenAI, servers: Servers
) -> None:
    assert [model.id async for model in client.models.list()] == ["lab/tiny", "lab/tiny@1:gguf-f16"]
    await servers.load(LoadRequest(library_id="lab/tiny", name="mine"))
    assert "mine" in [model.id async for model in client.models.list()]
    assert (await client.models.retrieve("lab/tiny")).owned_by == "lab"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("lab/nothing")


@on_both_kinds
async def test_refusals_reach_the_client_as_its_own_errors(
    client: openai.AsyncOpenAI, house: House, tmp_path: Path
) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.completions.create(model="lab/nothing", prompt="x")
    assert unknown.value.code == "model_not_found"
    house.shelf.put(write_faulty(tmp_path / "broken.gguf", "magic"), "broken")
    with pytest.raises(openai.InternalServerError) as broken:
        await client.completions.create(model="lab/broken", prompt="x")
    assert broken.value.status_code == 502
    assert broken.value.code == "bad_model"
    with pytest.raises(openai.BadRequestError):
        await client.completions.create(model="lab/tiny", prompt="x", extra_body={"prompt": {"no": 1}})


@on_both_kinds
async def test_a_client_that_goes_away_frees_the_slot(
    url: str, servers: Servers, house: House, tmp_path: Path
) -> None:
    """The whole answer would take far longer than the slot may stay busy."""
    house.shelf.put(write_chat(tmp_path / "roomy.gguf", shape=ROOMY))
    server = await servers.load(LoadRequest(library_id="lab/tiny", settings=LoadSettings(ctx=ROOMY.n_ctx)))
    await servers.wait_ready(server.id)
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{url}/v1/chat/completions", json=LONG) as answer:
            assert await answer.content.readany()
            assert await busy(servers) == 1
        gone = time.monotonic()
        async with asyncio.timeout(30):
            while await busy(servers):
                await asyncio.sleep(0.005)
    assert time.monotonic() - gone < 5


@on_both_kinds
async def test_a_stream_whose_server_is_unloaded_is_cut_off(url: str, servers: Servers) -> None:
    server = await servers.load(LoadRequest(library_id="lab/tiny", settings=LoadSettings(ctx=4096)))
    await servers.wait_ready(server.id)
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/chat/completions", json=LONG) as answer,
    ):
        assert await answer.content.readany()
        unloading = asyncio.ensure_future(servers.unload(server.id))
        with pytest.raises(aiohttp.ClientError):
            while await answer.content.readany():
                pass
        await unloading


async def test_a_server_that_dies_before_its_answer_is_told_as_unavailable(house: House) -> None:
    binary = str(install(house.folder / "bin", "dies_on_request"))
    servers = house.servers(LlamaConfig(binary=binary, drain_s=0), dict(os.environ))
    await servers.start(house.tasks)
    runner, url = await serve(servers, house)
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/completions", json={"model": "lab/tiny", "prompt": "x"}) as answer,
    ):
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "1"
        assert (await answer.json())["error"]["code"] == "server_gone"
    await runner.cleanup()
    await servers.close()


async def test_bytes_pass_both_ways_as_they_are_and_as_they_come(house: House, tmp_path: Path) -> None:
    binary = str(install(house.folder / "bin", "streams"))
    servers = house.servers(LlamaConfig(binary=binary, drain_s=0), dict(os.environ))
    await servers.start(house.tasks)
    runner, url = await serve(servers, house)
    pieces = [b"data: {\xc3", b"\xa9}\r\n", b"\r\n\x00\xff", b"data: [DONE]"]
    gate = tmp_path / "gate"
    asked = {"model": "lab/tiny", "pieces": [piece.hex() for piece in pieces], "gate": str(gate)}
    body = json.dumps(asked | {"image": "é" * 4_000_000}, indent=3).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/chat/completions", data=io.BytesIO(body)) as answer,
    ):
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert await answer.content.readany() == pieces[0]
        gate.touch()
        digest = hashlib.sha256(body).hexdigest()
        assert await answer.content.read() == b"".join(pieces[1:]) + f": {digest}\n\n".encode()
    await runner.cleanup()
    await servers.close()


async def test_a_client_that_does_not_read_is_cut_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "READER_S", 0.2)
    binary = str(install(house.folder / "bin", "streams"))
    servers = house.servers(LlamaConfig(binary=binary, drain_s=0), dict(os.environ))
    await servers.start(house.tasks)
    runner, url = await serve(servers, house)
    reader = house.bus.subscribe(["servers"])
    body = {"model": "lab/tiny", "pieces": ["00" * 20_000_000], "gate": "/"}
    async with (
        aiohttp.ClientSession(read_bufsize=1024) as session,
        session.post(f"{url}/v1/completions", data=io.BytesIO(json.dumps(body).encode())) as answer,
    ):
        assert answer.status == 200
        async with asyncio.timeout(30):
            while b'"busy_slots":0' not in repr((await reader.take(within_s=1)).gauges).encode():
                pass
    await runner.cleanup()
    await servers.close()


async def test_a_body_that_is_too_large_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_BODY_BYTES", 1000)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 100

    async with aiohttp.ClientSession() as session:
        for body in (b"x" * 2000, endless()):
            async with session.post(f"{url}/v1/completions", data=body) as answer:
                assert answer.status == 413
                assert json.loads(await answer.read())["error"]["code"] == "too_large"
