"""What the daemon says of itself."""

import asyncio
import functools
import os
from collections.abc import Callable
from typing import Any

from aiohttp import web

from modelhubd import __version__
from modelhubd.api.parts import Parts
from modelhubd.device import rss_bytes
from modelhubd.web.routing import Ask, nothing, reply
from modelhubd.wire.base import rfc3339
from modelhubd.wire.status import (
    API_MAX,
    API_MIN,
    ApiRange,
    ConfigAnswer,
    Health,
    SessionCode,
    SessionRequest,
    SessionToken,
    Status,
    Version,
)

FEATURES = (
    "catalog", "downloads", "evaluations", "events", "gateway", "library", "policy", "records", "servers",
    "trials",
)  # fmt: skip


async def version(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(
        Version(
            version=__version__,
            api=ApiRange(min=API_MIN, max=API_MAX),
            epoch=ask.parts.bus.epoch,
            features=FEATURES,
        )
    )


async def health(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(Health())


async def status(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await status_of(ask.parts))


async def status_of(parts: Parts) -> Status:
    """Counts, freshness, queue, disk, and every outbound connection ever made."""
    device = await parts.device.now()
    servers = (await parts.servers.list()).items
    return Status(
        version=__version__,
        pid=os.getpid(),
        epoch=parts.bus.epoch,
        started_at=rfc3339(parts.started_at),
        uptime_s=(parts.clock() - parts.started_at).total_seconds(),
        models_installed=len(await parts.library.keys()),
        servers_running=sum(not server.state.ended for server in servers),
        catalog=await parts.catalog.info(),
        downloads=await parts.downloads.summary(),
        disk_free_bytes=device.disk_free_bytes,
        disk_used_bytes=await parts.library.used_bytes(),
        rss_bytes=rss_bytes(None) or 0,
        llama_server=next((build.version for build in device.llama_servers if build.usable), None),
        outbound=parts.outbound.all(),
        warnings=(*parts.warnings, *parts.packages.sources.warnings),
        first_run=await parts.packages.summary(),
        records=await parts.records.summary(),
    )


async def config(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    parts = ask.parts
    changeable = parts.downloads.limiter.described() | parts.policies.described() | parts.moving.described()
    return reply(ConfigAnswer(values=parts.config.described() | changeable))


async def make_code(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    code = ask.parts.access.make_code()
    url = None if ask.parts.url is None else f"{ask.parts.url}/#code={code}"
    return reply(SessionCode(code=code, expires_in_s=60, url=url), 201)


async def open_session(ask: Ask[Parts, SessionRequest, None]) -> web.StreamResponse:
    token, expires = await ask.parts.access.open_session(ask.body.code)
    return reply(SessionToken(token=token, expires_at=expires), 201)


async def rotate_token(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    await ask.parts.access.rotate()
    return nothing()


def document(make: Callable[[], bytes]) -> Any:
    """The handler that answers the OpenAPI document, made when it is first asked for."""
    made = functools.cache(make)

    async def openapi(ask: Ask[Parts, None, None]) -> web.StreamResponse:
        return web.Response(body=await asyncio.to_thread(made), content_type="application/json")

    return openapi
