"""The head row, and the files of the release."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.release.files import Stored, sha256_of
from modelhubd.registry.schema import hub_head, release_file
from modelhubd.registry.sqlite import SLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """`name` of the registry; `revision` of what is served, and the one that is `released`."""

    name: str
    revision: int
    released: int


HEAD = sa.select(hub_head.c.name, hub_head.c.revision, hub_head.c.released)
"""The head row; `head_of` makes a `Head` of it."""


def head_of(row: Sequence[Any]) -> Head:
    name, revision, released = row
    return Head(name=name, revision=revision, released=released)


async def head(connection: AsyncConnection) -> Head:
    """The head row."""
    return head_of((await connection.execute(HEAD)).one())


async def bump(connection: AsyncConnection) -> None:
    """Count one change of what is served (inside `Database.changing`)."""
    await connection.execute(hub_head.update().values(revision=hub_head.c.revision + 1))


async def set_released(connection: AsyncConnection, revision: int) -> None:
    """Note that the release holds this revision."""
    await connection.execute(hub_head.update().values(released=revision))


async def set_revision(connection: AsyncConnection, revision: int) -> None:
    """Go on counting from here, which is not less than now."""
    await connection.execute(hub_head.update().values(revision=revision))


async def content(connection: AsyncConnection, name: str) -> bytes | None:
    """The bytes of a file."""
    found = await connection.execute(sa.select(release_file.c.content).where(release_file.c.name == name))
    return found.scalar_one_or_none()


async def digest(connection: AsyncConnection, name: str) -> str | None:
    """SHA-256 of a file, in hex."""
    found = await connection.execute(sa.select(release_file.c.sha256).where(release_file.c.name == name))
    return found.scalar_one_or_none()


LISTED = sa.select(release_file.c.name, release_file.c.sha256, release_file.c.made_at).order_by(
    release_file.c.name
)
"""Every file, without its bytes."""


async def listed(connection: AsyncConnection) -> list[Stored]:
    """Every file, without its bytes."""
    return [
        Stored(name=name, sha256=sha256, made_at=made_at)
        for name, sha256, made_at in await connection.execute(LISTED)
    ]


async def put(connection: AsyncConnection, files: Mapping[str, bytes], made_at: str) -> None:
    """Write these files, over those that have their names."""
    await remove(connection, files)
    rows = [
        {"name": name, "content": whole, "sha256": sha256_of(whole), "made_at": made_at}
        for name, whole in sorted(files.items())
    ]
    if rows:
        await connection.execute(release_file.insert().execution_options(**SLOW), rows)


async def remove(connection: AsyncConnection, names: Iterable[str]) -> None:
    """Delete these files."""
    await connection.execute(release_file.delete().where(release_file.c.name.in_(list(names))))
