"""Routes beside the chat: what the build has passes through, what it lacks is said."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest

from modelhubd.llama.service import Servers
from modelhubd.metrics import children as figures
from modelhubd.metrics.children import children
from modelhubd.wire.servers import LoadRequest
from tests.fakes.tiny_gguf import SENTENCE, write_embedding
from tests.integration.llama.conftest import House, on_both_kinds
from tests.integration.llama.serving import Serving, serving, serving_fakes

MESSAGES: Any = [{"role": "user", "content": "hi"}]
TOOLS: Any = [
    {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
]


@pytest.fixture
async def gate(servers: Any, house: House) -> AsyncIterator[Serving]:
    async with serving(servers, house) as found:
        yield found


async def post(gate: Serving, path: str, **body: Any) -> tuple[int, Any]:
    """Status and JSON."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gate.url}{path}", json={"model": "lab/tiny"} | body) as answer,
    ):
        return answer.status, await answer.json()


@on_both_kinds
async def test_responses_pass_through_whole_and_streamed(gate: Serving) -> None:
    async with gate.client() as client:
        answer = await client.responses.create(model="lab/tiny", input="hi", temperature=0)
        assert answer.output_text == SENTENCE
        stream = await client.responses.create(model="lab/tiny", input="hi", temperature=0, stream=True)
        pieces = [event.delta async for event in stream if event.type == "response.output_text.delta"]
    assert "".join(pieces) == SENTENCE
    assert gate.gateway.traffic.tokens["lab/tiny", "generated"] == 16


@on_both_kinds
async def test_anthropics_messages_pass_through_whole_and_streamed(gate: Serving) -> None:
    status, answer = await post(gate, "/v1/messages", max_tokens=20, messages=MESSAGES, temperature=0)
    assert (status, answer["content"]) == (200, [{"type": "text", "text": SENTENCE}])
    status, count = await post(gate, "/v1/messages/count_tokens", messages=MESSAGES)
    assert count["input_tokens"] == answer["usage"]["input_tokens"]
    body = {
        "model": "lab/tiny", "max_tokens": 20, "messages": MESSAGES, "temperature": 0, "stream": True,
    }  # fmt: skip
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gate.url}/v1/messages?beta=true", json=body) as stream,
    ):
        lines = (await stream.text()).splitlines()
    deltas = [json.loads(line[6:])["delta"] for line in lines if '"content_block_delta"' in line[:40]]
    assert "".join(delta["text"] for delta in deltas) == SENTENCE
    assert gate.gateway.traffic.tokens["lab/tiny", "generated"] == 16


@on_both_kinds
async def test_refusals_under_messages_have_anthropics_shape(gate: Serving) -> None:
    status, answer = await post(gate, "/v1/messages", model="lab/nothing")
    assert (status, answer["type"], answer["error"]["type"]) == (404, "error", "not_found_error")
    assert answer["error"]["message"]


@on_both_kinds
async def test_a_reranker_is_known_by_its_header_and_scores(
    gate: Serving, house: House, tmp_path: Path
) -> None:
    house.shelf.put(write_embedding(tmp_path / "rank.gguf", ranks=True), "rank")
    documents = ["one", "two", "three"]
    status, answer = await post(gate, "/v1/rerank", model="lab/rank", query="one", documents=documents)
    assert status == 200
    assert sorted(result["index"] for result in answer["results"]) == [0, 1, 2]
    assert len({result["relevance_score"] for result in answer["results"]}) == 3
    assert (await post(gate, "/v1/rerank", query="one", documents=documents))[0] == 501


@on_both_kinds
async def test_tokens_go_there_and_back(gate: Serving) -> None:
    _, there = await post(gate, "/v1/tokenize", content=SENTENCE)
    status, back = await post(gate, "/v1/detokenize", tokens=there["tokens"])
    assert (status, back["content"]) == (200, SENTENCE)
    _, shown = await post(gate, "/v1/apply-template", messages=MESSAGES)
    assert "hi" in shown["prompt"]


@on_both_kinds
async def test_tools_are_offered_to_the_model(gate: Serving) -> None:
    async with gate.client() as client:
        answer = await client.chat.completions.create(
            model="lab/tiny", messages=MESSAGES, temperature=0, tools=TOOLS, tool_choice="auto"
        )
    assert answer.choices[0].message.content == SENTENCE


async def test_calls_of_tools_reach_the_client_in_pieces(house: House) -> None:
    """The tiny model calls none: a server that does says what it would."""
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "now", "arguments": ""}}
    more = {"index": 0, "function": {"arguments": "{}"}}
    chunks = [{"choices": [{"index": 0, "delta": {"tool_calls": [part]}}]} for part in (call, more)]
    pieces = [f"data: {json.dumps(chunk)}\n\n".encode().hex() for chunk in chunks]
    async with serving_fakes(house, "streams") as gate, gate.client() as client:
        stream = await client.chat.completions.create(
            model="lab/tiny", messages=MESSAGES, tools=TOOLS, stream=True,
            extra_body={"pieces": [*pieces, b"data: [DONE]\n\n".hex()], "gate": "/"},
        )  # fmt: skip
        parts = [part async for chunk in stream for part in chunk.choices[0].delta.tool_calls or ()]
    functions = [part.function for part in parts]
    assert [found and (found.name, found.arguments) for found in functions] == [("now", ""), (None, "{}")]


async def test_a_route_that_the_build_lacks_is_said_so(house: House) -> None:
    async with serving_fakes(house, "chats_only") as gate, gate.client() as client:
        with pytest.raises(openai.NotFoundError) as refused:
            await client.responses.create(model="lab/tiny", input="hi")
        assert refused.value.code == "not_in_this_build"
        assert str(gate.servers.builds()[0].version) in str(refused.value)
        assert (await client.chat.completions.create(model="lab/tiny", messages=MESSAGES)).choices


@pytest.mark.parametrize("fault", ["chats_only", "keeps_figures", "none"])
async def test_a_server_that_does_not_tell_its_figures_is_shown_as_such(
    house: House, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has none, one never answers, one answers without end."""
    monkeypatch.setattr(figures, "ASK_S", 0.2)
    async with serving_fakes(house, fault) as gate:
        server = await gate.servers.load(LoadRequest(library_id="lab/tiny"))
        await gate.servers.wait_ready(server.id)
        (up,) = await children(gate.servers.upstreams())
        assert [(dict(sample.labels), sample.value) for sample in up.samples] == [
            ({"model": "lab/tiny", "server": "lab/tiny"}, 0)
        ]


@on_both_kinds
async def test_an_alias_loads_what_it_means_unless_a_server_is_called_so(
    servers: Servers, house: House, tmp_path: Path
) -> None:
    house.shelf.put(write_embedding(tmp_path / "embed.gguf"), "embed")
    async with serving(servers, house, aliases={"gpt": "lab/tiny"}) as gate, gate.client() as client:
        assert "gpt" in [model.id async for model in client.models.list()]
        answer = await client.chat.completions.create(model="gpt", messages=MESSAGES, temperature=0)
        assert answer.choices[0].message.content == SENTENCE
        await servers.wait_ready((await servers.load(LoadRequest(library_id="lab/embed", name="gpt"))).id)
        assert (await client.embeddings.create(model="gpt", input="x")).data
