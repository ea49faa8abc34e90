"""What is here."""

from aiohttp import web

from modelhubd.api.parts import Parts
from modelhubd.paging import DEFAULT_LIMIT, Limit
from modelhubd.web.routing import Ask, reply
from modelhubd.wire.base import Request
from modelhubd.wire.catalog import Format
from modelhubd.wire.library import ArtifactState
from modelhubd.wire.servers import EstimateRequest


class LibraryQuery(Request, frozen=True, kw_only=True):
    q: str = ""
    format: tuple[Format, ...] = ()
    capability: tuple[str, ...] = ()
    state: tuple[ArtifactState, ...] = ()
    limit: Limit = DEFAULT_LIMIT
    after: str | None = None


async def every(ask: Ask[Parts, None, LibraryQuery]) -> web.StreamResponse:
    asked = ask.query
    return reply(
        await ask.parts.library.list(
            q=asked.q,
            format=asked.format,
            capability=asked.capability,
            state=asked.state,
            limit=asked.limit,
            after=asked.after,
        )
    )


async def one(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.library.get(ask.path["id"]))


async def remove(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.library.remove(ask.path["id"]))


async def verify(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.library.integrity.verify(ask.path["id"]), 202)


async def repair(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.library.integrity.repair(ask.path["id"]), 202)


async def estimate(ask: Ask[Parts, EstimateRequest, None]) -> web.StreamResponse:
    return reply(await ask.parts.servers.estimate(ask.path["id"], ask.body))
