"""What everything costs on the disk."""

from aiohttp import web

from modelhubd.api.parts import Parts
from modelhubd.web.routing import Ask, reply
from modelhubd.wire.space import Prune


async def usage(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.space.usage())


async def prune(ask: Ask[Parts, Prune, None]) -> web.StreamResponse:
    return reply(await ask.parts.space.prune(ask.body))
