"""What can be had."""

from collections.abc import Mapping

from aiohttp import web

from modelhubd.api.parts import Parts
from modelhubd.catalog.search import SearchQuery
from modelhubd.paging import DEFAULT_LIMIT, Limit
from modelhubd.web.routing import Ask, reply
from modelhubd.wire.base import Request
from modelhubd.wire.library import SetActive


class VersionsQuery(Request, frozen=True, kw_only=True):
    limit: Limit = DEFAULT_LIMIT
    after: str | None = None


def model_id(path: Mapping[str, str]) -> str:
    """The model that a path names."""
    return f"{path['publisher']}/{path['name']}"


async def models(ask: Ask[Parts, None, SearchQuery]) -> web.StreamResponse:
    return reply(await ask.parts.catalog.search(ask.query, ask.app))


async def model(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.catalog.detail(model_id(ask.path), ask.app))


async def versions(ask: Ask[Parts, None, VersionsQuery]) -> web.StreamResponse:
    return reply(await ask.parts.catalog.versions(model_id(ask.path), ask.query.limit, ask.query.after))


async def set_active(ask: Ask[Parts, SetActive, None]) -> web.StreamResponse:
    return reply(await ask.parts.library.set_active(model_id(ask.path), ask.body.library_id))


async def info(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.catalog.info())


async def sync(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.catalog.sync(), 202)
