"""SQL of what callers are shown of models and versions, held to what they may see."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.schema import (
    counter,
    model,
    publisher,
    served,
    star,
    template_model,
    tombstone,
    verification,
    version,
)
from modelhubd.registry.versions.rows import VersionRow
from modelhubd.registry.versions.states import PUBLIC
from modelhubd.registry.versions.store import COLUMNS, Content, version_row
from modelhubd.wire.catalog import Counters
from modelhubd.wire.registry import RegistryModel, Tombstone, VersionStatus

Place = tuple[str, str, int]
"""Of a version in the queue: when it was published, model, version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """What a caller may see: `every` unpublished version, or those of its own `publishers`."""

    every: bool
    publishers: frozenset[str] = frozenset()

    @classmethod
    def of(cls, scopes: frozenset[str]) -> "Eyes":
        return cls(
            every=not scopes.isdisjoint({"review", "admin"}),
            publishers=frozenset(
                scope.removeprefix("publish:") for scope in scopes if scope.startswith("publish:")
            ),
        )

    def _unpublished(self) -> sa.ColumnElement[bool]:
        return sa.true() if self.every else model.c.publisher.in_(sorted(self.publishers))

    def on_versions(self) -> sa.ColumnElement[bool]:
        """Condition over `version` joined with its `model`."""
        return sa.or_(version.c.status.in_(sorted(PUBLIC)), self._unpublished())

    def last_version(self) -> sa.ScalarSelect[int | None]:
        """The highest version of `model` that may be seen; None where there is none."""
        return (
            sa.select(sa.func.max(version.c.version))
            .where(version.c.model == model.c.id, self.on_versions())
            .correlate(model)
            .scalar_subquery()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which models: `q` is part of the id, of a display name, of a tag or of the publisher's name, `status`
    one that some version has."""

    q: str = ""
    publisher: Collection[str] = ()
    status: Collection[VersionStatus] = ()
    verified: bool | None = None


async def models(
    connection: AsyncConnection, eyes: Eyes, filters: Filters, *, limit: int, after: str | None
) -> tuple[list[RegistryModel], int]:
    """A page of models after the id `after`, and how many there are in all."""
    condition = sa.and_(*_conditions(eyes, filters))
    total = await connection.execute(sa.select(sa.func.count()).select_from(_FROM).where(condition))
    query = _model_query(eyes).where(condition).order_by(model.c.id).limit(limit)
    if after is not None:
        query = query.where(model.c.id > after)
    rows = (await connection.execute(query)).mappings().all()
    users = await _templates(connection, [row["id"] for row in rows])
    return [_model(row, users.get(row["id"], ())) for row in rows], total.scalar_one()


async def one(connection: AsyncConnection, eyes: Eyes, ident: str) -> RegistryModel | None:
    """The model, or None where there is none that may be seen."""
    query = _model_query(eyes).where(model.c.id == ident, eyes.last_version().is_not(None))
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    return _model(row, (await _templates(connection, [ident])).get(ident, ()))


async def is_seen(connection: AsyncConnection, eyes: Eyes, ident: str) -> bool:
    """Whether there is such a model that may be seen."""
    query = sa.select(model.c.id).where(model.c.id == ident, eyes.last_version().is_not(None))
    return (await connection.execute(query)).scalar_one_or_none() is not None


async def versions_of(
    connection: AsyncConnection, eyes: Eyes, ident: str, *, limit: int, before: int | None
) -> tuple[list[tuple[VersionRow, Content]], int]:
    """A page of the model's versions with their content, newest first, and how many there are in all."""
    condition = sa.and_(version.c.model == ident, eyes.on_versions())
    return await _versions(
        connection,
        condition,
        condition if before is None else sa.and_(condition, version.c.version < before),
        order=(version.c.version.desc(),),
        limit=limit,
    )


async def queue(
    connection: AsyncConnection, status: VersionStatus, *, limit: int, after: Place | None
) -> tuple[list[tuple[VersionRow, Content]], int]:
    """A page of all versions in a status with their content, oldest first, and how many there are in all."""
    order = (version.c.published_at, version.c.model, version.c.version)
    condition = version.c.status == status
    return await _versions(
        connection,
        condition,
        condition if after is None else sa.and_(condition, sa.tuple_(*order) > sa.tuple_(*after)),
        order=order,
        limit=limit,
    )


async def served_contents(connection: AsyncConnection, idents: Collection[str]) -> dict[str, tuple[int, str]]:
    """By model, the version that is served and its content."""
    query = (
        sa.select(version.c.model, version.c.version, version.c.content)
        .join(served, sa.and_(served.c.model == version.c.model, served.c.version == version.c.version))
        .where(served.c.model.in_(sorted(idents)))
    )
    return {ident: (number, content) for ident, number, content in await connection.execute(query)}


async def _versions(
    connection: AsyncConnection,
    every: sa.ColumnElement[bool],
    these: sa.ColumnElement[bool],
    *,
    order: Sequence[sa.ColumnElement[Any]],
    limit: int,
) -> tuple[list[tuple[VersionRow, Content]], int]:
    joined = version.join(model, model.c.id == version.c.model)
    total = await connection.execute(sa.select(sa.func.count()).select_from(joined).where(every))
    query = (
        sa.select(*COLUMNS, version.c.content, version.c.envelopes)
        .select_from(joined)
        .where(these)
        .order_by(*order)
        .limit(limit)
    )
    rows = (await connection.execute(query)).mappings()
    found = [(version_row(row), Content(content=row["content"], envelopes=row["envelopes"])) for row in rows]
    return found, total.scalar_one()


_FROM = (
    model.outerjoin(served, served.c.model == model.c.id)
    .outerjoin(verification, verification.c.model == model.c.id)
    .outerjoin(tombstone, tombstone.c.model == model.c.id)
    .outerjoin(counter, counter.c.model == model.c.id)
)
_STARS = sa.select(sa.func.count()).where(star.c.model == model.c.id).correlate(model).scalar_subquery()


def _model_query(eyes: Eyes) -> sa.Select[Any]:
    return sa.select(
        model.c.id,
        model.c.publisher,
        eyes.last_version().label("last_version"),
        served.c.version.label("served_version"),
        verification.c.verified_by,
        verification.c.verified_at,
        tombstone.c.withdrawn_at,
        tombstone.c.reason,
        counter.c.downloads,
        _STARS.label("stars"),
    ).select_from(_FROM)


def _conditions(eyes: Eyes, filters: Filters) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [eyes.last_version().is_not(None)]
    if filters.q:
        found.append(_named(eyes, filters.q.casefold()))
    if filters.publisher:
        found.append(model.c.publisher.in_(sorted(filters.publisher)))
    if filters.status:
        having = (
            sa.select(version.c.version)
            .where(
                version.c.model == model.c.id,
                version.c.status.in_(sorted(filters.status)),
                eyes.on_versions(),
            )
            .correlate(model)
        )
        found.append(having.exists())
    if filters.verified is not None:
        verified = verification.c.model.is_not(None)
        found.append(verified if filters.verified else ~verified)
    return found


def _named(eyes: Eyes, text: str) -> sa.ColumnElement[bool]:
    """The id has `text`, or something by which the publisher, or a version that may be seen and is served or
    waits for review, is called."""
    called = (
        sa.select(version.c.version)
        .where(
            version.c.model == model.c.id,
            version.c.words.contains(text, autoescape=True),
            sa.or_(version.c.version == served.c.version, version.c.status == VersionStatus.PENDING),
            eyes.on_versions(),
        )
        .correlate(model, served)
    )
    by = (
        sa.select(publisher.c.name)
        .where(
            publisher.c.name == model.c.publisher,
            sa.func.lower(publisher.c.display_name).contains(text, autoescape=True),
        )
        .correlate(model)
    )
    return sa.or_(model.c.id.contains(text, autoescape=True), called.exists(), by.exists())


async def _templates(connection: AsyncConnection, idents: Sequence[str]) -> dict[str, tuple[str, ...]]:
    query = (
        sa.select(template_model.c.model, template_model.c.template)
        .where(template_model.c.model.in_(idents))
        .order_by(template_model.c.template)
    )
    found: dict[str, tuple[str, ...]] = {}
    for ident, user in await connection.execute(query):
        found[ident] = (*found.get(ident, ()), user)
    return found


def _model(row: sa.RowMapping, users: tuple[str, ...]) -> RegistryModel:
    return RegistryModel(
        id=row["id"],
        publisher=row["publisher"],
        last_version=row["last_version"],
        served_version=row["served_version"],
        verified=row["verified_at"] is not None,
        verified_by=row["verified_by"],
        verified_at=row["verified_at"],
        tombstone=None
        if row["withdrawn_at"] is None
        else Tombstone(id=row["id"], withdrawn_at=row["withdrawn_at"], reason=row["reason"]),
        counters=Counters(downloads=row["downloads"] or 0, stars=row["stars"]),
        templates=users,
    )
