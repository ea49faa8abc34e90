"""Models answering a file of questions."""

import asyncio
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from modelhubd.api.parts import Parts
from modelhubd.paging import DEFAULT_LIMIT, Limit
from modelhubd.trials.evaluations.reports.markdown import markdown
from modelhubd.trials.evaluations.reports.page import POLICY, page
from modelhubd.web.callers import over_unix_socket
from modelhubd.web.routing import Ask, nothing, reply
from modelhubd.wire.base import Request
from modelhubd.wire.evaluations import CreateEvaluation


class EvaluationsQuery(Request, frozen=True, kw_only=True):
    limit: Limit = DEFAULT_LIMIT
    after: str | None = None


class ReportQuery(Request, frozen=True, kw_only=True):
    format: Literal["json", "md", "html"] = "json"
    questions: Annotated[int, Meta(ge=0, le=2000)] = 20
    """So many questions are in it with their answers, those with different outcomes first; 0 for figures
    alone."""


async def create(ask: Ask[Parts, CreateEvaluation, None]) -> web.StreamResponse:
    socket = over_unix_socket(ask.request)
    return reply(await ask.parts.evaluations.create(ask.body, may_run_scripts=socket), 202)


async def every(ask: Ask[Parts, None, EvaluationsQuery]) -> web.StreamResponse:
    return reply(await ask.parts.evaluations.list(ask.query.limit, ask.query.after))


async def one(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.evaluations.get(ask.path["id"]))


async def cancel(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.evaluations.cancel(ask.path["id"]))


async def resume(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.evaluations.resume(ask.path["id"]), 202)


async def remove(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    await ask.parts.evaluations.remove(ask.path["id"])
    return nothing()


async def report(ask: Ask[Parts, None, ReportQuery]) -> web.StreamResponse:
    found = await ask.parts.evaluations.report(ask.path["id"], shown=ask.query.questions)
    match ask.query.format:
        case "json":
            return reply(found)
        case "md":
            return _text(await asyncio.to_thread(markdown, found), "text/markdown")
        case "html":
            return _text(await asyncio.to_thread(page, found), "text/html")


def _text(text: str, kind: str) -> web.Response:
    headers = {"Content-Security-Policy": f"{POLICY}; sandbox", "Cache-Control": "no-store"}
    return web.Response(body=text.encode(), content_type=kind, charset="utf-8", headers=headers)
