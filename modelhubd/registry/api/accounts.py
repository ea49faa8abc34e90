"""Tokens, publishers and their keys."""

from aiohttp import web
from msgspec import Struct

from modelhubd.paging import DEFAULT_LIMIT, Limit, page_of
from modelhubd.registry.routing import RegistryAsk
from modelhubd.web.routing import nothing, reply
from modelhubd.wire.registry import ChangePublisher, Me, NewKey, NewPublisher, NewToken, PublisherKey, Token


class ListQuery(Struct, frozen=True, kw_only=True):
    limit: Limit = DEFAULT_LIMIT
    after: str | None = None


async def me(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    caller = ask.caller
    return reply(
        Me(
            principal=caller.principal,
            scopes=tuple(sorted(caller.scopes)),
            token_id=caller.token_id,
            expires_at=caller.expires_at,
            registry=ask.parts.name,
            four_eyes=ask.parts.config.four_eyes,
        )
    )


async def tokens(ask: RegistryAsk[None, ListQuery]) -> web.StreamResponse:
    found = await ask.parts.accounts.tokens(ask.caller)
    return reply(page_of(found, _when, tuple[str, str], ask.query.limit, ask.query.after))


async def make_token(ask: RegistryAsk[NewToken, None]) -> web.StreamResponse:
    return reply(await ask.parts.accounts.make_token(ask.caller, ask.body), 201)


async def revoke_token(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    await ask.parts.accounts.revoke_token(ask.caller, ask.path["id"])
    return nothing()


async def publishers(ask: RegistryAsk[None, ListQuery]) -> web.StreamResponse:
    found = await ask.parts.accounts.publishers()
    return reply(page_of(found, lambda one: (one.name,), tuple[str], ask.query.limit, ask.query.after))


async def publisher(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    return reply(await ask.parts.accounts.publisher(ask.path["publisher"]))


async def make_publisher(ask: RegistryAsk[NewPublisher, None]) -> web.StreamResponse:
    return reply(await ask.parts.accounts.make_publisher(ask.caller, ask.body), 201)


async def change_publisher(ask: RegistryAsk[ChangePublisher, None]) -> web.StreamResponse:
    changed = await ask.parts.accounts.change_publisher(ask.caller, ask.path["publisher"], ask.body)
    await ask.parts.releases.released()
    return reply(changed)


async def keys(ask: RegistryAsk[None, ListQuery]) -> web.StreamResponse:
    found = (await ask.parts.accounts.publisher(ask.path["publisher"])).keys
    return reply(page_of(found, _key_id, tuple[str], ask.query.limit, ask.query.after))


async def add_key(ask: RegistryAsk[NewKey, None]) -> web.StreamResponse:
    made = await ask.parts.accounts.add_key(ask.caller, ask.path["publisher"], ask.body)
    await ask.parts.releases.released()
    return reply(made, 201)


async def revoke_key(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    await ask.parts.accounts.revoke_key(ask.caller, ask.path["publisher"], ask.path["key_id"])
    await ask.parts.releases.released()
    return nothing()


def _when(token: Token) -> tuple[str, str]:
    return token.created_at, token.id


def _key_id(key: PublisherKey) -> tuple[str]:
    return (key.key_id,)
