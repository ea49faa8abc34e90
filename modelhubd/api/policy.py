"""What may be used here, and how models and templates stand."""

from aiohttp import web

from modelhubd.api.parts import Parts
from modelhubd.web.conditions import etag, expected
from modelhubd.web.routing import Ask, reply
from modelhubd.wire.base import Request
from modelhubd.wire.policy import ChangePolicy


class CheckQuery(Request, frozen=True, kw_only=True):
    models: str
    """Ids, separated by commas."""


async def show(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    policies = ask.parts.policies
    return reply(policies.show(), headers=etag(policies.revision))


async def change(ask: Ask[Parts, ChangePolicy, None]) -> web.StreamResponse:
    policies = ask.parts.policies
    changed = await policies.change(ask.body, expected(ask.request))
    return reply(changed, headers=etag(policies.revision))


async def templates(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.governance.templates())


async def check(ask: Ask[Parts, None, CheckQuery]) -> web.StreamResponse:
    return reply(await ask.parts.governance.check(ask.query.models.split(",")))
