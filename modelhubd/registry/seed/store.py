"""SQL of the first start."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.access import REGISTRY, SEED
from modelhubd.registry.schema import hub_head, model, principal, publisher, served, version, weight


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRow:
    """An entry of the floor as a version's row."""

    model: str
    publisher: str
    content: str
    content_sha256: str
    words: str = ""
    """What the model is found by."""
    weights: frozenset[str] = frozenset()
    """SHA-256 of the files that make the model what it is."""


async def name_of(connection: AsyncConnection) -> str:
    """Of this registry; empty before its first start."""
    found = await connection.execute(sa.select(hub_head.c.name))
    name: str = found.scalar_one()
    return name


async def set_name(connection: AsyncConnection, name: str) -> None:
    await connection.execute(hub_head.update().values(name=name))


async def add_all(connection: AsyncConnection, rows: Sequence[SeedRow], at: str) -> None:
    """As versions that `seed` has published and the registry has approved."""
    await connection.execute(
        principal.insert(), [{"name": name, "created_at": at} for name in (REGISTRY, SEED)]
    )
    if not rows:
        return
    await connection.execute(
        publisher.insert(),
        [
            {"name": name, "display_name": name, "status": "active", "created_at": at}
            for name in sorted({row.publisher for row in rows})
        ],
    )
    await connection.execute(
        model.insert(),
        [{"id": row.model, "publisher": row.publisher, "last_version": 0, "created_at": at} for row in rows],
    )
    await connection.execute(model.update().values(last_version=1))
    await connection.execute(
        version.insert(),
        [
            {
                "model": row.model, "version": 1, "status": "pending", "content": row.content,
                "content_sha256": row.content_sha256, "envelopes": "[]", "words": row.words,
                "published_by": SEED, "published_at": at, "four_eyes": True,
            }
            for row in rows
        ],
    )  # fmt: skip
    await connection.execute(version.update().values(status="approved", decided_by=REGISTRY, decided_at=at))
    await connection.execute(
        served.insert(), [{"model": row.model, "version": 1, "status": "approved"} for row in rows]
    )
    weights = [{"sha256": sha256, "model": row.model} for row in rows for sha256 in sorted(row.weights)]
    if weights:
        await connection.execute(weight.insert(), weights)
