"""Running it."""

from typing import Annotated, Literal, NamedTuple

from aiohttp import web
from msgspec import Meta

from modelhubd.api.parts import Parts
from modelhubd.paging import DEFAULT_LIMIT, Limit, page_of
from modelhubd.web.routing import Ask, reply
from modelhubd.web.streams import cut_off_when_stuck, send
from modelhubd.wire.base import Request
from modelhubd.wire.servers import LoadRequest, Server


class LoadQuery(Request, frozen=True, kw_only=True):
    wait: Literal["ready"] | None = None
    dry_run: bool = False
    """Start nothing; answer what would be done, with 200 and a `LoadPlan`."""


class ServersQuery(Request, frozen=True, kw_only=True):
    limit: Limit = DEFAULT_LIMIT
    after: str | None = None


class LogsQuery(Request, frozen=True, kw_only=True):
    tail: Annotated[int, Meta(ge=0, le=10_000)] = 200
    follow: bool = False


async def load(ask: Ask[Parts, LoadRequest, LoadQuery]) -> web.StreamResponse:
    if ask.query.dry_run:
        return reply(await ask.parts.servers.dry_run(ask.body, ask.app))
    server = await ask.parts.servers.load(ask.body, ask.app)
    if ask.query.wait is None:
        return reply(server, 202)
    return reply(await ask.parts.servers.wait_ready(server.id))


class Place(NamedTuple):
    """Where a server stands in the list: by its start."""

    started_at: str
    id: str


def place(server: Server) -> Place:
    return Place(server.started_at, server.id)


async def every(ask: Ask[Parts, None, ServersQuery]) -> web.StreamResponse:
    servers = (await ask.parts.servers.list()).items
    return reply(page_of(servers, place, Place, ask.query.limit, ask.query.after))


async def one(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.servers.get(ask.path["id"]))


async def unload(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.servers.unload(ask.path["id"]))


async def restart(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.servers.restart(ask.path["id"]), 202)


async def logs(ask: Ask[Parts, None, LogsQuery]) -> web.StreamResponse:
    if not ask.query.follow:
        lines = await ask.parts.servers.log_tail(ask.path["id"], ask.query.tail)
        return web.Response(text="".join(f"{line}\n" for line in lines))
    return await _follow(ask)


async def _follow(ask: Ask[Parts, None, LogsQuery]) -> web.StreamResponse:
    """Lines as they come, until the server or the reader goes."""
    await ask.parts.servers.get(ask.path["id"])
    response = web.StreamResponse(headers={"Cache-Control": "no-store"})
    response.content_type = "text/plain"
    response.charset = "utf-8"
    await response.prepare(ask.request)
    with cut_off_when_stuck(ask.request):
        async for line in ask.parts.servers.follow(ask.path["id"], ask.query.tail):
            await send(response, f"{line}\n".encode())
    return response
