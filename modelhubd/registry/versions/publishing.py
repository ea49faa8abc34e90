"""Publishing a version, and taking it back while nobody has decided on it."""

import hashlib
import re
from datetime import timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.entries.content import canonical
from modelhubd.errors import BadRequest, InvalidInput, NotAllowed, NotFound
from modelhubd.registry.access import Caller
from modelhubd.registry.accounts.store import keys_of
from modelhubd.registry.audit import service as audit
from modelhubd.registry.parts import Parts
from modelhubd.registry.versions import idempotency_store, store
from modelhubd.registry.versions.entries import stored_entry
from modelhubd.registry.versions.idempotency_store import Answered
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
KEPT = timedelta(days=7)
"""How long a repeated publish gets the first answer."""
_KEY = re.compile(r"[!-~]{1,200}")


async def publish(
    parts: Parts, caller: Caller, model: str, key: str | None, body: bytes
) -> tuple[bytes, bool]:
    """The JSON of a `Published`, and whether it is the answer that the key has had before.

    Raises:
        BadRequest: there is no usable key, or the body is not JSON.
        InvalidInput: faults in the entry, or (`idempotency_key_reused`) the key came with another body.
        NotAllowed: (`publisher_suspended`).
    """
    if not is_model_id(model):
        raise InvalidInput.at("/id", "the path names no model id: publisher/name in lower case")
    key = _checked(key)
    request_sha256 = hashlib.sha256(model.encode() + b"\n" + body).hexdigest()
    async with parts.database.reading() as connection:
        if (answer := await _answered(connection, caller, key, request_sha256)) is not None:
            return answer, True
    submission = await in_thread(lambda: submission_of(body, model))
    issues = await _issues(parts, model, submission)
    at = parts.clock()
    async with parts.database.changing() as connection:
        if (answer := await _answered(connection, caller, key, request_sha256)) is not None:
            return answer, True
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
        detail = {"content_sha256": row.content_sha256, "issues": len(issues)}
        await audit.append(
            connection, actor=caller.principal, action="version.published", subject=row.subject,
            detail=detail, at=at,
        )  # fmt: skip
        answer = _answer(row, issues)
        answered = Answered(request_sha256=request_sha256, status=CREATED, answer=answer.decode())
        await idempotency_store.forget(connection, before=rfc3339(at - KEPT))
        await idempotency_store.keep(connection, caller.principal, key, answered, at=rfc3339(at))
    return answer, False


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


def _checked(key: str | None) -> str:
    if key is None or _KEY.fullmatch(key) is None:
        raise BadRequest(
            "A publish takes the header Idempotency-Key with 1 to 200 visible ASCII characters, so that "
            "repeating it publishes nothing twice.",
            code="idempotency_key_missing",
        )
    return key


async def _answered(
    connection: AsyncConnection, caller: Caller, key: str, request_sha256: str
) -> bytes | None:
    answered = await idempotency_store.find(connection, caller.principal, key)
    if answered is None:
        return None
    if answered.request_sha256 != request_sha256:
        raise InvalidInput(
            "This Idempotency-Key came with another request before. Use a new one for each publish.",
            code="idempotency_key_reused",
        )
    return answered.answer.encode()


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
        await _check_publisher(connection, model)
        models, publishers = await store.names(connection)
        served = (await served_contents(connection, [model])).get(model)
        holders = await store.holders(connection, model, weights_of(submission.entry))
        keys = await keys_of(connection, own)

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


def _answer(row: VersionRow, issues: tuple[Issue, ...]) -> bytes:
    return msgspec.json.encode(
        Published(version=row.version, status=row.status, content_sha256=row.content_sha256, issues=issues)
    )
