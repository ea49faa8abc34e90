"""SQL of answers that a repeated request gets again."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.schema import idempotency


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a request with this key was, and what it got."""

    request_sha256: str
    status: int
    answer: str


async def find(connection: AsyncConnection, principal: str, key: str) -> Answered | None:
    query = sa.select(idempotency.c.request_sha256, idempotency.c.status, idempotency.c.answer).where(
        idempotency.c.principal == principal, idempotency.c.key == key
    )
    found = (await connection.execute(query)).one_or_none()
    if found is None:
        return None
    return Answered(request_sha256=found.request_sha256, status=found.status, answer=found.answer)


async def keep(connection: AsyncConnection, principal: str, key: str, answered: Answered, *, at: str) -> None:
    await connection.execute(
        idempotency.insert().values(
            principal=principal,
            key=key,
            request_sha256=answered.request_sha256,
            status=answered.status,
            answer=answered.answer,
            created_at=at,
        )
    )


async def forget(connection: AsyncConnection, *, before: str) -> None:
    """Let go of what was answered before that time."""
    await connection.execute(idempotency.delete().where(idempotency.c.created_at < before))
