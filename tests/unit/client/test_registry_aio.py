"""The async client of a registry does as the other one."""

import pytest

from modelhub_client import (
    AsyncRegistryClient,
    Conflict,
    RegistryUnreachable,
    UnexpectedAnswer,
)
from modelhub_client.registry import RegistryClient
from modelhub_client.registry_methods import AsyncRegistryMethods, RegistryMethods
from tests.fakes.bad_registry import answers, bad_registry, raw
from tests.running import free_port
from tests.unit.client.test_registry import ME, problem

POPULARITY = {"counters": {"acme/tiny": {"downloads": 3, "stars": 0}}}


def public(of: type) -> set[str]:
    return {name for name in dir(of) if not name.startswith("_")}


def test_both_clients_have_the_same_methods() -> None:
    assert public(AsyncRegistryMethods) == public(RegistryMethods)
    assert public(AsyncRegistryClient) == public(RegistryClient)


async def test_it_asks_with_its_token_and_reads_answers_and_refusals() -> None:
    with bad_registry(answers(ME)) as server:
        async with AsyncRegistryClient(f"{server.url}/models/", token="mhr_x") as client:
            assert (await client.me()).principal == "author"
        assert server.asked[0].startswith(b"GET /models/api/v1/me HTTP/1.1")
        assert b"authorization: bearer mhr_x" in server.asked[0].lower()
    with bad_registry(answers(problem(409, "wrong_state"), 409)) as server:
        async with AsyncRegistryClient(server.url) as client:
            with pytest.raises(Conflict):
                await client.me()


async def test_a_redirect_is_not_followed_and_nobody_there_is_told() -> None:
    moved = raw(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    with bad_registry(moved) as server:
        async with AsyncRegistryClient(server.url, token="mhr_x") as client:
            with pytest.raises(UnexpectedAnswer, match="another address"):
                await client.me()
    async with AsyncRegistryClient(f"http://127.0.0.1:{free_port()}") as client:
        with pytest.raises(RegistryUnreachable, match="cannot be reached"):
            await client.me()
    for address in ("ftp://x", "https://", "https://a@b", "https://a?b=c"):
        with pytest.raises(ValueError, match="a registry's address"):
            AsyncRegistryClient(address)
