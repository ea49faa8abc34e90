"""What passed the gateway, as it is remembered."""

from typing import Annotated

from aiohttp import web
from msgspec import Meta

from modelhubd.api.parts import Parts
from modelhubd.records.figures import SeriesQuery, StatsQuery
from modelhubd.records.service import RecordsQuery
from modelhubd.web.routing import Ask, reply
from modelhubd.wire.base import Request
from modelhubd.wire.records import ExportRequest, Feedback, Purge, SetAudit, WriteExport


class PartQuery(Request, frozen=True, kw_only=True):
    offset: Annotated[int, Meta(ge=0, le=2**40)] = 0
    """In bytes."""


async def every(ask: Ask[Parts, None, RecordsQuery]) -> web.StreamResponse:
    return reply(await ask.parts.records.list(ask.query))


async def one(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.records.get(ask.path["id"]))


async def stats(ask: Ask[Parts, None, StatsQuery]) -> web.StreamResponse:
    return reply(await ask.parts.records.stats(ask.query))


async def series(ask: Ask[Parts, None, SeriesQuery]) -> web.StreamResponse:
    return reply(await ask.parts.records.series(ask.query))


async def feedback(ask: Ask[Parts, Feedback, None]) -> web.StreamResponse:
    return reply(await ask.parts.records.mark(ask.path["id"], ask.body))


async def audit(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.records.audit())


async def set_audit(ask: Ask[Parts, SetAudit, None]) -> web.StreamResponse:
    return reply(await ask.parts.records.set_audit(ask.body))


async def purge(ask: Ask[Parts, Purge, None]) -> web.StreamResponse:
    return reply(await ask.parts.records.purge(ask.body))


async def preview(ask: Ask[Parts, ExportRequest, None]) -> web.StreamResponse:
    return reply(await ask.parts.exports.preview(ask.body))


async def preview_part(ask: Ask[Parts, None, PartQuery]) -> web.StreamResponse:
    return reply(ask.parts.exports.part(ask.path["id"], ask.query.offset))


async def export(ask: Ask[Parts, WriteExport, None]) -> web.StreamResponse:
    return reply(await ask.parts.exports.write(ask.body), 201)
