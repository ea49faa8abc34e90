"""`Idempotency-Key`: a repeated request gets the first answer, and changes nothing.

The answer is kept in the transaction of the change, under its lock: there is never one without the other, and
two requests at once make one change.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.errors import BadRequest, InvalidInput
from modelhubd.registry.idempotency import store
from modelhubd.wire.base import rfc3339

KEPT = timedelta(hours=24)
HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A request that may come several times."""

    principal: str
    key: str
    request_sha256: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """JSON text. `replayed`: it is the first answer again, and nothing was changed."""

    status: int
    body: str
    replayed: bool = False


def attempt_of(request: web.Request, principal: str, body: bytes, at: datetime) -> Attempt:
    """What a request with its body is an attempt at.

    Raises:
        BadRequest: it has no usable `Idempotency-Key`.
    """
    keys = request.headers.getall(HEADER, [])
    if len(keys) != 1 or not (1 <= len(keys[0]) <= 200 and keys[0].isascii() and keys[0].isprintable()):
        raise BadRequest(
            f"This needs one {HEADER} header of 1 to 200 printable ASCII characters, new for each new "
            "request: with it a request whose answer was lost can be sent again.",
            code="idempotency_key_missing",
        )
    place = f"{request.method} {request.path}\n".encode()
    return Attempt(
        principal=principal, key=keys[0], request_sha256=hashlib.sha256(place + body).hexdigest(), at=at
    )


async def once(
    connection: AsyncConnection, attempt: Attempt, change: Callable[[], Awaitable[Answer]]
) -> Answer:
    """`change()`'s answer, now or from the first time. `connection` is one of `Database.changing`.

    Raises:
        InvalidInput: the key was used for another request.
        Whatever `change` raises; the key is free again then.
    """
    oldest = rfc3339(attempt.at - KEPT)
    kept = await store.kept(connection, attempt.principal, attempt.key)
    if kept is not None and kept[3] >= oldest:
        if kept[0] != attempt.request_sha256:
            raise InvalidInput(
                f"This {HEADER} was used for another request. Take a new key for a new request.",
                code="idempotency_key_reused",
            )
        return Answer(status=kept[1], body=kept[2], replayed=True)
    await store.forget(connection, before=oldest)
    answer = await change()
    await store.keep(
        connection,
        principal=attempt.principal,
        key=attempt.key,
        request_sha256=attempt.request_sha256,
        status=answer.status,
        answer=answer.body,
        created_at=rfc3339(attempt.at),
    )
    return answer


def answer_of(value: object, status: int = 200) -> Answer:
    """`value` as JSON."""
    return Answer(status=status, body=msgspec.json.encode(value).decode())


def reply_once(answer: Answer) -> web.Response:
    """The answer, which says so where it is the first one again."""
    headers = {REPLAYED: "true"} if answer.replayed else None
    return web.Response(
        text=answer.body, status=answer.status, headers=headers, content_type="application/json"
    )
