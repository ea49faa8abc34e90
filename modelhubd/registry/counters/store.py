"""SQL of downloads and stars. None of it takes the head row."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.schema import counter, idempotency, star
from modelhubd.registry.upserts import inserting
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


async def add_download(connection: AsyncConnection, model: str) -> None:
    insert = inserting(connection, counter).values(model=model, downloads=1)
    await connection.execute(
        insert.on_conflict_do_update(
            index_elements=[counter.c.model], set_={"downloads": counter.c.downloads + 1}
        )
    )


async def add_star(connection: AsyncConnection, model: str, principal: str) -> None:
    """A second one of the same principal is none."""
    await connection.execute(
        inserting(connection, star).values(model=model, principal=principal).on_conflict_do_nothing()
    )


async def remove_star(connection: AsyncConnection, model: str, principal: str) -> None:
    await connection.execute(star.delete().where(star.c.model == model, star.c.principal == principal))


async def get(connection: AsyncConnection, model: str) -> Counters:
    """Zero for a model that nobody has downloaded or starred."""
    downloads = await connection.execute(sa.select(counter.c.downloads).where(counter.c.model == model))
    stars = await connection.execute(sa.select(sa.func.count()).where(star.c.model == model))
    return Counters(downloads=downloads.scalar_one_or_none() or 0, stars=stars.scalar_one())


async def every(connection: AsyncConnection) -> dict[str, Counters]:
    """The counters of every model that has any."""
    stars = await connection.execute(sa.select(star.c.model, sa.func.count()).group_by(star.c.model))
    downloads = await connection.execute(
        sa.select(counter.c.model, counter.c.downloads).where(counter.c.downloads > 0)
    )
    starred: dict[str, int] = dict(stars.all())
    downloaded: dict[str, int] = dict(downloads.all())
    return {
        model: Counters(downloads=downloaded.get(model, 0), stars=starred.get(model, 0))
        for model in sorted(starred.keys() | downloaded.keys())
    }


async def reset(connection: AsyncConnection, model: str) -> None:
    await connection.execute(counter.delete().where(counter.c.model == model))
    await connection.execute(star.delete().where(star.c.model == model))
