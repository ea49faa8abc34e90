"""Reads what is served, all at one moment, for the signed document."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.release.catalog import Approved, Catalog, ServedVersion, for_others
from modelhubd.registry.schema import (
    publisher,
    publisher_key,
    served,
    template,
    template_model,
    tombstone,
    verification,
    version,
)
from modelhubd.wire.registry import CatalogPublisher, CatalogTemplate, PublisherKey, Tombstone

STATED = (
    version.c.model,
    version.c.version,
    version.c.content,
    version.c.envelopes,
    version.c.published_by,
    version.c.published_at,
)
AT_ONCE = 100
"""Rows taken from the database before others get their turn."""


async def catalog(connection: AsyncConnection) -> Catalog:
    """Everything that is served. The connection has to be a `Database.reading` one."""
    history = await _history(connection)
    return Catalog(
        served=await _served(connection, await _for_others(connection, history)),
        history=history,
        tombstones=await _tombstones(connection),
        templates=await _templates(connection),
        publishers=await _publishers(connection),
    )


async def _served(
    connection: AsyncConnection, older: Mapping[str, tuple[ServedVersion, ...]]
) -> tuple[ServedVersion, ...]:
    found = await connection.stream(
        sa.select(
            *STATED,
            verification.c.model.is_not(None).label("verified"),
        )
        .join(served, sa.and_(served.c.model == version.c.model, served.c.version == version.c.version))
        .outerjoin(verification, verification.c.model == served.c.model)
    )
    rows: list[ServedVersion] = []
    async for part in found.partitions(AT_ONCE):
        rows += [ServedVersion(**row._mapping, older=older.get(row.model, ())) for row in part]
    return tuple(rows)


async def _for_others(
    connection: AsyncConnection, history: Mapping[str, Sequence[Approved]]
) -> dict[str, tuple[ServedVersion, ...]]:
    """By model, the older versions that are served beside the newest."""
    wanted = [(model, number) for model, known in history.items() for number in for_others(known)]
    found: dict[str, list[ServedVersion]] = {}
    for start in range(0, len(wanted), AT_ONCE):
        pairs = wanted[start : start + AT_ONCE]
        rows = await connection.execute(
            sa.select(*STATED, sa.false().label("verified"))
            .where(sa.tuple_(version.c.model, version.c.version).in_(pairs))
            .order_by(version.c.model, version.c.version.desc())
        )
        for row in rows:
            found.setdefault(row.model, []).append(ServedVersion(**row._mapping))
    return {model: tuple(versions) for model, versions in found.items()}


async def _history(connection: AsyncConnection) -> dict[str, list[Approved]]:
    """Every approved version of what is served, newest first."""
    found = await connection.stream(
        sa.select(
            version.c.model,
            version.c.version,
            version.c.published_by,
            version.c.published_at,
            _stated(connection, "notes").label("notes"),
            _stated(connection, "requires").label("requires"),
        )
        .join(served, served.c.model == version.c.model)
        .where(version.c.status == "approved")
        .order_by(version.c.model, version.c.version.desc())
    )
    history: dict[str, list[Approved]] = {}
    async for part in found.partitions(AT_ONCE):
        for row in part:
            history.setdefault(row.model, []).append(
                Approved(
                    version=row.version,
                    published_by=row.published_by,
                    published_at=row.published_at,
                    notes=row.notes,
                    requires=row.requires,
                )
            )
    return history


def _stated(connection: AsyncConnection, field: str) -> sa.ColumnElement[str | None]:
    """A field of the content as text; as JSON where it holds more than that."""
    if connection.dialect.name == "sqlite":
        return sa.func.json_extract(version.c.content, f"$.{field}")
    stated: sa.ColumnElement[str | None] = sa.cast(version.c.content, sa.JSON)[field].as_string()
    return stated


async def _tombstones(connection: AsyncConnection) -> tuple[Tombstone, ...]:
    found = await connection.execute(sa.select(tombstone))
    stones = [Tombstone(id=row.model, withdrawn_at=row.withdrawn_at, reason=row.reason) for row in found]
    return tuple(sorted(stones, key=lambda stone: stone.id))


async def _templates(connection: AsyncConnection) -> tuple[CatalogTemplate, ...]:
    models: dict[str, list[str]] = {}
    for row in await connection.execute(sa.select(template_model)):
        models.setdefault(row.template, []).append(row.model)
    found = await connection.execute(sa.select(template.c.id, template.c.name))
    known = [
        CatalogTemplate(id=row.id, name=row.name, models=tuple(sorted(models.get(row.id, ()))))
        for row in found
    ]
    return tuple(sorted(known, key=lambda one: one.id))


async def _publishers(connection: AsyncConnection) -> tuple[CatalogPublisher, ...]:
    keys: dict[str, list[PublisherKey]] = {}
    for row in await connection.execute(sa.select(publisher_key)):
        keys.setdefault(row.publisher, []).append(
            PublisherKey(key_id=row.key_id, public_key=row.public_key, revoked_at=row.revoked_at)
        )
    found = await connection.execute(sa.select(publisher.c.name, publisher.c.status))
    known = [
        CatalogPublisher(
            name=row.name,
            status=row.status,
            keys=tuple(sorted(keys.get(row.name, ()), key=lambda key: key.key_id)),
        )
        for row in found
    ]
    return tuple(sorted(known, key=lambda one: one.name))
