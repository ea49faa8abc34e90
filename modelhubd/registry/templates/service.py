"""Templates, and their badges."""

import re

from modelhubd.errors import InvalidInput, NotFound
from modelhubd.paging import decode_cursor, encode_cursor
from modelhubd.registry.access import Caller
from modelhubd.registry.audit import service as audit
from modelhubd.registry.parts import Parts
from modelhubd.registry.release.store import bump
from modelhubd.registry.templates import store
from modelhubd.registry.templates.checks import check_template
from modelhubd.registry.templates.compliance import unverified
from modelhubd.registry.templates.store import Stored
from modelhubd.trust.names import PART
from modelhubd.wire.base import Page, rfc3339
from modelhubd.wire.registry import PutTemplate, Template, TemplateCompliance

_ID = re.compile(PART)


async def templates(parts: Parts, limit: int, after: str | None) -> Page[Template]:
    """All of them, in the order of their ids."""
    place = None if after is None else decode_cursor(after, tuple[str])[0]
    if place is not None and not _ID.fullmatch(place):
        raise InvalidInput.at("?after", "not a cursor; pass what a page gave as next")
    async with parts.database.reading() as connection:
        found, total = await store.page(connection, limit=limit + 1, after=place)
    more = len(found) > limit
    items = tuple(found[:limit])
    return Page(items=items, next=encode_cursor((items[-1].id,)) if more else None, total=total)


async def template(parts: Parts, ident: str) -> Template:
    """One of them, with its badge.

    Raises:
        NotFound: there is none of that id.
    """
    found = None
    if _ID.fullmatch(ident):
        async with parts.database.reading() as connection:
            found = await store.get(connection, ident)
    if found is None:
        raise _missing()
    return found


async def compliance(parts: Parts, ident: str) -> TemplateCompliance:
    """A template's badge, and which of its models are verified.

    Raises:
        NotFound: there is none of that id.
    """
    found = await template(parts, ident)
    return TemplateCompliance(
        id=found.id,
        compliant=found.compliant,
        verified=unverified(found.models, found.unverified),
        unverified=found.unverified,
    )


async def put(parts: Parts, caller: Caller, ident: str, asked: PutTemplate) -> Template:
    """The template as it is now, once a signed release with it is out. The same again changes nothing.

    Raises:
        InvalidInput: the id or a field cannot be.
    """
    if not _ID.fullmatch(ident):
        raise InvalidInput.at(
            "/id", "a template's id has 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit"
        )
    check_template(asked)
    at = parts.clock()
    stored = Stored(
        id=ident, name=asked.name, description=asked.description, models=tuple(sorted(asked.models))
    )
    async with parts.database.changing() as connection:
        before = await store.get(connection, ident)
        if before is not None and stored == Stored(
            id=ident, name=before.name, description=before.description, models=before.models
        ):
            return before
        await store.put(connection, stored, by=caller.principal, at=rfc3339(at))
        await audit.append(
            connection, actor=caller.principal, action="template.put", subject=ident,
            detail={"name": stored.name, "models": list(stored.models)}, at=at,
        )  # fmt: skip
        await bump(connection)
        found = await store.get(connection, ident)
    assert found is not None
    await parts.releases.released()
    return found


async def delete(parts: Parts, caller: Caller, ident: str) -> None:
    """Forget a template; its models stay as they are.

    Raises:
        NotFound: there is none of that id.
    """
    at = parts.clock()
    async with parts.database.changing() as connection:
        if not _ID.fullmatch(ident) or not await store.delete(connection, ident):
            raise _missing()
        await audit.append(
            connection, actor=caller.principal, action="template.deleted", subject=ident, detail={}, at=at
        )
        await bump(connection)
    await parts.releases.released()


def _missing() -> NotFound:
    return NotFound("There is no template of that id. GET /api/v1/templates lists them.")
