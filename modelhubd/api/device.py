"""What this machine is."""

from aiohttp import web

from modelhubd.api.parts import Parts
from modelhubd.web.routing import Ask, reply


async def device(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.device.now())
