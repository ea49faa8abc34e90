"""The async client: what differs from the sync one is its transport."""

from collections.abc import AsyncIterator
from inspect import iscoroutinefunction, signature
from pathlib import Path

import pytest

from modelhub_client import (
    AsyncClient,
    ChatMessage,
    Client,
    ModelhubUnreachable,
    NotFound,
    UnexpectedAnswer,
)
from tests.fakes import samples
from tests.fakes.hub import Answer, Hub, json_answer, problem_answer


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(socket=hub.socket) as made:
        yield made


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        return {
            name: list(signature(found).parameters)
            for name in tuple(vars(kind.__mro__[1]))
            if not name.startswith("_") and callable(found := getattr(kind, name))
        }

    assert methods(Client) == methods(AsyncClient)
    assert len(methods(Client)) > 30
    assert iscoroutinefunction(AsyncClient.search)


async def test_it_asks_and_answers_typed_values(hub: Hub, client: AsyncClient) -> None:
    hub.on("GET /api/v1/downloads/aaaa", json_answer(samples.download()))
    assert await client.download("aaaa") == samples.download()


async def test_a_refusal_is_raised(hub: Hub, client: AsyncClient) -> None:
    hub.on("GET /api/v1/downloads/x", problem_answer(404, "not_found", "There is no download x."))
    with pytest.raises(NotFound, match="no download x"):
        await client.download("x")


async def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    async with AsyncClient(environ={"MODELHUB_HOME": str(tmp_path)}) as away:
        with pytest.raises(ModelhubUnreachable, match=r"modelhub\.sock"):
            await away.health()


async def test_a_connection_that_ends_without_an_answer_is_unreachable(hub: Hub, client: AsyncClient) -> None:
    hub.on("GET /api/v1/status", Answer(drop=True))
    with pytest.raises(ModelhubUnreachable):
        await client.status()


async def test_an_answer_cut_short_is_unreachable(hub: Hub, client: AsyncClient) -> None:
    hub.on("GET /api/v1/status", Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"))
    with pytest.raises(ModelhubUnreachable):
        await client.status()


async def test_another_protocol_on_the_socket_is_unexpected(hub: Hub, client: AsyncClient) -> None:
    hub.on("GET /api/v1/status", Answer(raw=b"220 mail.example ESMTP\r\n"))
    with pytest.raises(UnexpectedAnswer, match="Not HTTP"):
        await client.status()


async def test_a_log_is_followed_and_a_chat_is_streamed(hub: Hub, client: AsyncClient) -> None:
    hub.on("GET /api/v1/servers/cccc/logs", Answer(lines=(b"one\n", b"two\n")))
    assert [line async for line in client.follow_log("cccc")] == ["one", "two"]
    hub.on("POST /v1/chat/completions", Answer(lines=(b'data: {"choices":[{"delta":{"content":"Yes"}}]}\n',)))
    pieces = [piece async for piece in client.chat_stream("t", [ChatMessage(role="user", content="Hi")])]
    assert pieces[0].content == "Yes"
