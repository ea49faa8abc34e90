"""llama.md on the gateway: OpenAI's official client, unchanged, over TCP with the token."""

import gzip
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.contract.world import World, entry, local_file
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import SENTENCE
from tests.raw import Answer, over_socket, over_tcp

CHAT, EMBEDDING = "tests/chat", "tests/embedding"
HELLO: Any = [{"role": "user", "content": "Who are you?"}]
REST = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/rerank", "/v1/responses"]


@pytest.fixture(scope="module", autouse=True)
def running(world: World, origin: Origin, model_files: Path) -> None:
    """The chat model is loaded, the embedding model only installed."""
    names = ("chat", "embedding", "corrupt")
    world.list_locally(
        *(entry(f"tests/{name}", local_file(model_files / f"{name}.gguf", origin)) for name in names)
    )
    for name in names:
        world.download(f"tests/{name}", until="completed")
    world.post("/servers", {"library_id": CHAT, "settings": {"ctx": 512, "threads": 1}}, wait="ready")


@pytest.fixture
def client(world: World) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=f"{world.daemon.url}/v1", api_key=world.daemon.token, max_retries=0, timeout=30
    ) as made:
        yield made


def raw(world: World, method: str, path: str, body: Any = None, token: str | None = None) -> Answer:
    headers = [
        ("Host", world.daemon.url[7:]),
        ("Authorization", f"Bearer {world.daemon.token if token is None else token}"),
        ("Content-Type", "application/json"),
    ]
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    return over_tcp(world.daemon.url, method, path, headers, content)


def openai_error(answer: Answer, status: int) -> Any:
    """The error of an answer in OpenAI's shape."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"].startswith("application/json")
    found = answer.json["error"]
    assert found.keys() >= {"message", "type", "code", "param"}
    assert found["message"]
    return found


def test_models_are_listed_loaded_or_not(client: OpenAI) -> None:
    found = {model.id: model for model in client.models.list()}
    assert {CHAT, EMBEDDING} <= found.keys()
    assert found[CHAT].object == "model"
    assert found[CHAT].created > 1_700_000_000
    assert client.models.retrieve(CHAT).id == CHAT
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("tests/nothing")


def test_a_chat_is_answered(client: OpenAI) -> None:
    found = client.chat.completions.create(model=CHAT, messages=HELLO, temperature=0)
    assert found.choices[0].message.content == SENTENCE
    assert found.choices[0].finish_reason == "stop"
    assert found.usage is not None and found.usage.completion_tokens > 0


def test_a_chat_is_streamed(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=CHAT, messages=HELLO, temperature=0, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == SENTENCE
    assert len(chunks) > 3
    assert chunks[-1].usage is not None


def test_a_text_is_completed(client: OpenAI) -> None:
    found = client.completions.create(model=CHAT, prompt="Who?", temperature=0, max_tokens=5)
    assert found.choices[0].text
    streamed = list(
        client.completions.create(model=CHAT, prompt="Who?", temperature=0, max_tokens=5, stream=True)
    )
    assert "".join(chunk.choices[0].text for chunk in streamed) == found.choices[0].text


@pytest.mark.parametrize("name", [CHAT, f"{CHAT}@1", f"{CHAT}:gguf-q4", f"{CHAT}@1:gguf-q4"])
def test_every_name_of_a_model_means_it(client: OpenAI, world: World, name: str) -> None:
    client.chat.completions.create(model=name, messages=HELLO, max_tokens=1)
    assert [item["model"] for item in world.walk("/servers", 50)].count(CHAT) == 1


def test_text_is_embedded_by_a_model_that_is_loaded_on_demand(client: OpenAI, world: World) -> None:
    assert EMBEDDING not in [server["model"] for server in world.walk("/servers", 50)]
    found = client.embeddings.create(model=EMBEDDING, input=["one", "two"])
    assert len(found.data) == 2
    assert len(found.data[0].embedding) == 64
    assert EMBEDDING in [server["model"] for server in world.walk("/servers", 50)]


def test_a_wrong_key_is_an_authentication_error_in_openais_shape(world: World) -> None:
    with (
        OpenAI(base_url=f"{world.daemon.url}/v1", api_key="wrong", max_retries=0) as made,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        made.models.list()
    assert refused.value.code == "unauthenticated"
    assert (
        openai_error(raw(world, "GET", "/v1/models", token="wrong"), 401)["type"] == "invalid_request_error"
    )


@pytest.mark.parametrize("path", REST)
def test_an_unknown_model_is_404_in_openais_shape(world: World, path: str) -> None:
    assert openai_error(raw(world, "POST", path, {"model": "tests/nothing"}), 404)["code"]


def test_a_compressed_body_is_refused_in_openais_shape(world: World) -> None:
    body = gzip.compress(b" " * 100_000_000)
    answer = over_socket(world.daemon.socket, "POST", "/v1/completions", body, ("Content-Encoding", "gzip"))
    openai_error(answer, 400)


@pytest.mark.parametrize("path", REST)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"model":1}', b'{"model":"\\ud800"}', b"[" * 100_000]
)
def test_a_body_that_cannot_be_is_refused_in_openais_shape(world: World, path: str, body: bytes) -> None:
    answer = raw(world, "POST", path, body)
    openai_error(answer, answer.status)
    assert answer.status in (400, 422)


@pytest.mark.parametrize(
    "name", ["", "a" * 5000, "a\x00b", "../x", "\U0001f999", "tests/chat\n", "TESTS/CHAT"]
)
def test_a_name_that_cannot_be_is_refused_in_openais_shape(world: World, name: str) -> None:
    answer = raw(world, "POST", "/v1/chat/completions", {"model": name, "messages": HELLO})
    openai_error(answer, answer.status)
    assert answer.status in (404, 422)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("GET", "/v1", 404), ("DELETE", "/v1/models", 405)],
)
def test_what_the_gateway_does_not_have_is_refused_in_openais_shape(
    world: World, method: str, path: str, status: int
) -> None:
    openai_error(raw(world, method, path), status)


def test_the_servers_own_errors_pass_through(client: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "word " * 4000}]
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=CHAT, messages=messages)
    assert refused.value.message


def test_a_model_that_cannot_be_loaded_is_a_server_error_with_the_reason(client: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(model="tests/corrupt", messages=HELLO)
    assert (refused.value.status_code, refused.value.code) == (502, "bad_model")


def test_hanging_up_frees_the_slot(world: World, client: OpenAI) -> None:
    roomy = {"library_id": CHAT, "name": "roomy", "settings": {"ctx": 131_072, "threads": 1, "parallel": 1}}
    world.post("/servers", roomy, wait="ready")
    connection = http.client.HTTPConnection(world.daemon.url[7:], timeout=10)
    body = {"model": "roomy", "prompt": "x", "stream": True, "max_tokens": 100_000, "ignore_eos": True}
    headers = {"Authorization": f"Bearer {world.daemon.token}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/completions", json.dumps(body), headers)
    answer = connection.getresponse()
    assert answer.readline().startswith(b"data:")
    answer.close()
    connection.close()
    found = client.chat.completions.create(model="roomy", messages=HELLO, temperature=0, timeout=5)
    assert found.choices[0].message.content == SENTENCE
