"""SQL of where the registry stands."""

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.schema import audit, hub_head


class Mark(NamedTuple):
    """Grows with everything that is done: each act is an entry of the audit log."""

    audited: int
    revision: int


async def mark(connection: AsyncConnection) -> Mark:
    """As of one moment."""
    row = (
        await connection.execute(
            sa.select(
                sa.select(sa.func.coalesce(sa.func.max(audit.c.seq) + 1, 0)).scalar_subquery(),
                hub_head.c.revision,
            )
        )
    ).one()
    return Mark(row[0], row[1])
