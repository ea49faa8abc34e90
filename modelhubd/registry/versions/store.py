"""SQL of models and their versions. Each function works in the transaction it is given."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.schema import (
    issue,
    model,
    publisher,
    served,
    tombstone,
    version,
    weight,
)
from modelhubd.registry.sqlite import SLOW
from modelhubd.registry.upserts import inserting
from modelhubd.registry.versions.rows import VersionRow
from modelhubd.registry.versions.states import PUBLIC
from modelhubd.wire.registry import Issue, Severity, VersionStatus

SERVED = VersionStatus.APPROVED
ASKED_MAX = 10_000
"""Values in one query; either database takes some 32,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What was published, as stored: canonical JSON, and the envelopes as a JSON list."""

    content: str
    envelopes: str
    words: str = ""
    """What the model is found by."""


_ISSUES = (
    sa.select(sa.func.count())
    .where(issue.c.model == version.c.model, issue.c.version == version.c.version)
    .scalar_subquery()
)
_IS_SERVED = (
    sa.select(sa.func.count())
    .where(served.c.model == version.c.model, served.c.version == version.c.version)
    .scalar_subquery()
)
COLUMNS = (
    version.c.model, version.c.version, version.c.status, version.c.content_sha256,
    version.c.published_by, version.c.published_at, version.c.decided_by, version.c.decided_at,
    version.c.reason, version.c.four_eyes, version.c.withdrawn_by, version.c.withdrawn_at,
    version.c.withdraw_reason, _ISSUES.label("issues"), _IS_SERVED.label("is_served"),
)  # fmt: skip
"""What `version_row` makes a `VersionRow` of."""


def version_row(found: sa.RowMapping) -> VersionRow:
    values = {name: found[name] for name in VersionRow.__slots__ if name not in ("status", "served")}
    return VersionRow(**values, status=VersionStatus(found["status"]), served=bool(found["is_served"]))


async def publisher_status(connection: AsyncConnection, name: str) -> str | None:
    """`active`, `suspended`, or None where there is no such publisher."""
    found = await connection.execute(sa.select(publisher.c.status).where(publisher.c.name == name))
    return found.scalar_one_or_none()


async def get(connection: AsyncConnection, ident: str, number: int) -> VersionRow | None:
    query = sa.select(*COLUMNS).where(version.c.model == ident, version.c.version == number)
    found = (await connection.execute(query)).mappings().one_or_none()
    return None if found is None else version_row(found)


async def get_content(connection: AsyncConnection, ident: str, number: int) -> Content:
    query = sa.select(version.c.content, version.c.envelopes).where(
        version.c.model == ident, version.c.version == number
    )
    found = (await connection.execute(query)).one()
    return Content(content=found.content, envelopes=found.envelopes)


async def allocate(connection: AsyncConnection, ident: str, *, at: str) -> int:
    """The next version number of the model, which is made if there is none. Needs the head row."""
    raised = await connection.execute(
        model.update()
        .where(model.c.id == ident)
        .values(last_version=model.c.last_version + 1)
        .returning(model.c.last_version)
    )
    number: int | None = raised.scalar_one_or_none()
    if number is not None:
        return number
    await connection.execute(
        model.insert().values(id=ident, publisher=ident.partition("/")[0], last_version=0, created_at=at)
    )
    return await allocate(connection, ident, at=at)


async def add(
    connection: AsyncConnection, row: VersionRow, content: Content, issues: Collection[Issue]
) -> None:
    """Record a version and what was noticed about it."""
    await connection.execute(
        version.insert().values(
            model=row.model,
            version=row.version,
            status=row.status,
            content=content.content,
            content_sha256=row.content_sha256,
            envelopes=content.envelopes,
            words=content.words,
            published_by=row.published_by,
            published_at=row.published_at,
            four_eyes=row.four_eyes,
        )
    )
    await add_issues(connection, row, issues, known=0)


async def add_issues(
    connection: AsyncConnection, row: VersionRow, issues: Collection[Issue], *, known: int
) -> None:
    """Record what was noticed about a version, of which `known` issues are recorded already."""
    if issues:
        await connection.execute(
            issue.insert(),
            [
                {
                    "model": row.model,
                    "version": row.version,
                    "position": position,
                    "code": one.code,
                    "severity": one.severity,
                    "pointer": one.pointer,
                    "message": one.message,
                }
                for position, one in enumerate(issues, known)
            ],
        )


async def issues_of(connection: AsyncConnection, ident: str, number: int) -> tuple[Issue, ...]:
    query = _RECORDED.where(issue.c.model == ident, issue.c.version == number)
    return tuple(_issue(found) for found in (await connection.execute(query)).mappings())


async def issues_of_each(connection: AsyncConnection, rows: Sequence[VersionRow]) -> list[tuple[Issue, ...]]:
    """What is recorded of each, in their order."""
    key = sa.tuple_(issue.c.model, issue.c.version)
    query = _RECORDED.where(key.in_([(row.model, row.version) for row in rows]))
    of: dict[tuple[str, int], list[Issue]] = {}
    for found in (await connection.execute(query)).mappings():
        of.setdefault((found["model"], found["version"]), []).append(_issue(found))
    return [tuple(of.get((row.model, row.version), ())) for row in rows]


_RECORDED = sa.select(issue).order_by(issue.c.position)


def _issue(found: sa.RowMapping) -> Issue:
    return Issue(
        code=found["code"],
        severity=Severity(found["severity"]),
        pointer=found["pointer"],
        message=found["message"],
    )


async def decide(
    connection: AsyncConnection,
    row: VersionRow,
    *,
    status: VersionStatus,
    by: str,
    at: str,
    reason: str | None,
    four_eyes: bool,
) -> None:
    """A pending version becomes `status`."""
    await connection.execute(
        _of(row).values(status=status, decided_by=by, decided_at=at, reason=reason, four_eyes=four_eyes)
    )


async def withdraw(connection: AsyncConnection, row: VersionRow, *, by: str, at: str, reason: str) -> None:
    await connection.execute(
        _of(row).values(
            status=VersionStatus.WITHDRAWN, withdrawn_by=by, withdrawn_at=at, withdraw_reason=reason
        )
    )


def _of(row: VersionRow) -> sa.Update:
    return version.update().where(
        version.c.model == row.model, version.c.version == row.version, version.c.status == row.status
    )


async def served_version(connection: AsyncConnection, ident: str) -> int | None:
    found = await connection.execute(sa.select(served.c.version).where(served.c.model == ident))
    return found.scalar_one_or_none()


async def highest_approved(connection: AsyncConnection, ident: str, *, but: int) -> int | None:
    """The highest approved version other than `but`; None where there is none."""
    query = sa.select(sa.func.max(version.c.version)).where(
        version.c.model == ident, version.c.status == SERVED, version.c.version != but
    )
    highest: int | None = (await connection.execute(query)).scalar_one()
    return highest


async def serve(connection: AsyncConnection, ident: str, number: int) -> None:
    """Let an approved version be the one that is served, in place of what was; any tombstone is gone."""
    changed = await connection.execute(served.update().where(served.c.model == ident).values(version=number))
    if changed.rowcount == 0:
        await connection.execute(served.insert().values(model=ident, version=number, status=SERVED))
        await connection.execute(tombstone.delete().where(tombstone.c.model == ident))


async def bury(connection: AsyncConnection, ident: str, *, at: str, reason: str) -> None:
    """Serve the model no more; a tombstone says so. It must not be verified."""
    await connection.execute(served.delete().where(served.c.model == ident))
    await connection.execute(tombstone.insert().values(model=ident, withdrawn_at=at, reason=reason))


async def names(connection: AsyncConnection, known: sa.ColumnElement[bool]) -> tuple[str, str]:
    """The ids of the models that are `known`, and every publisher's name.

    Each as one text with blanks between, for there may be many.
    """
    every = sa.select(sa.func.aggregate_strings(model.c.id, " ")).where(known)
    models = await connection.execute(every.execution_options(**SLOW))
    publishers = await connection.execute(sa.select(sa.func.aggregate_strings(publisher.c.name, " ")))
    return models.scalar_one() or "", publishers.scalar_one() or ""


async def holders(
    connection: AsyncConnection, weights: Collection[str], known: sa.ColumnElement[bool]
) -> dict[str, list[str]]:
    """By SHA-256, the first two models that were published with these weights, of those that are `known`: one
    of them is another than whoever asks."""
    place = sa.func.row_number().over(partition_by=weight.c.sha256, order_by=weight.c.model)
    having = sa.select(weight.c.sha256, weight.c.model, place.label("place")).join(
        model, model.c.id == weight.c.model
    )
    found: dict[str, list[str]] = {}
    every = sorted(weights)
    for start in range(0, len(every), ASKED_MAX):
        asked = having.where(weight.c.sha256.in_(every[start : start + ASKED_MAX]), known).subquery()
        firsts = sa.select(asked.c.sha256, asked.c.model).where(asked.c.place <= 2).order_by(asked.c.place)
        for sha256, holder in await connection.execute(firsts):
            found.setdefault(sha256, []).append(holder)
    return found


def known_to(own: str | None) -> sa.ColumnElement[bool]:
    """Condition over `model`: some version of it was approved once, or the publisher `own` has it."""
    approved = _has(PUBLIC)
    return approved if own is None else sa.or_(approved, model.c.publisher == own)


def under_review_too() -> sa.ColumnElement[bool]:
    """Condition over `model`: some version of it was approved once, or waits for review."""
    return _has(PUBLIC | {VersionStatus.PENDING})


def _has(statuses: Collection[VersionStatus]) -> sa.ColumnElement[bool]:
    return sa.exists().where(version.c.model == model.c.id, version.c.status.in_(sorted(statuses)))


async def note_weights(connection: AsyncConnection, ident: str, weights: Iterable[str]) -> None:
    """Remember that the model was published with these."""
    rows = [{"sha256": sha256, "model": ident} for sha256 in sorted(weights)]
    if rows:
        await connection.execute(inserting(connection, weight).on_conflict_do_nothing(), rows)
