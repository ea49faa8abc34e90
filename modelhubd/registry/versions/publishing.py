"""Publishing a version, and taking it back while nobody has decided on it."""

import hashlib
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.entries.content import canonical
from modelhubd.entries.issues_of_files import weights_of
from modelhubd.entries.submission import Submission, submission_of
from modelhubd.errors import InvalidInput, NotAllowed, NotFound
from modelhubd.registry.access import Caller
from modelhubd.registry.audit import service as audit
from modelhubd.registry.idempotency.service import Answer, Attempt, answer_of, once
from modelhubd.registry.parts import Parts
from modelhubd.registry.versions import store
from modelhubd.registry.versions.entries import loaded
from modelhubd.registry.versions.noticing import Looked, issues_now
from modelhubd.registry.versions.rows import VersionRow, shown
from modelhubd.registry.versions.seen import seen_version
from modelhubd.registry.versions.states import Event, advance
from modelhubd.registry.versions.words import words_of
from modelhubd.tasks import in_thread
from modelhubd.trust.names import is_model_id
from modelhubd.wire.base import rfc3339
from modelhubd.wire.registry import Published, RegistryVersion, VersionStatus

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
    async with parts.database.changing() as connection:
        return await once(
            connection, attempt, lambda: _added(parts, connection, caller, model, submission, attempt.at)
        )


async def _added(
    parts: Parts,
    connection: AsyncConnection,
    caller: Caller,
    model: str,
    submission: Submission,
    at: datetime,
) -> Answer:
    await _check_publisher(connection, model)
    text = submission.content.decode()
    looked = Looked(entry=submission.entry, notes=submission.notes, content=text)
    issues = await issues_now(connection, parts.config, looked)
    row = VersionRow(
        model=model,
        version=await store.allocate(connection, model, at=rfc3339(at)),
        status=VersionStatus.PENDING,
        content_sha256=hashlib.sha256(submission.content).hexdigest(),
        published_by=caller.principal,
        published_at=rfc3339(at),
    )
    content = store.Content(
        content=text,
        envelopes=canonical(msgspec.to_builtins(submission.entry.envelopes)).decode(),
        words=words_of(model, loaded(text)),
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
