"""Reads what is served, all at one moment, for the signed document."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.release.catalog import Approved, Catalog, ServedVersion, Texts, for_others
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
from modelhubd.registry.sqlite import SLOW
from modelhubd.tasks import in_thread
from modelhubd.wire.registry import CatalogPublisher, CatalogTemplate, PublisherKey, Tombstone

STATED = (
    version.c.model,
    version.c.version,
    version.c.content,
    version.c.envelopes,
    version.c.published_by,
    version.c.published_at,
)
Key: TypeAlias = tuple[str, int]
"""Model and version."""
AT_ONCE = 100
"""Contents taken from the database before others get their turn."""
LISTED_AT_ONCE = 1000


class Known:
    """What was read and written for the document before: most of it is asked for again. The contents of
    versions are only in the texts, which are packed. One build after the other uses it, never two at once."""

    def __init__(self) -> None:
        self.approved: dict[Key, Approved] = {}
        self.texts = Texts()


async def catalog(connection: AsyncConnection, known: Known | None = None) -> Catalog:
    """Everything that is served. The connection has to be a `Database.reading` one."""
    known = known or Known()
    await connection.execution_options(**SLOW)
    history = await _history(connection, known)
    return Catalog(
        served=await _served(connection, history, known),
        history=history,
        tombstones=await _tombstones(connection),
        templates=await _templates(connection),
        publishers=await _publishers(connection),
    )


async def _history(connection: AsyncConnection, known: Known) -> dict[str, list[Approved]]:
    """Every approved version of what is served, newest first."""
    listed = (
        sa.select(version.c.model, version.c.version)
        .join(served, served.c.model == version.c.model)
        .where(version.c.status == "approved")
        .order_by(version.c.model, version.c.version.desc())
    )
    keys: list[Key] = [(model, number) for model, number in await _all(connection, listed)]
    query = sa.select(
        version.c.model,
        version.c.version,
        version.c.published_by,
        version.c.published_at,
        _stated(connection, "notes").label("notes"),
        _stated(connection, "requires").label("requires"),
    )
    found = {key: known.approved[key] for key in keys if key in known.approved}
    async for row in _rows(connection, query, [key for key in keys if key not in found]):
        found[row.model, row.version] = Approved(
            version=row.version,
            published_by=row.published_by,
            published_at=row.published_at,
            notes=row.notes,
            requires=row.requires,
        )
    known.approved = found
    history: dict[str, list[Approved]] = {}
    for key in keys:
        history.setdefault(key[0], []).append(found[key])
    return history


async def _served(
    connection: AsyncConnection, history: Mapping[str, Sequence[Approved]], known: Known
) -> tuple[ServedVersion, ...]:
    """The newest version of each model, with the older ones that are served beside it; bare where the text
    is known."""
    listed = sa.select(served.c.model, served.c.version, verification.c.model.is_not(None)).outerjoin(
        verification, verification.c.model == served.c.model
    )
    newest = {(model, number): bool(verified) for model, number, verified in await _all(connection, listed)}
    beside = await in_thread(
        lambda: {model: for_others(approved) for model, approved in history.items() if len(approved) > 1}
    )

    def bare(key: Key, verified: bool) -> ServedVersion:
        older = tuple(ServedVersion(model=key[0], version=number) for number in beside.get(key[0], ()))
        return ServedVersion(model=key[0], version=key[1], verified=verified, older=older)

    listing = await in_thread(lambda: [bare(key, verified) for key, verified in newest.items()])
    new = await in_thread(
        lambda: [one for one in listing if not known.texts.know(one, history.get(one.model, ()))]
    )
    wanted = [(one.model, one.version) for whole in new for one in (whole, *whole.older)]
    found: dict[Key, ServedVersion] = {}
    async for row in _rows(connection, sa.select(*STATED), wanted):
        found[row.model, row.version] = ServedVersion(**row._mapping)

    def shown(one: ServedVersion) -> ServedVersion:
        whole = found.get((one.model, one.version))
        if whole is None:
            return one
        older = tuple(found[known.model, known.version] for known in one.older)
        return replace(whole, verified=one.verified, older=older)

    return await in_thread(lambda: tuple(map(shown, listing)))


async def _all(connection: AsyncConnection, query: sa.Select[Any]) -> list[Any]:
    """The rows, which are short, however many; others get their turn meanwhile."""
    found: list[Any] = []
    async for part in (await connection.stream(query)).partitions(LISTED_AT_ONCE):
        found += part
    return found


async def _rows(
    connection: AsyncConnection, query: sa.Select[Any], keys: Sequence[Key]
) -> AsyncIterator[sa.Row[Any]]:
    """Of these versions, in any order; others get their turn meanwhile."""
    for start in range(0, len(keys), AT_ONCE):
        pairs = keys[start : start + AT_ONCE]
        for row in await connection.execute(
            query.where(sa.tuple_(version.c.model, version.c.version).in_(pairs))
        ):
            yield row


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
