"""The log's rows: entries, and the hashes of full subtrees over them."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.audit.entries import EMPTY, Entry, Last
from modelhubd.registry.schema import audit, audit_node
from modelhubd.trust.merkle import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which entries are wanted; None allows all."""

    action: str | None = None
    actor: str | None = None
    subject: str | None = None


async def last(connection: AsyncConnection) -> Last:
    """The end of the log."""
    found = await connection.execute(
        sa.select(audit.c.seq, audit.c.leaf_hash).order_by(audit.c.seq.desc()).limit(1)
    )
    row = found.one_or_none()
    return EMPTY if row is None else Last(seq=row.seq, leaf_hash=row.leaf_hash)


async def last_moment(connection: AsyncConnection) -> str | None:
    """When the last entry was made; None of an empty log."""
    found = await connection.execute(sa.select(audit.c.at).order_by(audit.c.seq.desc()).limit(1))
    return found.scalar_one_or_none()


async def add(connection: AsyncConnection, entry: Entry) -> None:
    """Append one entry."""
    await connection.execute(audit.insert(), asdict(entry))


async def nodes(connection: AsyncConnection, wanted: Iterable[Node]) -> dict[Node, bytes]:
    """The hashes of these subtrees, as far as there are any."""
    keys = sorted(set(wanted))
    if not keys:
        return {}
    conditions = [sa.and_(audit_node.c.level == level, audit_node.c.position == at) for level, at in keys]
    found = await connection.execute(sa.select(audit_node).where(sa.or_(*conditions)))
    return {(row.level, row.position): bytes.fromhex(row.hash) for row in found}


async def add_nodes(connection: AsyncConnection, hashes: dict[Node, bytes]) -> None:
    """Keep the hashes of subtrees that have become full."""
    await connection.execute(
        audit_node.insert(),
        [{"level": level, "position": at, "hash": found.hex()} for (level, at), found in hashes.items()],
    )


async def entry(connection: AsyncConnection, seq: int) -> Entry | None:
    """One entry."""
    found = await connection.execute(sa.select(audit).where(audit.c.seq == seq))
    row = found.one_or_none()
    return None if row is None else Entry(**row._mapping)


async def entries(
    connection: AsyncConnection, only: Filter, *, after: int | None, limit: int, newest: bool = False
) -> list[Entry]:
    """Entries with a greater number than `after`, oldest first; or with a smaller one, `newest` first."""
    query = sa.select(audit).where(*_conditions(only)).limit(limit)
    query = query.order_by(audit.c.seq.desc() if newest else audit.c.seq)
    if after is not None:
        query = query.where(audit.c.seq < after if newest else audit.c.seq > after)
    return [Entry(**row._mapping) for row in await connection.execute(query)]


async def count(connection: AsyncConnection, only: Filter) -> int:
    """How many entries there are in all."""
    query = sa.select(sa.func.count()).select_from(audit).where(*_conditions(only))
    return (await connection.execute(query)).scalar_one()


def _conditions(only: Filter) -> list[sa.ColumnElement[bool]]:
    wanted = {name: getattr(only, name) for name in ("action", "actor", "subject")}
    return [audit.c[name] == value for name, value in wanted.items() if value is not None]
