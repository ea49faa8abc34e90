"""Models from outside."""

from aiohttp import web

from modelhubd.api.parts import Parts
from modelhubd.web.routing import Ask, reply
from modelhubd.wire.base import Request
from modelhubd.wire.imports import ImportRequest


class ScanQuery(Request, frozen=True, kw_only=True):
    tools: bool = True
    """Also look at the folders of other tools and of applications, which may take its time."""


async def start(ask: Ask[Parts, ImportRequest, None]) -> web.StreamResponse:
    return reply(await ask.parts.imports.start(ask.body), status=202)


async def found(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.finder.answer())


async def scan(ask: Ask[Parts, None, ScanQuery]) -> web.StreamResponse:
    if ask.query.tools:
        await ask.parts.packages.sources.look()
    return reply(await ask.parts.finder.scan(ask.parts.library, tools=ask.query.tools))
