"""What a caller sends is refused with a pointer to what is wrong."""

import asyncio
import socket
from typing import Annotated

import pytest
from aiohttp import web
from msgspec import Meta
from multidict import MultiDict

from modelhubd.errors import BadRequest, InvalidInput
from modelhubd.web import bodies
from modelhubd.web.bodies import decode_body, parse_body, parse_query, pointer
from modelhubd.wire.base import Request


class Inner(Request, frozen=True, kw_only=True):
    size: Annotated[int, Meta(ge=1)] = 1


class Thing(Request, frozen=True, kw_only=True):
    name: str
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()


class Query(Request, frozen=True, kw_only=True):
    q: str = ""
    tag: tuple[str, ...] = ()
    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    follow: bool = False


def test_a_good_body_is_decoded() -> None:
    assert parse_body(b'{"name":"a","many":[{"size":3}]}', Thing).many[0].size == 3


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (b'{"name":"a","x":1}', "/x"),
        (b'{"name":"a","inner":{"y":1}}', "/inner/y"),
        (b'{"name":"a","many":[{},{"size":0}]}', "/many/1/size"),
        (b'{"name":1}', "/name"),
        (b"{}", "/name"),
        (b"[]", ""),
        (b'{"name":"a","inner":{"size":1e99}}', "/inner/size"),
        (b'{"name":"a","a/b~c":1}', "/a~1b~0c"),
    ],
)
def test_a_field_that_cannot_be_is_pointed_at(body: bytes, at: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_body(body, Thing)
    assert [error.pointer for error in caught.value.errors] == [at]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b'{"name":"a"',
        b'{"name":"a","name":"b"}',
        b'{"name":"a","inner":{"size":1,"size":2}}',
        b'{"name":NaN}',
        b'{"name":"a","inner":{"size":' + b"9" * 5000 + b"}}",
        b"[" * 100_000,
        b'{"name":"\xff"}',
        b'{"name":"a"} trailing',
    ],
)
def test_what_is_not_plain_json_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_body(body, Thing)


def test_a_query_is_decoded_by_its_types() -> None:
    found = parse_query(MultiDict([("tag", "a"), ("tag", "b"), ("limit", "7"), ("follow", "1")]), Query)
    assert found == Query(tag=("a", "b"), limit=7, follow=True)
    assert parse_query(MultiDict([("follow", "")]), Query).follow
    assert parse_query(MultiDict[str](), Query) == Query()


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ([("x", "1")], "?x"),
        ([("limit", "0")], "?limit"),
        ([("limit", "201")], "?limit"),
        ([("limit", "many")], "?limit"),
        ([("limit", "1"), ("limit", "2")], "?limit"),
        ([("follow", "perhaps")], "?follow"),
    ],
)
def test_a_query_parameter_that_cannot_be_is_named(query: list[tuple[str, str]], at: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_query(MultiDict(query), Query)
    assert [error.pointer for error in caught.value.errors] == [at]


def test_a_pointer_escapes_what_it_must() -> None:
    assert pointer(["a/b", "~", "0"]) == "/a~1b/~0/0"


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_S", 0.05)

    async def refuse(request: web.Request) -> web.StreamResponse:
        with pytest.raises(BadRequest) as refused:
            await decode_body(request, Thing)
        return web.Response(text=refused.value.code)

    app = web.Application()
    app.router.add_post("/", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    writer.write(head + b"{")
    async with asyncio.timeout(30):
        assert b"body_too_slow" in await reader.readuntil(b"body_too_slow")
    writer.close()
    await writer.wait_closed()
    await runner.cleanup()
