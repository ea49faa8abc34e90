"""Bundles, folders that provide models, and first-run downloads."""

from aiohttp import web

from modelhubd.api.parts import Parts
from modelhubd.web.routing import Ask, nothing, reply
from modelhubd.wire.bundles import AddSource, CreateBundle, OpenBundle, SkipFirstRun


async def create(ask: Ask[Parts, CreateBundle, None]) -> web.StreamResponse:
    return reply(await ask.parts.packages.bundles.create(ask.body), 202)


async def verify(ask: Ask[Parts, OpenBundle, None]) -> web.StreamResponse:
    return reply(await ask.parts.packages.bundles.verify(ask.body), 202)


async def install(ask: Ask[Parts, OpenBundle, None]) -> web.StreamResponse:
    return reply(await ask.parts.packages.bundles.install(ask.body), 202)


async def sources(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(ask.parts.packages.sources.all())


async def add_source(ask: Ask[Parts, AddSource, None]) -> web.StreamResponse:
    return reply(await ask.parts.packages.sources.add(ask.body), 201)


async def remove_source(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    await ask.parts.packages.sources.remove(ask.path["id"])
    return nothing()


async def first_run(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.packages.first_run.show())


async def skip_first_run(ask: Ask[Parts, SkipFirstRun, None]) -> web.StreamResponse:
    return reply(await ask.parts.packages.first_run.skip(ask.body))
