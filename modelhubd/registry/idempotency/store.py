"""SQL of the answers that are kept for repeated requests."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.schema import idempotency


async def kept(connection: AsyncConnection, principal: str, key: str) -> tuple[str, int, str, str] | None:
    """(request_sha256, status, answer, created_at) of the key's first use."""
    table = idempotency.c
    row = (
        await connection.execute(
            sa.select(table.request_sha256, table.status, table.answer, table.created_at).where(
                table.principal == principal, table.key == key
            )
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1], row[2], row[3])


async def keep(
    connection: AsyncConnection,
    *,
    principal: str,
    key: str,
    request_sha256: str,
    status: int,
    answer: str,
    created_at: str,
) -> None:
    await connection.execute(
        idempotency.insert().values(
            principal=principal,
            key=key,
            request_sha256=request_sha256,
            status=status,
            answer=answer,
            created_at=created_at,
        )
    )


async def forget(connection: AsyncConnection, *, before: str) -> None:
    """Those made before a time."""
    await connection.execute(idempotency.delete().where(idempotency.c.created_at < before))
