"""Getting it."""

from aiohttp import web

from modelhubd.api.parts import Parts
from modelhubd.paging import DEFAULT_LIMIT, Limit
from modelhubd.web.routing import Ask, nothing, reply
from modelhubd.wire.base import Request
from modelhubd.wire.downloads import (
    ChangeDownload,
    ChangeLimits,
    CreateDownload,
    DownloadState,
    RemoveLeftovers,
)


class DownloadsQuery(Request, frozen=True, kw_only=True):
    state: tuple[DownloadState, ...] = ()
    limit: Limit = DEFAULT_LIMIT
    after: str | None = None


async def create(ask: Ask[Parts, CreateDownload, None]) -> web.StreamResponse:
    download, created = await ask.parts.downloads.create(ask.body, ask.app)
    return reply(download, 201 if created else 200)


async def every(ask: Ask[Parts, None, DownloadsQuery]) -> web.StreamResponse:
    return reply(await ask.parts.downloads.list(ask.query.state, ask.query.limit, ask.query.after))


async def one(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.downloads.get(ask.path["id"]))


async def pause(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.downloads.pause(ask.path["id"]))


async def resume(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.downloads.resume(ask.path["id"]))


async def retry(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.downloads.retry(ask.path["id"]))


async def cancel(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.downloads.cancel(ask.path["id"]))


async def change(ask: Ask[Parts, ChangeDownload, None]) -> web.StreamResponse:
    return reply(await ask.parts.downloads.change(ask.path["id"], ask.body))


async def forget(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    await ask.parts.downloads.forget(ask.path["id"])
    return nothing()


async def pause_all(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    await ask.parts.downloads.pause_all()
    return reply(await ask.parts.downloads.summary())


async def resume_all(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    await ask.parts.downloads.resume_all()
    return reply(await ask.parts.downloads.summary())


async def limits(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(ask.parts.downloads.limiter.show())


async def change_limits(ask: Ask[Parts, ChangeLimits, None]) -> web.StreamResponse:
    return reply(await ask.parts.downloads.limiter.change(ask.body))


async def leftovers(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.downloads.leftovers.find())


async def remove_leftovers(ask: Ask[Parts, RemoveLeftovers, None]) -> web.StreamResponse:
    return reply(await ask.parts.downloads.leftovers.remove(ask.body.names))
