"""The audit log: its entries, its signed checkpoint, and proofs."""

from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from modelhubd.errors import InvalidInput
from modelhubd.paging import DEFAULT_LIMIT, Limit
from modelhubd.registry.audit import service
from modelhubd.registry.audit.store import Filter
from modelhubd.registry.routing import RegistryAsk
from modelhubd.trust.text import fault_in_text
from modelhubd.web.routing import reply

Number = Annotated[int, Meta(ge=0, le=2**53)]


class AuditQuery(Struct, frozen=True, kw_only=True):
    """`after` is the number of an entry: those that follow it in this `order` are answered."""

    limit: Limit = DEFAULT_LIMIT
    after: str | None = None
    order: Literal["oldest", "newest"] = "oldest"
    action: str | None = None
    actor: str | None = None
    subject: str | None = None


class InclusionQuery(Struct, frozen=True, kw_only=True):
    """`size` is that of the tree which the proof is for; without it the whole log's."""

    seq: Number
    size: Number | None = None


class ConsistencyQuery(Struct, frozen=True, kw_only=True, rename={"from_size": "from", "to_size": "to"}):
    """Sizes of the older and the newer tree; without `to` the whole log's."""

    from_size: Number
    to_size: Number | None = None


async def entries(ask: RegistryAsk[None, AuditQuery]) -> web.StreamResponse:
    query = ask.query
    for name in ("action", "actor", "subject"):
        if (fault := fault_in_text(getattr(query, name) or "")) is not None:
            raise InvalidInput.at(f"?{name}", fault)
    only = Filter(action=query.action, actor=query.actor, subject=query.subject)
    async with ask.parts.database.reading() as connection:
        return reply(
            await service.page(
                connection, only, after=_seq(query.after), limit=query.limit, newest=query.order == "newest"
            )
        )


async def checkpoint(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    return reply(await ask.parts.releases.checkpoint())


async def inclusion(ask: RegistryAsk[None, InclusionQuery]) -> web.StreamResponse:
    async with ask.parts.database.reading() as connection:
        return reply(await service.inclusion(connection, ask.query.seq, ask.query.size))


async def consistency(ask: RegistryAsk[None, ConsistencyQuery]) -> web.StreamResponse:
    async with ask.parts.database.reading() as connection:
        return reply(await service.consistency(connection, ask.query.from_size, ask.query.to_size))


def _seq(after: str | None) -> int | None:
    if after is None:
        return None
    if not after.isascii() or not after.isdecimal() or len(after) > 15:
        raise InvalidInput.at("?after", "not the number of an audit entry")
    return int(after)
