"""What reviewers are shown: the queue, and one version of it."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.entries.issues import gravest_first
from modelhubd.errors import InvalidInput
from modelhubd.paging import decode_cursor, encode_cursor
from modelhubd.registry.access import Caller
from modelhubd.registry.config import RegistryConfig
from modelhubd.registry.parts import Parts
from modelhubd.registry.versions import listing_store, store
from modelhubd.registry.versions.approvals import blocking
from modelhubd.registry.versions.diff import changes_between
from modelhubd.registry.versions.entries import loaded
from modelhubd.registry.versions.listing_store import Place
from modelhubd.registry.versions.noticing import issues_for_reviewers, looked_at, new_among
from modelhubd.registry.versions.rows import VersionRow, shown
from modelhubd.registry.versions.seen import seen_version
from modelhubd.registry.versions.store import Content
from modelhubd.tasks import in_thread
from modelhubd.trust.names import is_model_id
from modelhubd.wire.base import Page
from modelhubd.wire.registry import Issue, Review, VersionStatus

Stored = tuple[VersionRow, Content]


async def reviews(parts: Parts, status: VersionStatus, limit: int, after: str | None) -> Page[Review]:
    """The versions in a status, oldest first, with what each would change of what is served."""
    place = None if after is None else _place(after)
    async with parts.database.reading() as connection:
        found, total = await listing_store.queue(connection, status, limit=limit + 1, after=place)
        items = await _shown(connection, parts.config, found[:limit])
    more, last = len(found) > limit, items[-1].version if items else None
    return Page(
        items=items,
        next=encode_cursor((last.published_at, last.model, last.version)) if more and last else None,
        total=total,
    )


async def review(parts: Parts, caller: Caller, model: str, version: str) -> Review:
    """One version in any status, with what it changes of what is served now.

    Raises:
        NotFound: there is none.
    """
    async with parts.database.reading() as connection:
        row = await seen_version(connection, caller, model, version)
        stored = await store.get_content(connection, model, row.version)
        (item,) = await _shown(connection, parts.config, [(row, stored)])
    return item


async def _shown(
    connection: AsyncConnection, config: RegistryConfig, found: Sequence[Stored]
) -> tuple[Review, ...]:
    issues = await _issues(connection, config, found)
    served = await listing_store.served_contents(connection, {row.model for row, _ in found})
    return await in_thread(
        lambda: tuple(
            _review(row, stored.content, noticed, served.get(row.model))
            for (row, stored), noticed in zip(found, issues, strict=True)
        )
    )


async def _issues(
    connection: AsyncConnection, config: RegistryConfig, found: Sequence[Stored]
) -> list[tuple[Issue, ...]]:
    """What was recorded of each, and of those that wait what a reviewer notices now, the gravest first."""
    recorded = await store.issues_of_each(connection, [row for row, _ in found])
    waiting = [one for one in found if one[0].status is VersionStatus.PENDING]
    looked = await in_thread(lambda: [looked_at(row, stored) for row, stored in waiting])
    noticed = await issues_for_reviewers(connection, config, looked)
    now = {row.subject: issues for (row, _), issues in zip(waiting, noticed, strict=True)}
    return [
        gravest_first((*before, *new_among(now[row.subject], before))) if row.subject in now else before
        for (row, _), before in zip(found, recorded, strict=True)
    ]


def _review(
    row: VersionRow, content: str, issues: tuple[Issue, ...], served: tuple[int, str] | None
) -> Review:
    fields = loaded(content)
    return Review(
        version=shown(row, notes=fields.get("notes")),
        served_version=None if served is None else served[0],
        changes=changes_between(None if served is None else loaded(served[1]), fields),
        issues=issues,
        blocked=bool(blocking(issues)),
    )


def _place(after: str) -> Place:
    place = decode_cursor(after, tuple[str, str, int])
    if not (place[0].isascii() and place[0].isprintable() and is_model_id(place[1]) and place[2] < 10**9):
        raise InvalidInput.at("?after", "not a cursor; pass what a page gave as next")
    return place
