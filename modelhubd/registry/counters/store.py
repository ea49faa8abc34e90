"""SQL of downloads and stars. None of it takes the head row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.schema import counter, idempotency, model, report, star
from modelhubd.registry.upserts import inserting
from modelhubd.registry.versions.store import known_to
from modelhubd.wire.catalog import Counters

ACCEPTED = 202


Times = Mapping[tuple[str, str], int]
"""By (model, principal)."""
ROWS = 500
"""Of one statement."""


@dataclass(frozen=True, slots=True)
class Report:
    """A download that a principal tells of; `once` is the same for every try, None where it is not known."""

    principal: str
    model: str
    once: str | None = None


async def first(
    connection: AsyncConnection, keys: Sequence[tuple[str, str]], *, at: str
) -> set[tuple[str, str]]:
    """Those of these (principal, key) that were never used before; they are remembered."""
    found: set[tuple[str, str]] = set()
    for start in range(0, len(keys), ROWS):
        rows = [
            {
                "principal": principal, "key": key, "request_sha256": "", "status": ACCEPTED, "answer": "",
                "created_at": at,
            }
            for principal, key in keys[start : start + ROWS]
        ]  # fmt: skip
        insert = inserting(connection, idempotency).on_conflict_do_nothing()
        made = await connection.execute(insert.returning(idempotency.c.principal, idempotency.c.key), rows)
        found |= {(row.principal, row.key) for row in made}
    return found


async def note_reports(connection: AsyncConnection, told: Times, hour: str) -> dict[tuple[str, str], int]:
    """Add so many reports of this hour; how many there are in all now."""
    found: dict[tuple[str, str], int] = {}
    rows = [
        {"model": ident, "principal": principal, "hour": hour, "count": count}
        for (ident, principal), count in sorted(told.items())
    ]
    for start in range(0, len(rows), ROWS):
        insert = inserting(connection, report)
        new = insert.excluded
        same = sa.case((report.c.hour == new.hour, report.c["count"] + new["count"]), else_=new["count"])
        noted = await connection.execute(
            insert.on_conflict_do_update(
                index_elements=[report.c.model, report.c.principal], set_={"hour": new.hour, "count": same}
            ).returning(report.c.model, report.c.principal, report.c["count"]),
            rows[start : start + ROWS],
        )
        found |= {(ident, principal): count for ident, principal, count in noted}
    return found


async def forget_reports(connection: AsyncConnection, *, before: str) -> None:
    """Those of hours before this one."""
    await connection.execute(report.delete().where(report.c.hour < before))


async def add_downloads(connection: AsyncConnection, downloads: Mapping[str, int]) -> None:
    """Count so many more of each model."""
    rows = [{"model": ident, "downloads": count} for ident, count in sorted(downloads.items())]
    for start in range(0, len(rows), ROWS):
        insert = inserting(connection, counter)
        more = counter.c.downloads + insert.excluded.downloads
        await connection.execute(
            insert.on_conflict_do_update(index_elements=[counter.c.model], set_={"downloads": more}),
            rows[start : start + ROWS],
        )


async def add_star(connection: AsyncConnection, ident: str, principal: str) -> None:
    """A second one of the same principal is none."""
    await connection.execute(
        inserting(connection, star).values(model=ident, principal=principal).on_conflict_do_nothing()
    )


async def remove_star(connection: AsyncConnection, ident: str, principal: str) -> None:
    await connection.execute(star.delete().where(star.c.model == ident, star.c.principal == principal))


async def get(connection: AsyncConnection, ident: str) -> Counters:
    """Zero for a model that nobody has downloaded or starred."""
    downloads = await connection.execute(sa.select(counter.c.downloads).where(counter.c.model == ident))
    stars = await connection.execute(sa.select(sa.func.count()).where(star.c.model == ident))
    return Counters(downloads=downloads.scalar_one_or_none() or 0, stars=stars.scalar_one())


async def every(connection: AsyncConnection) -> dict[str, Counters]:
    """The counters of every model that has any and that was approved once."""
    stars = await connection.execute(
        sa.select(star.c.model, sa.func.count())
        .join(model, model.c.id == star.c.model)
        .where(known_to(None))
        .group_by(star.c.model)
    )
    downloads = await connection.execute(
        sa.select(counter.c.model, counter.c.downloads)
        .join(model, model.c.id == counter.c.model)
        .where(counter.c.downloads > 0, known_to(None))
    )
    starred: dict[str, int] = dict(stars.all())
    downloaded: dict[str, int] = dict(downloads.all())
    return {
        ident: Counters(downloads=downloaded.get(ident, 0), stars=starred.get(ident, 0))
        for ident in sorted(starred.keys() | downloaded.keys())
    }


async def reset(connection: AsyncConnection, ident: str) -> None:
    await connection.execute(counter.delete().where(counter.c.model == ident))
    await connection.execute(star.delete().where(star.c.model == ident))
