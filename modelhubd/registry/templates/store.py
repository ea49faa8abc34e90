"""SQL of templates."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.schema import template, template_model, verification
from modelhubd.registry.templates.compliance import unverified
from modelhubd.registry.verification.store import compliance
from modelhubd.wire.registry import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A template as it is stored."""

    id: str
    name: str
    description: str
    models: tuple[str, ...]


async def get(connection: AsyncConnection, ident: str) -> Template | None:
    found = await _templates(connection, _QUERY.where(template.c.id == ident))
    return found[0] if found else None


async def page(connection: AsyncConnection, *, limit: int, after: str | None) -> tuple[list[Template], int]:
    """A page in the order of the ids, and how many there are in all."""
    total = await connection.execute(sa.select(sa.func.count()).select_from(template))
    query = _QUERY.order_by(template.c.id).limit(limit)
    if after is not None:
        query = query.where(template.c.id > after)
    return await _templates(connection, query), total.scalar_one()


async def put(connection: AsyncConnection, stored: Stored, *, by: str, at: str) -> None:
    """In place of what was there under its id."""
    values = {
        "name": stored.name, "description": stored.description, "updated_at": at, "updated_by": by,
    }  # fmt: skip
    changed = await connection.execute(template.update().where(template.c.id == stored.id).values(**values))
    if changed.rowcount == 0:
        await connection.execute(template.insert().values(id=stored.id, **values))
    await connection.execute(template_model.delete().where(template_model.c.template == stored.id))
    await connection.execute(
        template_model.insert(), [{"template": stored.id, "model": model} for model in stored.models]
    )


async def delete(connection: AsyncConnection, ident: str) -> bool:
    """Whether there was one."""
    await connection.execute(template_model.delete().where(template_model.c.template == ident))
    gone = await connection.execute(template.delete().where(template.c.id == ident))
    return gone.rowcount > 0


_QUERY = sa.select(
    template.c.id, template.c.name, template.c.description, template.c.updated_at, template.c.updated_by,
    compliance.c.compliant,
).join(compliance, compliance.c.template == template.c.id)  # fmt: skip


async def _templates(
    connection: AsyncConnection, query: "sa.Select[tuple[str, str, str, str, str, bool]]"
) -> list[Template]:
    rows = (await connection.execute(query)).mappings().all()
    models, verified = await _models(connection, [row["id"] for row in rows])
    return [
        Template(
            id=row["id"],
            name=row["name"],
            description=row["description"],
            models=tuple(models[row["id"]]),
            compliant=bool(row["compliant"]),
            unverified=unverified(models[row["id"]], verified),
            updated_at=row["updated_at"],
            updated_by=row["updated_by"],
        )
        for row in rows
    ]


async def _models(
    connection: AsyncConnection, idents: Sequence[str]
) -> tuple[dict[str, list[str]], Collection[str]]:
    query = (
        sa.select(template_model.c.template, template_model.c.model, verification.c.model)
        .outerjoin(verification, verification.c.model == template_model.c.model)
        .where(template_model.c.template.in_(idents))
        .order_by(template_model.c.template, template_model.c.model)
    )
    models: dict[str, list[str]] = {ident: [] for ident in idents}
    verified = set()
    for ident, model, is_verified in await connection.execute(query):
        models[ident].append(model)
        if is_verified is not None:
            verified.add(model)
    return models, verified
