"""SQL of verification and of the badges that follow from it."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.schema import template_model, verification
from modelhubd.registry.sqlite import SLOW
from modelhubd.wire.registry import TemplateState

compliance = sa.table(
    "template_compliance", sa.column("template"), sa.column("models"), sa.column("verified"),
    sa.column("compliant"),
)  # fmt: skip
"""The view: a template's badge is never stored."""


async def is_verified(connection: AsyncConnection, model: str) -> bool:
    found = await connection.execute(sa.select(verification.c.model).where(verification.c.model == model))
    return found.scalar_one_or_none() is not None


async def add(connection: AsyncConnection, model: str, *, by: str, at: str) -> None:
    """The model must be served and not be verified yet."""
    await connection.execute(verification.insert().values(model=model, verified_by=by, verified_at=at))


async def remove(connection: AsyncConnection, model: str) -> bool:
    """Whether it was verified."""
    gone = await connection.execute(verification.delete().where(verification.c.model == model))
    return gone.rowcount > 0


async def badges(connection: AsyncConnection, model: str) -> tuple[TemplateState, ...]:
    """The templates that use the model, with their badges as this transaction sees them."""
    query = (
        sa.select(compliance.c.template, compliance.c.compliant)
        .join(template_model, template_model.c.template == compliance.c.template)
        .where(template_model.c.model == model)
        .order_by(compliance.c.template)
        .execution_options(**SLOW)  # of any number of templates
    )
    found = await connection.execute(query)
    return tuple(TemplateState(id=template, compliant=bool(compliant)) for template, compliant in found)
