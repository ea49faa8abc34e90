"""Models and their versions."""

from collections.abc import Mapping
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from modelhubd.paging import DEFAULT_LIMIT, Limit
from modelhubd.registry.idempotency.service import attempt_of, reply_once
from modelhubd.registry.routing import PUBLISH_BYTES, RegistryAsk
from modelhubd.registry.versions import deciding, publishing, reviewing, service
from modelhubd.registry.versions.listing_store import Filters
from modelhubd.web.bodies import read_json_bytes
from modelhubd.web.routing import reply
from modelhubd.wire.base import Request
from modelhubd.wire.registry import Decide, VersionStatus, Withdraw

REVIEWS_MAX = 50
"""Reviews of a page: each may hold a whole entry."""


class ModelsQuery(Request, frozen=True, kw_only=True):
    q: Annotated[str, Meta(max_length=200)] = ""
    publisher: tuple[str, ...] = ()
    status: tuple[VersionStatus, ...] = ()
    verified: bool | None = None
    limit: Limit = DEFAULT_LIMIT
    after: str | None = None


class VersionsQuery(Request, frozen=True, kw_only=True):
    limit: Limit = DEFAULT_LIMIT
    after: str | None = None


class ReviewsQuery(Request, frozen=True, kw_only=True):
    status: VersionStatus = VersionStatus.PENDING
    limit: Annotated[int, Meta(ge=1, le=REVIEWS_MAX)] = REVIEWS_MAX
    after: str | None = None


async def models(ask: RegistryAsk[None, ModelsQuery]) -> web.StreamResponse:
    asked = ask.query
    only = Filters(q=asked.q, publisher=asked.publisher, status=asked.status, verified=asked.verified)
    return reply(await service.models(ask.parts, ask.caller, only, asked.limit, asked.after))


async def model(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    return reply(await service.model(ask.parts, ask.caller, model_of(ask.path)))


async def versions(ask: RegistryAsk[None, VersionsQuery]) -> web.StreamResponse:
    asked = ask.query
    return reply(await service.versions(ask.parts, ask.caller, model_of(ask.path), asked.limit, asked.after))


async def version(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    return reply(await service.version(ask.parts, ask.caller, model_of(ask.path), ask.path["version"]))


async def issues(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    return reply(await service.issues(ask.parts, ask.caller, model_of(ask.path), ask.path["version"]))


async def publish(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    body = await read_json_bytes(ask.request, PUBLISH_BYTES)
    attempt = attempt_of(ask.request, ask.caller.principal, body, ask.parts.clock())
    return reply_once(await publishing.publish(ask.parts, ask.caller, model_of(ask.path), attempt, body))


async def cancel(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    return reply(await publishing.cancel(ask.parts, ask.caller, model_of(ask.path), ask.path["version"]))


async def reviews(ask: RegistryAsk[None, ReviewsQuery]) -> web.StreamResponse:
    return reply(await reviewing.reviews(ask.parts, ask.query.status, ask.query.limit, ask.query.after))


async def review(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    return reply(await reviewing.review(ask.parts, ask.caller, model_of(ask.path), ask.path["version"]))


async def decide(ask: RegistryAsk[Decide, None]) -> web.StreamResponse:
    return reply(
        await deciding.decide(ask.parts, ask.caller, model_of(ask.path), ask.path["version"], ask.body)
    )


async def withdraw(ask: RegistryAsk[Withdraw, None]) -> web.StreamResponse:
    return reply(
        await deciding.withdraw(ask.parts, ask.caller, model_of(ask.path), ask.path["version"], ask.body)
    )


def model_of(path: Mapping[str, str]) -> str:
    """The id that a path names; nobody has looked whether it is one."""
    return f"{path['publisher']}/{path['name']}"
