"""Verification, and the templates whose badges follow from it."""

from aiohttp import web

from modelhubd.paging import DEFAULT_LIMIT, Limit
from modelhubd.registry.api.models import model_of
from modelhubd.registry.routing import RegistryAsk
from modelhubd.registry.templates import service as templates
from modelhubd.registry.verification import service as verification
from modelhubd.web.routing import nothing, reply
from modelhubd.wire.base import Request
from modelhubd.wire.registry import PutTemplate


class TemplatesQuery(Request, frozen=True, kw_only=True):
    limit: Limit = DEFAULT_LIMIT
    after: str | None = None


async def verify(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    return reply(await verification.verify(ask.parts, ask.caller, model_of(ask.path), True))


async def unverify(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    return reply(await verification.verify(ask.parts, ask.caller, model_of(ask.path), False))


async def every_template(ask: RegistryAsk[None, TemplatesQuery]) -> web.StreamResponse:
    return reply(await templates.templates(ask.parts, ask.query.limit, ask.query.after))


async def template(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    return reply(await templates.template(ask.parts, ask.path["id"]))


async def compliance(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    return reply(await templates.compliance(ask.parts, ask.path["id"]))


async def put_template(ask: RegistryAsk[PutTemplate, None]) -> web.StreamResponse:
    return reply(await templates.put(ask.parts, ask.caller, ask.path["id"], ask.body))


async def delete_template(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    await templates.delete(ask.parts, ask.caller, ask.path["id"])
    return nothing()
