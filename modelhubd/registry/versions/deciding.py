"""Decisions on versions: approval, rejection, withdrawal; and the queue of those that wait for one."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.entries.issues import gravest_first
from modelhubd.errors import Conflict, InvalidInput
from modelhubd.paging import decode_cursor, encode_cursor
from modelhubd.registry.access import Caller
from modelhubd.registry.audit import service as audit
from modelhubd.registry.parts import Parts
from modelhubd.registry.release.store import bump
from modelhubd.registry.verification import store as verification_store
from modelhubd.registry.versions import listing_store, store
from modelhubd.registry.versions.approvals import Ruling, blocking, check_reason, ruling
from modelhubd.registry.versions.diff import changes_between
from modelhubd.registry.versions.entries import loaded, notes_in, shown_entry
from modelhubd.registry.versions.listing_store import Place
from modelhubd.registry.versions.noticing import Looked, issues_now, new_among
from modelhubd.registry.versions.rows import VersionRow, shown
from modelhubd.registry.versions.seen import seen_version
from modelhubd.registry.versions.states import Event, advance
from modelhubd.tasks import in_thread
from modelhubd.trust.names import is_model_id
from modelhubd.wire.base import Page, rfc3339
from modelhubd.wire.registry import Decide, Issue, RegistryVersion, Review, VersionStatus, Withdraw


async def reviews(parts: Parts, status: VersionStatus, limit: int, after: str | None) -> Page[Review]:
    """The versions in a status, oldest first, with what each would change of what is served."""
    place = None if after is None else _place(after)
    async with parts.database.reading() as connection:
        rows, total = await listing_store.queue(connection, status, limit=limit + 1, after=place)
        more, rows = len(rows) > limit, rows[:limit]
        issues = [await _noticed(parts, connection, row) for row, _ in rows]
        served = await listing_store.served_contents(connection, {row.model for row, _ in rows})

    def compared() -> tuple[Review, ...]:
        return tuple(
            _review(row, content, found, served.get(row.model))
            for (row, content), found in zip(rows, issues, strict=True)
        )

    last = rows[-1][0] if rows else None
    return Page(
        items=await in_thread(compared),
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
        issues = await store.issues_of(connection, model, row.version)
        served = await listing_store.served_contents(connection, {model})
    return await in_thread(lambda: _review(row, stored.content, issues, served.get(model)))


async def decide(parts: Parts, caller: Caller, model: str, version: str, asked: Decide) -> RegistryVersion:
    """The version as it is after the decision; once approved, a signed release with it is out.

    An approved version is served unless a higher one is. What would block the approval is looked for once
    more; what has come up since the publish is recorded and audited.

    Raises:
        NotAllowed: (`own_version`); Conflict, InvalidInput: see `approvals.ruling`.
    """
    at = parts.clock()
    blocked: InvalidInput | None = None
    async with parts.database.changing() as connection:
        row = await seen_version(connection, caller, model, version)
        recorded = await store.issues_of(connection, model, row.version)
        new: tuple[Issue, ...] = ()
        if row.status is VersionStatus.PENDING and asked.decision == "approve":
            looked = await _looked(connection, row)
            now = await issues_now(connection, parts.config, looked, for_reviewers=False)
            new = blocking(new_among(now, recorded))
        try:
            outcome = ruling(
                row,
                asked,
                decider=caller.principal,
                issues=(*recorded, *new),
                four_eyes=parts.config.four_eyes,
            )
        except InvalidInput as refused:
            if refused.code != "blocked" or not new:
                raise
            # What keeps it from approval since it was published stays with it, though the approval fails.
            await store.add_issues(connection, row, new, known=len(recorded))
            await audit.append(
                connection, actor=caller.principal, action="version.blocked", subject=row.subject,
                detail={"content_sha256": row.content_sha256, "issues": [issue.code for issue in new]}, at=at,
            )  # fmt: skip
            blocked = refused
        else:
            decided = await _decided(parts, connection, caller, row, asked, outcome, at)
    if blocked is not None:
        raise blocked
    if decided.status is VersionStatus.APPROVED:
        await parts.releases.released()
    return decided


async def _decided(
    parts: Parts,
    connection: AsyncConnection,
    caller: Caller,
    row: VersionRow,
    asked: Decide,
    outcome: Ruling,
    at: datetime,
) -> RegistryVersion:
    await store.decide(
        connection, row, status=outcome.status, by=caller.principal, at=rfc3339(at),
        reason=asked.reason, four_eyes=outcome.four_eyes,
    )  # fmt: skip
    detail: dict[str, Any] = {"content_sha256": row.content_sha256, "four_eyes": outcome.four_eyes}
    if asked.reason is not None:
        detail["reason"] = asked.reason
    await audit.append(
        connection, actor=caller.principal, action=f"version.{outcome.status}", subject=row.subject,
        detail=detail, at=at,
    )  # fmt: skip
    if outcome.status is VersionStatus.APPROVED:
        await _check_active(connection, row.model)
        await _serve(parts, connection, caller, row)
        await bump(connection)
    return shown(await seen_version(connection, caller, row.model, str(row.version)))


async def _looked(connection: AsyncConnection, row: VersionRow) -> Looked:
    content = await store.get_content(connection, row.model, row.version)
    entry = shown_entry(row, content.content, content.envelopes, verified=False)
    return Looked(entry=entry, notes=notes_in(content.content), content=content.content)


async def withdraw(
    parts: Parts, caller: Caller, model: str, version: str, asked: Withdraw
) -> RegistryVersion:
    """The version, which is not served any more; a signed release without it is out.

    Where it was the one that was served, the next lower approved version is served instead, unverified; where
    there is none, the model is gone and leaves a tombstone.

    Raises:
        Conflict: (`wrong_state`) it is not approved.
    """
    check_reason(asked.reason)
    at = parts.clock()
    async with parts.database.changing() as connection:
        row = await seen_version(connection, caller, model, version)
        advance(row.status, Event.WITHDRAW)
        following = await store.served_version(connection, model)
        if row.served:
            following = await store.highest_approved(connection, model, but=row.version)
            await _unverify(parts, connection, caller, row)
            if following is None:
                await store.bury(connection, model, at=rfc3339(at), reason=asked.reason)
            else:
                await store.serve(connection, model, following)
        await store.withdraw(connection, row, by=caller.principal, at=rfc3339(at), reason=asked.reason)
        await audit.append(
            connection, actor=caller.principal, action="version.withdrawn", subject=row.subject,
            detail={"reason": asked.reason, "content_sha256": row.content_sha256, "served": following}, at=at,
        )  # fmt: skip
        await bump(connection)
        withdrawn = shown(await seen_version(connection, caller, model, version))
    await parts.releases.released()
    return withdrawn


async def _noticed(parts: Parts, connection: AsyncConnection, row: VersionRow) -> tuple[Issue, ...]:
    """What was recorded at the publish, and of one that waits what a reviewer would notice now, the gravest
    first."""
    recorded = await store.issues_of(connection, row.model, row.version)
    if row.status is not VersionStatus.PENDING:
        return recorded
    looked = await _looked(connection, row)
    now = await issues_now(connection, parts.config, looked, for_reviewers=True)
    return gravest_first((*recorded, *new_among(now, recorded)))


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


async def _check_active(connection: AsyncConnection, model: str) -> None:
    name = model.partition("/")[0]
    if await store.publisher_status(connection, name) != "active":
        raise Conflict(
            f"The publisher {name} is suspended: nothing of its is approved. Reject the version, or make the "
            "publisher active again.",
            code="publisher_suspended",
        )


async def _serve(parts: Parts, connection: AsyncConnection, caller: Caller, row: VersionRow) -> None:
    before = await store.served_version(connection, row.model)
    if before is not None and before > row.version:
        return
    await store.serve(connection, row.model, row.version)
    if await verification_store.is_verified(connection, row.model):
        await audit.append(
            connection, actor=caller.principal, action="model.verification_carried", subject=row.model,
            detail={"from": before, "to": row.version}, at=parts.clock(),
        )  # fmt: skip


async def _unverify(parts: Parts, connection: AsyncConnection, caller: Caller, row: VersionRow) -> None:
    if await verification_store.remove(connection, row.model):
        await audit.append(
            connection, actor=caller.principal, action="model.unverified", subject=row.model,
            detail={"withdrawn": row.version}, at=parts.clock(),
        )  # fmt: skip
