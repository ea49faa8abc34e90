"""Who may call and whose names models bear. Every change is audited in its transaction; what stands in the
signed catalog (publishers, keys) also makes a new revision."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.errors import Conflict, InvalidInput, ModelhubError, NotAllowed, NotFound, Unauthenticated
from modelhubd.registry.access import (
    OPERATOR,
    RESERVED,
    Caller,
    bearer,
    is_principal,
    is_scope,
    is_secret,
    new_secret,
)
from modelhubd.registry.accounts import store
from modelhubd.registry.audit import service as audit
from modelhubd.registry.database import Database
from modelhubd.registry.release.store import bump
from modelhubd.tasks import TaskOwner
from modelhubd.trust.names import is_addressed
from modelhubd.trust.signing import key_id
from modelhubd.trust.text import fault_in_text
from modelhubd.wire.base import rfc3339
from modelhubd.wire.registry import (
    ChangePublisher,
    NewKey,
    NewPublisher,
    NewToken,
    Publisher,
    PublisherKey,
    Token,
    TokenMade,
)

log = logging.getLogger(__name__)

FIRST_LIFE = timedelta(days=30)
"""Of an administrator's token that `create-admin` makes."""


class Accounts:
    """`tasks` notes, beside the requests, when tokens were used."""

    def __init__(self, database: Database, tasks: TaskOwner, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._tasks = tasks
        self._clock = clock
        self._noting: set[tuple[str, str]] = set()

    async def caller(self, authorization: Sequence[str]) -> Caller:
        """Whose token the values of `Authorization` hold.

        Raises:
            Unauthenticated: none's that is good now.
        """
        token_id, secret = bearer(authorization)
        now = self._clock()
        # Asked of the database each time: a token that is revoked anywhere is refused at once everywhere.
        found = await self._database.glance(store.KNOWN_TOKEN, id=token_id)
        known = store.known_token(found[0]) if found else None
        right = is_secret(secret, known.secret_sha256 if known is not None else "")
        if known is None or not right or known.revoked_at is not None or known.expires_at <= rfc3339(now):
            raise Unauthenticated(
                "This token is unknown, revoked or expired. Ask an administrator for a new one."
            )
        hour = rfc3339(now.replace(minute=0, second=0, microsecond=0))
        if known.last_used_at is None or known.last_used_at < hour:
            self._note(token_id, hour)
        return Caller(
            principal=known.principal, token_id=token_id, scopes=known.scopes, expires_at=known.expires_at
        )

    def _note(self, id: str, hour: str) -> None:
        if (id, hour) not in self._noting:
            self._noting.add((id, hour))
            self._tasks.start(self._noted(id, hour), name="note the use of a token")

    async def _noted(self, id: str, hour: str) -> None:
        try:
            async with self._database.noting() as connection:
                await store.note_use(connection, id, hour)
        except ModelhubError as error:
            log.warning("the use of a token could not be noted: %s", error)
        finally:
            self._noting.discard((id, hour))

    async def tokens(self, caller: Caller) -> list[Token]:
        """Everybody's for an administrator, else the caller's own."""
        async with self._database.reading() as connection:
            return await store.tokens(connection, None if caller.has("admin") else caller.principal)

    async def make_token(self, caller: Caller, wanted: NewToken) -> TokenMade:
        """A token as an administrator wants it; or one of the caller's own, which can do no more and lives no
        longer than the token it is made with.

        Raises:
            InvalidInput: no such scope, or a name that nobody bears.
            NotAllowed: more than the caller may give.
        """
        _check_wanted(wanted)
        now = self._clock()
        expires_at = rfc3339(now + timedelta(seconds=wanted.expires_in_s))
        if not caller.has("admin"):
            if wanted.principal != caller.principal:
                raise NotAllowed("Only an administrator makes tokens for others.", code="scope_missing")
            if missing := [scope for scope in wanted.scopes if not caller.has(scope)]:
                raise NotAllowed(
                    f"Your token lacks the scope {', '.join(missing)}, so it cannot give it.",
                    code="scope_missing",
                )
            expires_at = min(expires_at, caller.expires_at)
        async with self._database.changing() as connection:
            return await _add_token(connection, wanted, expires_at, by=caller.principal, now=now)

    async def revoke_token(self, caller: Caller, id: str) -> None:
        """For good; one that is revoked already stays so.

        Raises:
            NotFound: no such token, or not the caller's to revoke.
        """
        now = self._clock()
        async with self._database.changing() as connection:
            found = await store.token_of(connection, id)
            if found is None or not (caller.has("admin") or found.principal == caller.principal):
                raise NotFound("There is no such token. GET /tokens lists those you may revoke.")
            if found.revoked_at is not None:
                return
            await store.revoke_token(connection, id, rfc3339(now))
            await audit.append(
                connection, actor=caller.principal, action="token.revoked", subject=id,
                detail={"principal": found.principal}, at=now,
            )  # fmt: skip

    async def publishers(self) -> list[Publisher]:
        async with self._database.reading() as connection:
            return await store.publishers(connection)

    async def publisher(self, name: str) -> Publisher:
        """
        Raises:
            NotFound: there is none of that name.
        """
        async with self._database.reading() as connection:
            return await _publisher(connection, name)

    async def make_publisher(self, caller: Caller, wanted: NewPublisher) -> Publisher:
        """
        Raises:
            InvalidInput: a name that cannot begin a model's id, or one that hides characters.
            Conflict: there is one of that name.
        """
        if ".." in wanted.name:
            raise InvalidInput.at("/name", "a publisher's name has no two dots side by side")
        if is_addressed(wanted.name):
            raise InvalidInput.at("/name", "names that begin so stand for addresses; choose another one")
        _check_text("/display_name", wanted.display_name)
        now = self._clock()
        made = Publisher(
            name=wanted.name,
            display_name=wanted.display_name or wanted.name,
            status="active",
            keys=(),
            created_at=rfc3339(now),
        )
        async with self._database.changing() as connection:
            if await store.publishers(connection, {wanted.name}):
                raise Conflict(f"There is a publisher {wanted.name} already.", code="publisher_exists")
            await store.add_publisher(connection, made)
            await audit.append(
                connection, actor=caller.principal, action="publisher.created", subject=made.name,
                detail={"display_name": made.display_name}, at=now,
            )  # fmt: skip
            await bump(connection)
        return made

    async def change_publisher(self, caller: Caller, name: str, wanted: ChangePublisher) -> Publisher:
        """
        Raises:
            NotFound: there is none of that name.
        """
        _check_text("/reason", wanted.reason)
        now = self._clock()
        async with self._database.changing() as connection:
            if (await _publisher(connection, name)).status != wanted.status:
                await store.set_publisher_status(connection, name, wanted.status)
                action = "publisher.suspended" if wanted.status == "suspended" else "publisher.activated"
                await audit.append(
                    connection, actor=caller.principal, action=action, subject=name,
                    detail={"reason": wanted.reason}, at=now,
                )  # fmt: skip
                await bump(connection)
            return await _publisher(connection, name)

    async def add_key(self, caller: Caller, name: str, wanted: NewKey) -> PublisherKey:
        """
        Raises:
            NotFound: there is no publisher of that name.
            Conflict: the publisher has, or had, this key.
        """
        now = self._clock()
        name_of_key = key_id(bytes.fromhex(wanted.public_key))
        async with self._database.changing() as connection:
            if name_of_key in {key.key_id for key in (await _publisher(connection, name)).keys}:
                raise Conflict(
                    f"{name} has this key already, or has had it: a revoked key never comes back.",
                    code="key_exists",
                )
            await store.add_key(connection, name, name_of_key, wanted.public_key, rfc3339(now))
            await audit.append(
                connection, actor=caller.principal, action="publisher_key.added", subject=name,
                detail={"key_id": name_of_key, "public_key": wanted.public_key}, at=now,
            )  # fmt: skip
            await bump(connection)
        return PublisherKey(key_id=name_of_key, public_key=wanted.public_key)

    async def revoke_key(self, caller: Caller, name: str, id: str) -> None:
        """For good; one that is revoked already stays so.

        Raises:
            NotFound: no such publisher or key.
        """
        now = self._clock()
        async with self._database.changing() as connection:
            keys = {key.key_id: key for key in (await _publisher(connection, name)).keys}
            if id not in keys:
                raise NotFound(f"{name} has no such key. GET /publishers/{name}/keys lists them.")
            if keys[id].revoked_at is not None:
                return
            await store.revoke_key(connection, name, id, rfc3339(now))
            await audit.append(
                connection, actor=caller.principal, action="publisher_key.revoked", subject=name,
                detail={"key_id": id}, at=now,
            )  # fmt: skip
            await bump(connection)


async def make_admin(database: Database, name: str, now: datetime) -> TokenMade:
    """An administrator's token, made by whoever may touch the database itself.

    Raises:
        InvalidInput: a name that nobody can bear.
    """
    wanted = NewToken(
        principal=name,
        scopes=("admin",),
        expires_in_s=int(FIRST_LIFE.total_seconds()),
        note="made by create-admin",
    )
    _check_wanted(wanted)
    async with database.changing() as connection:
        return await _add_token(connection, wanted, rfc3339(now + FIRST_LIFE), by=OPERATOR, now=now)


async def _add_token(
    connection: AsyncConnection, wanted: NewToken, expires_at: str, *, by: str, now: datetime
) -> TokenMade:
    secret = new_secret()
    info = Token(
        id=secret.id,
        principal=wanted.principal,
        scopes=tuple(dict.fromkeys(wanted.scopes)),
        note=wanted.note,
        created_at=rfc3339(now),
        created_by=by,
        expires_at=expires_at,
    )
    await store.add_principal(connection, wanted.principal, rfc3339(now))
    await store.add_token(connection, info, secret.secret_sha256)
    await audit.append(
        connection,
        actor=by,
        action="token.created",
        subject=info.id,
        detail={"principal": info.principal, "scopes": list(info.scopes), "expires_at": expires_at},
        at=now,
    )
    return TokenMade(token=secret.text, info=info)


async def _publisher(connection: AsyncConnection, name: str) -> Publisher:
    found = await store.publishers(connection, {name})
    if not found:
        raise NotFound(f"There is no publisher {name}. An administrator makes one with POST /publishers.")
    return found[0]


def _check_wanted(wanted: NewToken) -> None:
    if not is_principal(wanted.principal) or wanted.principal in RESERVED:
        raise InvalidInput.at(
            "/principal",
            "a name begins with a lower-case letter or digit and has only these and . _ @ + -; "
            f"{', '.join(sorted(RESERVED))} are the registry's own",
        )
    for index, scope in enumerate(wanted.scopes):
        if not is_scope(scope):
            raise InvalidInput.at(
                f"/scopes/{index}",
                "no such scope; there are read, review, verify, admin and publish:<publisher>",
            )
    _check_text("/note", wanted.note)


def _check_text(pointer: str, text: str) -> None:
    if (reason := fault_in_text(text)) is not None:
        raise InvalidInput.at(pointer, reason)
