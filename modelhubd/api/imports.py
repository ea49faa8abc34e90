"""Models from outside."""

from aiohttp import web

from modelhubd.api.parts import Parts
from modelhubd.web.routing import Ask, reply
from modelhubd.wire.imports import ImportRequest


async def start(ask: Ask[Parts, ImportRequest, None]) -> web.StreamResponse:
    return reply(await ask.parts.imports.start(ask.body), status=202)


async def found(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.finder.answer())


async def scan(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    await ask.parts.packages.sources.look()
    return reply(await ask.parts.finder.scan(ask.parts.library))
