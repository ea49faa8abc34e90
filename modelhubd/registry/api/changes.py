"""Waiting for changes."""

from typing import Annotated

from aiohttp import web
from msgspec import Meta

from modelhubd.registry.release.store import HEAD, head_of
from modelhubd.registry.routing import RegistryAsk
from modelhubd.web.routing import reply
from modelhubd.wire.base import Request
from modelhubd.wire.registry import Changed


class ChangesQuery(Request, frozen=True, kw_only=True):
    """`after` is the cursor of an answer before. `wait_s` is how long the answer may wait for a change."""

    after: Annotated[str, Meta(max_length=64)] | None = None
    wait_s: Annotated[float, Meta(ge=0, le=30)] = 0


async def changes(ask: RegistryAsk[None, ChangesQuery]) -> web.StreamResponse:
    cursor = await ask.parts.changes.following(
        ask.caller.principal, ask.query.after, ask.query.wait_s, lambda: ask.request.transport is None
    )
    head = head_of((await ask.parts.database.glance(HEAD))[0])
    return reply(Changed(cursor=cursor, revision=head.revision, released=head.released))
