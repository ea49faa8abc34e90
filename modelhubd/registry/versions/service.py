"""What may be read of models and versions."""

from msgspec.structs import replace

from modelhubd.errors import InvalidInput
from modelhubd.paging import decode_cursor, encode_cursor
from modelhubd.registry.access import Caller
from modelhubd.registry.parts import Parts
from modelhubd.registry.verification import store as verification_store
from modelhubd.registry.versions import listing_store, store
from modelhubd.registry.versions.entries import notes_in, shown_entry
from modelhubd.registry.versions.listing_store import Eyes, Filters
from modelhubd.registry.versions.rows import shown
from modelhubd.registry.versions.seen import check_seen, seen_model, seen_version
from modelhubd.tasks import in_thread
from modelhubd.trust.names import is_model_id
from modelhubd.trust.text import fault_in_text
from modelhubd.wire.base import Page
from modelhubd.wire.registry import Issue, RegistryModel, RegistryVersion


async def models(
    parts: Parts, caller: Caller, filters: Filters, limit: int, after: str | None
) -> Page[RegistryModel]:
    """The models that the caller may see, in the order of their ids, without their entries."""
    for text in (filters.q, *filters.publisher):
        if (fault := fault_in_text(text)) is not None:
            raise InvalidInput.at("?q", fault)
    place = None if after is None else decode_cursor(after, tuple[str])[0]
    if place is not None and not is_model_id(place):
        raise InvalidInput.at("?after", "not a cursor; pass what a page gave as next")
    async with parts.database.reading() as connection:
        found, total = await listing_store.models(
            connection, Eyes.of(caller.scopes), filters, limit=limit + 1, after=place
        )
    items = tuple(found[:limit])
    more = len(found) > limit
    return Page(items=items, next=encode_cursor((items[-1].id,)) if more else None, total=total)


async def model(parts: Parts, caller: Caller, ident: str) -> RegistryModel:
    """The model with the entry that is served."""
    async with parts.database.reading(quick=True) as connection:
        found = await seen_model(connection, caller, ident)
        if found.served_version is None:
            return found
        row = await store.get(connection, ident, found.served_version)
        content = await store.get_content(connection, ident, found.served_version)
    assert row is not None
    entry = shown_entry(row, content.content, content.envelopes, verified=found.verified)
    return replace(found, entry=entry)


async def versions(
    parts: Parts, caller: Caller, ident: str, limit: int, after: str | None
) -> Page[RegistryVersion]:
    """The versions of a model that the caller may see, newest first, without their entries."""
    before = None if after is None else decode_cursor(after, tuple[int])[0]
    if before is not None and not 1 <= before < 10**9:
        raise InvalidInput.at("?after", "not a cursor; pass what a page gave as next")
    async with parts.database.reading() as connection:
        await check_seen(connection, caller, ident)
        rows, total = await listing_store.versions_of(
            connection, Eyes.of(caller.scopes), ident, limit=limit + 1, before=before
        )
    page = rows[:limit]
    items = await in_thread(lambda: tuple(shown(row, notes=notes_in(stored.content)) for row, stored in page))
    more = len(rows) > limit
    return Page(items=items, next=encode_cursor((items[-1].version,)) if more else None, total=total)


async def version(parts: Parts, caller: Caller, ident: str, number: str) -> RegistryVersion:
    """The version with its entry."""
    async with parts.database.reading(quick=True) as connection:
        row = await seen_version(connection, caller, ident, number)
        content = await store.get_content(connection, ident, row.version)
        verified = await verification_store.is_verified(connection, ident)
    entry = shown_entry(row, content.content, content.envelopes, verified=verified)
    return shown(row, notes=notes_in(content.content), entry=entry)


async def issues(parts: Parts, caller: Caller, ident: str, number: str) -> tuple[Issue, ...]:
    """What was noticed when the version was published, the gravest first."""
    async with parts.database.reading() as connection:
        row = await seen_version(connection, caller, ident, number)
        return await store.issues_of(connection, ident, row.version)
