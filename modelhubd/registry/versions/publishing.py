"""Publishing a version, and taking it back while nobody has decided on it."""

import hashlib
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.entries.content import canonical
from modelhubd.errors import InvalidInput, NotAllowed, NotFound
from modelhubd.registry.access import Caller
from modelhubd.registry.accounts import store as accounts_store
from modelhubd.registry.audit import service as audit
from modelhubd.registry.idempotency.service import Answer, Attempt, answer_of, once
from modelhubd.registry.parts import Parts
from modelhubd.registry.versions import store
from modelhubd.registry.versions.entries import stored_entry
from modelhubd.registry.versions.issues import Surroundings, issues_in
from modelhubd.registry.versions.issues_of_files import weights_of
from modelhubd.registry.versions.listing_store import served_contents
from modelhubd.registry.versions.rows import VersionRow, shown
from modelhubd.registry.versions.seen import seen_version
from modelhubd.registry.versions.states import Event, advance
from modelhubd.registry.versions.submission import Submission, submission_of
from modelhubd.tasks import in_thread
from modelhubd.trust.names import is_model_id
from modelhubd.trust.statements import fault_in_signature
from modelhubd.wire.base import rfc3339
from modelhubd.wire.registry import Issue, Published, PublisherKey, RegistryVersion, VersionStatus

CREATED = 201


async def publish(parts: Parts, caller: Caller, model: str, attempt: Attempt, body: bytes) -> Answer:
    """The JSON of a `Published`, now or as the first attempt got it.

    Raises:
        BadRequest: the body is not JSON.
        InvalidInput: faults in the entry, or (`idempotency_key_reused`) the key came with another request.
        NotFound: there is no such publisher; NotAllowed: (`publisher_suspended`).
    """
    if not is_model_id(model):
        raise InvalidInput.at("/id", "the path names no model id: publisher/name in lower case")
    submission = await in_thread(lambda: submission_of(body, model))
    issues = await _issues(parts, model, submission)
    async with parts.database.changing() as connection:
        return await once(
            connection, attempt, lambda: _added(connection, caller, model, submission, issues, attempt.at)
        )


async def _added(
    connection: AsyncConnection,
    caller: Caller,
    model: str,
    submission: Submission,
    issues: tuple[Issue, ...],
    at: datetime,
) -> Answer:
    await _check_publisher(connection, model)
    row = VersionRow(
        model=model,
        version=await store.allocate(connection, model, at=rfc3339(at)),
        status=VersionStatus.PENDING,
        content_sha256=hashlib.sha256(submission.content).hexdigest(),
        published_by=caller.principal,
        published_at=rfc3339(at),
    )
    content = store.Content(
        content=submission.content.decode(),
        envelopes=canonical(msgspec.to_builtins(submission.entry.envelopes)).decode(),
    )
    await store.add(connection, row, content, issues)
    await store.note_weights(connection, model, weights_of(submission.entry))
    await audit.append(
        connection, actor=caller.principal, action="version.published", subject=row.subject,
        detail={"content_sha256": row.content_sha256, "issues": len(issues)}, at=at,
    )  # fmt: skip
    return answer_of(
        Published(version=row.version, status=row.status, content_sha256=row.content_sha256, issues=issues),
        CREATED,
    )


async def cancel(parts: Parts, caller: Caller, model: str, version: str) -> RegistryVersion:
    """The version, which nobody will decide on any more.

    Raises:
        Conflict: (`wrong_state`) it is not pending.
    """
    at = parts.clock()
    async with parts.database.changing() as connection:
        row = await seen_version(connection, caller, model, version)
        status = advance(row.status, Event.CANCEL)
        await store.decide(
            connection, row, status=status, by=caller.principal, at=rfc3339(at), reason=None, four_eyes=True
        )
        await audit.append(
            connection, actor=caller.principal, action="version.cancelled", subject=row.subject,
            detail={"content_sha256": row.content_sha256}, at=at,
        )  # fmt: skip
        return shown(await seen_version(connection, caller, model, version))


async def _check_publisher(connection: AsyncConnection, model: str) -> None:
    name = model.partition("/")[0]
    status = await store.publisher_status(connection, name)
    if status is None:
        raise NotFound(f"There is no publisher {name}. An administrator makes one.")
    if status != "active":
        raise NotAllowed(
            f"The publisher {name} is suspended: nothing can be published under its name.",
            code="publisher_suspended",
        )


async def _issues(parts: Parts, model: str, submission: Submission) -> tuple[Issue, ...]:
    """As of a moment before the publish: what others do meanwhile is for the reviewer's eyes."""
    own = model.partition("/")[0]
    async with parts.database.reading() as connection:
        models, publishers = await store.names(connection, own)
        served = (await served_contents(connection, [model])).get(model)
        holders = await store.holders(connection, model, weights_of(submission.entry), own)
        known = await accounts_store.publishers(connection, own)
    keys = known[0].keys if known else ()

    def look() -> tuple[Issue, ...]:
        content = submission.content.decode()
        around = Surroundings(
            require_digest=parts.config.require_digest,
            allow_origins=parts.config.allow_origins,
            models=models.split(),
            publishers=publishers.split(),
            holders=holders,
            served=None if served is None else stored_entry(served[1]),
            unchanged=served is not None and served[1] == content,
            has_keys=any(key.revoked_at is None for key in keys),
            signature_fault=_signature_fault(model, submission, keys),
        )
        return issues_in(submission.entry, submission.notes, around)

    return await in_thread(look)


def _signature_fault(model: str, submission: Submission, keys: tuple[PublisherKey, ...]) -> str | None:
    if not submission.entry.envelopes:
        return None
    return fault_in_signature(
        submission.entry.envelopes,
        model=model,
        publisher=model.partition("/")[0],
        content_sha256=hashlib.sha256(submission.content).hexdigest(),
        keys=keys,
    )
