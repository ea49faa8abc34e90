"""Rows of any table, for export and import, and how a registry's tables are filled again.

The triggers stay in force: a version is published, decided and withdrawn once more, so that nothing comes in
that could not have come about.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.schema import audit, hub_head, metadata, model, version

ORDER = {"version": ("version", "model"), "audit": ("seq",)}
"""How rows are ordered where not by their key: versions by their number first, as they can be taken in."""
DECIDED = ("decided_by", "decided_at", "reason", "four_eyes")
WITHDRAWN = ("withdrawn_by", "withdrawn_at", "withdraw_reason")
Row = dict[str, Any]


def columns(table: str) -> set[str]:
    """The names of a table's columns."""
    return set(metadata.tables[table].columns.keys())


async def count(connection: AsyncConnection, table: str) -> int:
    """How many rows a table has."""
    found = await connection.execute(sa.select(sa.func.count()).select_from(metadata.tables[table]))
    return found.scalar_one()


async def rows(connection: AsyncConnection, table: str, at_once: int) -> AsyncIterator[list[Row]]:
    """All rows of a table, some at a time."""
    source = metadata.tables[table]
    order = [source.c[name] for name in ORDER.get(table, [one.name for one in source.primary_key])]
    result = await connection.stream(sa.select(source).order_by(*order))
    async for partition in result.mappings().partitions(at_once):
        yield [dict(row) for row in partition]


async def is_empty(connection: AsyncConnection) -> bool:
    """Whether nothing was ever kept in this database."""
    name = (await connection.execute(sa.select(hub_head.c.name))).scalar_one()
    return not name and not any(
        [await count(connection, table) for table in ("principal", "publisher", "model", "audit")]
    )


async def add(connection: AsyncConnection, table: str, found: Sequence[Row]) -> None:
    """Take rows in as they are."""
    await connection.execute(metadata.tables[table].insert(), list(found))


async def add_models(connection: AsyncConnection, found: Sequence[Row]) -> None:
    """Take models in, without a version yet."""
    await connection.execute(model.insert(), [{**row, "last_version": 0} for row in found])


async def add_versions(connection: AsyncConnection, found: Sequence[Row]) -> None:
    """Publish versions once more, each the next one of its model, decide on them, and withdraw them."""
    await connection.execute(
        model.update().where(model.c.id == sa.bindparam("of")).values(last_version=model.c.last_version + 1),
        [{"of": row["model"]} for row in found],
    )
    late = dict.fromkeys((*DECIDED, *WITHDRAWN))
    await connection.execute(
        version.insert(),
        [{**row, **late, "four_eyes": row["four_eyes"], "status": "pending"} for row in found],
    )
    decided = [row for row in found if row["status"] != "pending"]
    await _move(connection, decided, DECIDED, {"withdrawn": "approved"})
    await _move(connection, [row for row in decided if row["status"] == "withdrawn"], WITHDRAWN, {})


async def last_versions(connection: AsyncConnection) -> dict[str, int]:
    """The highest version of each model."""
    found = await connection.execute(sa.select(model.c.id, model.c.last_version))
    return {row.id: row.last_version for row in found}


async def add_entries(connection: AsyncConnection, found: Sequence[Row]) -> None:
    """Append to the audit log."""
    await connection.execute(audit.insert(), list(found))


async def set_head(connection: AsyncConnection, name: str, revision: int, released: int) -> None:
    """Name the registry and set its revisions."""
    await connection.execute(hub_head.update().values(name=name, revision=revision, released=released))


async def _move(
    connection: AsyncConnection, found: list[Row], columns: tuple[str, ...], instead: dict[str, str]
) -> None:
    if not found:
        return
    await connection.execute(
        version.update()
        .where(version.c.model == sa.bindparam("of"), version.c.version == sa.bindparam("number"))
        .values({name: sa.bindparam(f"new_{name}") for name in ("status", *columns)}),
        [
            {
                "of": row["model"],
                "number": row["version"],
                "new_status": instead.get(row["status"], row["status"]),
                **{f"new_{name}": row[name] for name in columns},
            }
            for row in found
        ],
    )
