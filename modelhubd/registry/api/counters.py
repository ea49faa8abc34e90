"""Downloads and stars."""

from aiohttp import hdrs, web

from modelhubd.registry.api.models import model_of
from modelhubd.registry.counters import service
from modelhubd.registry.idempotency.service import HEADER
from modelhubd.registry.routing import RegistryAsk
from modelhubd.web.conditions import etag
from modelhubd.web.routing import nothing, reply
from modelhubd.wire.registry import DownloadReported

ACCEPTED = 202
NOT_MODIFIED = 304


async def downloaded(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    model = model_of(ask.path)
    await service.downloaded(ask.parts, ask.caller, model, ask.request.headers.get(HEADER))
    return reply(DownloadReported(model=model), ACCEPTED)


async def star(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    await service.star(ask.parts, ask.caller, model_of(ask.path), True)
    return nothing()


async def unstar(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    await service.star(ask.parts, ask.caller, model_of(ask.path), False)
    return nothing()


async def popularity(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    told = await ask.parts.counted.told()
    headers = etag(told.revision) | {hdrs.CACHE_CONTROL: "private, no-cache"}
    known = ask.request.if_none_match or ()
    if any(tag.value in (told.revision, "*") for tag in known):
        return web.Response(status=NOT_MODIFIED, headers=headers)
    return web.Response(body=told.body, headers=headers, content_type="application/json")


async def reset(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    return reply(await service.reset(ask.parts, ask.caller, model_of(ask.path)))
