"""SQL of principals, tokens, publishers and their keys."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.schema import principal, publisher, publisher_key, token
from modelhubd.wire.registry import Publisher, PublisherKey, Token


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownToken:
    """What decides whether a token is good."""

    principal: str
    secret_sha256: str
    scopes: frozenset[str]
    expires_at: str
    revoked_at: str | None
    last_used_at: str | None


KNOWN_TOKEN = sa.select(
    token.c.principal, token.c.secret_sha256, token.c.scopes, token.c.expires_at, token.c.revoked_at,
    token.c.last_used_at,
).where(token.c.id == sa.bindparam("id"))  # fmt: skip
"""What `known_token` makes a `KnownToken` of."""


def known_token(row: Sequence[Any]) -> KnownToken:
    principal, secret_sha256, scopes, expires_at, revoked_at, last_used_at = row
    return KnownToken(
        principal=principal,
        secret_sha256=secret_sha256,
        scopes=frozenset(_scopes(scopes)),
        expires_at=expires_at,
        revoked_at=revoked_at,
        last_used_at=last_used_at,
    )


async def note_use(connection: AsyncConnection, id: str, hour: str) -> None:
    """That the token was used in this hour."""
    await connection.execute(
        token.update()
        .where(token.c.id == id, sa.or_(token.c.last_used_at.is_(None), token.c.last_used_at < hour))
        .values(last_used_at=hour)
    )


async def add_principal(connection: AsyncConnection, name: str, created_at: str) -> None:
    """One that is there already stays as it is."""
    known = await connection.execute(sa.select(principal.c.name).where(principal.c.name == name))
    if known.one_or_none() is None:
        await connection.execute(principal.insert().values(name=name, created_at=created_at))


async def add_token(connection: AsyncConnection, info: Token, secret_sha256: str) -> None:
    await connection.execute(
        token.insert().values(
            id=info.id,
            principal=info.principal,
            secret_sha256=secret_sha256,
            scopes=msgspec.json.encode(info.scopes).decode(),
            note=info.note,
            created_at=info.created_at,
            created_by=info.created_by,
            expires_at=info.expires_at,
        )
    )


async def token_of(connection: AsyncConnection, id: str) -> Token | None:
    row = (await connection.execute(sa.select(*_SHOWN).where(token.c.id == id))).mappings().one_or_none()
    return None if row is None else _token(row)


async def tokens(connection: AsyncConnection, owner: str | None) -> list[Token]:
    """Everybody's, or those of one principal."""
    query = sa.select(*_SHOWN).order_by(token.c.created_at, token.c.id)
    if owner is not None:
        query = query.where(token.c.principal == owner)
    return [_token(row) for row in (await connection.execute(query)).mappings()]


async def revoke_token(connection: AsyncConnection, id: str, at: str) -> None:
    await connection.execute(token.update().where(token.c.id == id).values(revoked_at=at))


async def publishers(connection: AsyncConnection, names: Collection[str] | None = None) -> list[Publisher]:
    """All with their keys, or those of these names."""
    keys = sa.select(publisher_key).order_by(publisher_key.c.created_at, publisher_key.c.key_id)
    query = sa.select(publisher).order_by(publisher.c.name)
    if names is not None:
        keys = keys.where(publisher_key.c.publisher.in_(sorted(names)))
        query = query.where(publisher.c.name.in_(sorted(names)))
    of: dict[str, list[PublisherKey]] = {}
    for row in (await connection.execute(keys)).mappings():
        of.setdefault(row["publisher"], []).append(_key(row))
    return [
        Publisher(
            name=row["name"],
            display_name=row["display_name"],
            status=row["status"],
            keys=tuple(of.get(row["name"], ())),
            created_at=row["created_at"],
        )
        for row in (await connection.execute(query)).mappings()
    ]


async def add_publisher(connection: AsyncConnection, made: Publisher) -> None:
    await connection.execute(
        publisher.insert().values(
            name=made.name, display_name=made.display_name, status=made.status, created_at=made.created_at
        )
    )


async def set_publisher_status(connection: AsyncConnection, name: str, status: str) -> None:
    await connection.execute(publisher.update().where(publisher.c.name == name).values(status=status))


async def add_key(
    connection: AsyncConnection, owner: str, key_id: str, public_key: str, created_at: str
) -> None:
    await connection.execute(
        publisher_key.insert().values(
            publisher=owner, key_id=key_id, public_key=public_key, created_at=created_at
        )
    )


async def revoke_key(connection: AsyncConnection, owner: str, key_id: str, at: str) -> None:
    await connection.execute(
        publisher_key.update()
        .where(publisher_key.c.publisher == owner, publisher_key.c.key_id == key_id)
        .values(revoked_at=at)
    )


_SHOWN = tuple(column for column in token.c if column.name != "secret_sha256")


def _token(row: Mapping[Any, Any]) -> Token:
    return Token(**{**row, "scopes": _scopes(row["scopes"])})


def _key(row: Mapping[Any, Any]) -> PublisherKey:
    return PublisherKey(key_id=row["key_id"], public_key=row["public_key"], revoked_at=row["revoked_at"])


def _scopes(text: str) -> Sequence[str]:
    return msgspec.json.decode(text, type=tuple[str, ...])
