"""What is newer."""

from aiohttp import web

from modelhubd.api.parts import Parts
from modelhubd.paging import DEFAULT_LIMIT, Limit
from modelhubd.web.routing import Ask, reply
from modelhubd.wire.base import Request
from modelhubd.wire.catalog import Format
from modelhubd.wire.updates import ApplyUpdates, RollBack


class UpdatesQuery(Request, frozen=True, kw_only=True):
    q: str = ""
    format: tuple[Format, ...] = ()
    capability: tuple[str, ...] = ()
    limit: Limit = DEFAULT_LIMIT
    after: str | None = None


async def every(ask: Ask[Parts, None, UpdatesQuery]) -> web.StreamResponse:
    asked = ask.query
    return reply(
        await ask.parts.updates.list(
            q=asked.q,
            format=asked.format,
            capability=asked.capability,
            limit=asked.limit,
            after=asked.after,
            app=ask.app,
        )
    )


async def apply(ask: Ask[Parts, ApplyUpdates, None]) -> web.StreamResponse:
    return reply(await ask.parts.updates.apply(ask.body, ask.app), 202)


async def roll_back(ask: Ask[Parts, RollBack, None]) -> web.StreamResponse:
    return reply(await ask.parts.updates.roll_back(ask.body))
