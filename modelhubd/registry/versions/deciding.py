"""Decisions on versions: approval, rejection, withdrawal."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.errors import Conflict, InvalidInput
from modelhubd.registry.access import Caller
from modelhubd.registry.audit import service as audit
from modelhubd.registry.parts import Parts
from modelhubd.registry.release.store import bump
from modelhubd.registry.verification import store as verification_store
from modelhubd.registry.versions import store
from modelhubd.registry.versions.approvals import Ruling, blocking, check_reason, ruling
from modelhubd.registry.versions.noticing import issues_now, looked_at, new_among
from modelhubd.registry.versions.rows import VersionRow, shown
from modelhubd.registry.versions.seen import seen_version
from modelhubd.registry.versions.states import Event, advance
from modelhubd.wire.base import rfc3339
from modelhubd.wire.registry import Decide, Issue, RegistryVersion, VersionStatus, Withdraw


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
            stored = await store.get_content(connection, row.model, row.version)
            now = await issues_now(connection, parts.config, looked_at(row, stored))
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
