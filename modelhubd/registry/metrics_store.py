"""SQL of the figures that `/metrics` tells."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.schema import audit, hub_head, served, verification, version


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """As of one moment."""

    pending: int
    served: int
    verified: int
    revision: int
    released: int
    audited: int


async def figures(connection: AsyncConnection) -> Figures:
    """In one query."""
    row = (
        await connection.execute(
            sa.select(
                _count(version).where(version.c.status == "pending").scalar_subquery(),
                _count(served).scalar_subquery(),
                _count(verification).scalar_subquery(),
                sa.select(sa.func.coalesce(sa.func.max(audit.c.seq) + 1, 0)).scalar_subquery(),
                hub_head.c.revision,
                hub_head.c.released,
            )
        )
    ).one()
    return Figures(
        pending=row[0], served=row[1], verified=row[2], audited=row[3], revision=row[4], released=row[5]
    )


def _count(table: sa.Table) -> sa.Select[Any]:
    return sa.select(sa.func.count()).select_from(table)
