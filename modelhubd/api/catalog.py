"""What can be had."""

from collections.abc import Mapping
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from modelhubd.api.parts import Parts
from modelhubd.catalog.search import SearchQuery
from modelhubd.paging import DEFAULT_LIMIT, Limit
from modelhubd.web.routing import Ask, nothing, reply
from modelhubd.wire.base import Request
from modelhubd.wire.library import SetActive


class VersionsQuery(Request, frozen=True, kw_only=True):
    limit: Limit = DEFAULT_LIMIT
    after: str | None = None


class ModelQuery(Request, frozen=True, kw_only=True):
    ctx: Annotated[int, Meta(ge=1, le=1 << 30)] | None = None
    """Tokens of context to judge the options for; without it the model's own, at most 8192."""


class SyncQuery(Request, frozen=True, kw_only=True):
    wait: Literal["done"] | None = None
    """Answer when the registry has been looked at, at most two minutes later."""


def model_id(path: Mapping[str, str]) -> str:
    """The model that a path names."""
    return f"{path['publisher']}/{path['name']}"


async def models(ask: Ask[Parts, None, SearchQuery]) -> web.StreamResponse:
    return reply(await ask.parts.catalog.search(ask.query, ask.app))


async def model(ask: Ask[Parts, None, ModelQuery]) -> web.StreamResponse:
    return reply(await ask.parts.catalog.detail(model_id(ask.path), ask.app, ask.query.ctx))


async def versions(ask: Ask[Parts, None, VersionsQuery]) -> web.StreamResponse:
    return reply(await ask.parts.catalog.versions(model_id(ask.path), ask.query.limit, ask.query.after))


async def set_active(ask: Ask[Parts, SetActive, None]) -> web.StreamResponse:
    return reply(await ask.parts.library.set_active(model_id(ask.path), ask.body.library_id))


async def info(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.catalog.info())


async def sync(ask: Ask[Parts, None, SyncQuery]) -> web.StreamResponse:
    return reply(await ask.parts.registry.sync(wait=ask.query.wait is not None), 202)


async def acknowledge(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.registry.acknowledge())


async def star(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    await ask.parts.registry.popularity.star(model_id(ask.path), on=True)
    return nothing()


async def unstar(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    await ask.parts.registry.popularity.star(model_id(ask.path), on=False)
    return nothing()
