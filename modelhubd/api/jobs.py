"""What the library does in the background."""

from aiohttp import web

from modelhubd.api.parts import Parts
from modelhubd.web.routing import Ask, reply
from modelhubd.wire.base import Page


async def every(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    jobs = ask.parts.jobs.list()
    return reply(Page(items=jobs, total=len(jobs)))


async def one(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(ask.parts.jobs.get(ask.path["id"]))


async def cancel(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.jobs.cancel(ask.path["id"]))
