"""How it is run: load settings of what is installed."""

from aiohttp import web

from modelhubd.api.parts import Parts
from modelhubd.web.conditions import etag, expected
from modelhubd.web.routing import Ask, reply
from modelhubd.wire.servers import LoadSettings, SettingsAnswer


async def show(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return _tagged(await ask.parts.servers.saved.show(ask.path["id"]))


async def replace(ask: Ask[Parts, LoadSettings, None]) -> web.StreamResponse:
    saved = ask.parts.servers.saved
    return _tagged(await saved.replace(ask.path["id"], ask.body, expected(ask.request)))


async def forget(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return _tagged(await ask.parts.servers.saved.forget(ask.path["id"], expected(ask.request)))


def _tagged(answer: SettingsAnswer) -> web.StreamResponse:
    return reply(answer, headers=etag(answer.revision))
