"""A candidate beside the active model."""

from aiohttp import web

from modelhubd.api.parts import Parts
from modelhubd.errors import NotFound
from modelhubd.paging import DEFAULT_LIMIT, Limit
from modelhubd.web.routing import Ask, nothing, reply
from modelhubd.wire.base import Page, Request
from modelhubd.wire.policy import App
from modelhubd.wire.trials import MarkPair, PromoteTrial, RemoveTrial, StartTrial

MAX_DIGITS = 9


class PairsQuery(Request, frozen=True, kw_only=True):
    content: bool = False
    """Also what is kept of each."""
    limit: Limit = DEFAULT_LIMIT
    after: str | None = None


async def begin(ask: Ask[Parts, StartTrial, None]) -> web.StreamResponse:
    return reply(await ask.parts.trials.begin(ask.body), 201)


async def every(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    found = await ask.parts.trials.every()
    return reply(Page(items=found, total=len(found)))


async def decisions(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.trials.decisions())


async def one(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.trials.get(ask.path["id"]))


async def pairs(ask: Ask[Parts, None, PairsQuery]) -> web.StreamResponse:
    asked, judging = ask.query, ask.parts.trials.judging
    return reply(
        await judging.pairs(ask.path["id"], limit=asked.limit, after=asked.after, content=asked.content)
    )


async def blind(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.trials.judging.blind(ask.path["id"]))


async def mark(ask: Ask[Parts, MarkPair, None]) -> web.StreamResponse:
    return reply(await ask.parts.trials.judging.mark(ask.path["id"], _number(ask.path["n"]), ask.body))


async def pause(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.trials.pause(ask.path["id"]))


async def resume(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    return reply(await ask.parts.trials.resume(ask.path["id"]))


async def promote(ask: Ask[Parts, PromoteTrial, None]) -> web.StreamResponse:
    return reply(await ask.parts.trials.promote(ask.path["id"], ask.body, _by(ask.app)))


async def remove(ask: Ask[Parts, RemoveTrial, None]) -> web.StreamResponse:
    return reply(await ask.parts.trials.remove(ask.path["id"], ask.body, _by(ask.app)))


async def delete(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    await ask.parts.trials.remove(ask.path["id"], RemoveTrial(), _by(ask.app))
    return nothing()


def _by(app: App | None) -> str:
    """Who decides: the program that says which it is, else whoever owns this daemon."""
    return "owner" if app is None else f"{app.id} {app.version}"


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        raise NotFound("A pair has a number.", code="pair_not_found")
    return int(text)
