"""SQL of downloads and stars. None of it takes the head row."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.schema import counter, idempotency, model, star
from modelhubd.registry.upserts import inserting
from modelhubd.registry.versions.store import known_to
from modelhubd.wire.catalog import Counters

ACCEPTED = 202


async def is_first(connection: AsyncConnection, principal: str, key: str, *, at: str) -> bool:
    """Whether the principal has not used this key before; it is remembered."""
    values = {
        "principal": principal, "key": key, "request_sha256": "", "status": ACCEPTED, "answer": "",
        "created_at": at,
    }  # fmt: skip
    made = await connection.execute(
        inserting(connection, idempotency).values(**values).on_conflict_do_nothing()
    )
    return made.rowcount > 0


async def add_download(connection: AsyncConnection, ident: str) -> None:
    insert = inserting(connection, counter).values(model=ident, downloads=1)
    await connection.execute(
        insert.on_conflict_do_update(
            index_elements=[counter.c.model], set_={"downloads": counter.c.downloads + 1}
        )
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
