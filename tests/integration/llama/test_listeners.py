"""What listeners of the gateway are told, by a real server's answers."""

import asyncio
import json
import math
import socket
from typing import Any

import aiohttp
from aiohttp import web

from modelhubd.exchange import RECORD_HEADER, Asked, Exchange
from modelhubd.gateway.proxy import Gateway
from modelhubd.llama.service import Servers
from modelhubd.wire.policy import App
from modelhubd.wire.records import Outcome
from modelhubd.wire.servers import Server
from tests.fakes.tiny_gguf import ROOMY, SENTENCE, write_chat
from tests.integration.llama.conftest import House

HELLO = [{"role": "user", "content": "hi"}]


class Hearing:
    def __init__(self) -> None:
        self.heard: list[Exchange] = []
        self.asked: list[tuple[str, str, str | None]] = []

    def wants(self, route: str, asked: Asked, server: Server, app: App | None, node: str | None) -> bool:
        self.asked.append((route, server.model, node))
        return node == "audited"

    def ended(self, exchange: Exchange) -> None:
        self.heard.append(exchange)


async def ask(url: str, path: str, body: dict[str, Any], **headers: str) -> tuple[int, str, bytes]:
    """(status, record's id, answer)."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{url}{path}", json={"model": "lab/tiny", "temperature": 0} | body, headers=headers
        ) as answer,
    ):
        return answer.status, answer.headers[RECORD_HEADER], await answer.read()


async def test_a_listener_is_told_of_every_request_once(servers: Servers, house: House) -> None:
    house.shelf.put(write_chat(house.folder / "roomy.gguf", shape=ROOMY), "roomy")
    hearing, always = Hearing(), False
    gateway = Gateway(servers, house.shelf.all, listeners=(hearing,), ask_confidence=lambda: always)
    app = web.Application()
    for method, path, handler in gateway.routes():
        app.router.add_route(method, path, handler)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"

    async def heard(path: str, body: dict[str, Any], **headers: str) -> tuple[Exchange, bytes]:
        before = len(hearing.heard)
        status, record, answer = await ask(url, path, body, **headers)
        async with asyncio.timeout(10):
            while len(hearing.heard) == before:  # it is told when the last byte has been sent
                await asyncio.sleep(0.005)
        (found,) = hearing.heard[before:]
        assert (found.id, found.status or status, found.route) == (record, status, path)
        return found, answer

    try:
        chat = "/v1/chat/completions"
        first, _ = await heard(
            chat, {"messages": HELLO}, **{"Modelhub-App": "editor/2.1", "Modelhub-Node": "draft"}
        )
        assert first.server is not None and first.app is not None
        assert (first.model, first.server.build, first.app.id, first.node) == (
            "lab/tiny", first.server.build, "editor", "draft",
        )  # fmt: skip
        assert first.outcome is Outcome.PASS and first.code is None and not first.streamed
        took = first.figures
        assert (took.prompt_tokens, took.cached_tokens, took.completion_tokens) == (21, 0, 8)
        assert took.finish_reason == "stop" and took.confidence is None
        assert took.ttft_s is not None and 0 < took.ttft_s <= took.latency_s
        assert took.tokens_per_s is not None and took.tokens_per_s > 0
        assert first.request is None and first.answer is None

        streamed, answer = await heard(
            chat,
            {"messages": HELLO, "stream": True, "logprobs": True, "max_tokens": 3},
            **{"Modelhub-Node": "audited"},
        )
        assert streamed.streamed and streamed.figures.finish_reason == "length"
        assert streamed.figures.cached_tokens and streamed.figures.completion_tokens == 3
        chunks = [json.loads(line[6:]) for line in answer.splitlines() if line.startswith(b"data: {")]
        chosen = [
            one["logprob"]
            for chunk in chunks
            for one in ((chunk["choices"][0].get("logprobs") or {}).get("content") or ())
        ]
        expected = sum(map(math.exp, chosen)) / len(chosen)
        assert streamed.figures.confidence is not None
        assert abs(streamed.figures.confidence - expected) < 1e-9
        assert streamed.answer == answer
        assert streamed.request is not None and json.loads(streamed.request)["messages"] == HELLO

        always = True
        for path, body in (
            (chat, {"messages": HELLO}),
            (chat, {"messages": HELLO, "stream": True}),
            ("/v1/completions", {"prompt": "hi", "max_tokens": 4}),
        ):
            sure, _ = await heard(path, body, **{"Modelhub-Node": "audited"})
            assert sure.outcome is Outcome.PASS, sure
            assert sure.figures.confidence is not None and 0.9 < sure.figures.confidence <= 1
            assert sure.request is not None and b"logprobs" not in sure.request
        tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
        unsure, _ = await heard(chat, {"messages": HELLO, "stream": True, "tools": tools})
        assert unsure.outcome is Outcome.PASS and unsure.figures.confidence is None
        always = False

        said, answer = await heard("/v1/messages", {"messages": HELLO, "max_tokens": 20})
        assert json.loads(answer)["content"][0]["text"] == SENTENCE
        assert said.figures.finish_reason == "end_turn" and said.figures.prompt_tokens == 21

        long = [{"role": "user", "content": "word " * 4000}]
        refused, _ = await heard(chat, {"messages": long})
        assert (refused.outcome, refused.code) == (Outcome.FAIL, "answered_400")
        missing, _ = await heard(chat, {"model": "a secret name", "messages": HELLO})
        assert (missing.outcome, missing.server, missing.model) == (Outcome.FAIL, None, "")
        bad, _ = await heard(chat, {"messages": HELLO}, **{"Modelhub-Node": "x" * 101})
        assert (bad.outcome, bad.code) == (Outcome.FAIL, "invalid_input")

        async with aiohttp.ClientSession() as session:
            going_on = {
                "model": "lab/roomy",
                "prompt": "x",
                "stream": True,
                "max_tokens": 100_000,
                "ignore_eos": True,
            }
            async with session.post(f"{url}/v1/completions", json=going_on) as reading:
                record = reading.headers[RECORD_HEADER]
                await reading.content.readline()
                reading.close()
        async with asyncio.timeout(10):
            while hearing.heard[-1].id != record:
                await asyncio.sleep(0.01)
        gone = hearing.heard[-1]
        assert (gone.outcome, gone.code, gone.model) == (Outcome.CANCELLED, "client_gone", "lab/roomy")
        assert gone.figures.ttft_s is not None and gone.status == 200

        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{url}/v1/completions", json=going_on) as reading,
        ):
            record = reading.headers[RECORD_HEADER]
            await reading.content.readline()
            (roomy,) = [one for one in servers.running() if one.model == "lab/roomy"]
            await servers.unload(roomy.id)
        assert hearing.heard[-1].id == record
        assert (hearing.heard[-1].outcome, hearing.heard[-1].code) == (Outcome.FAIL, "server_stopped")
        assert len({one.id for one in hearing.heard}) == len(hearing.heard)
    finally:
        await runner.cleanup()
