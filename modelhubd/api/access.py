"""The token, one-time codes and page sessions: who counts as the owner over TCP."""

import asyncio
import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from modelhubd.api import store
from modelhubd.errors import CannotStart, Unauthenticated
from modelhubd.storage.database import Database
from modelhubd.tasks import in_thread
from modelhubd.wire.base import rfc3339

TOKEN_BYTES = 32
CODE_LIFE = timedelta(seconds=60)
SESSION_LIFE = timedelta(days=30)
"""From its last use."""
SESSION_RENEWAL = timedelta(days=1)
"""A session's use is written down at most this often."""
CODES_AT_ONCE = 16


def read_or_make_token(path: Path) -> str:
    """The token in `path`, made with mode 0600 at the first start.

    Raises:
        CannotStart: it is no plain file, belongs to somebody else, can be read by others, or holds no token.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return write_token(path)
    except OSError as error:
        raise CannotStart(f"The token file cannot be opened ({error.strerror}). Move it away.") from error
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise CannotStart("What stands at the token's place is no file. Move it away.")
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise CannotStart(
                "The token file can be read by others. Delete it: a new one is made at the start."
            )
        token = os.read(fd, 1024).decode("ascii", "replace").strip()
    finally:
        os.close(fd)
    if len(token) < 32:
        raise CannotStart("The token file holds no token. Delete it: a new one is made at the start.")
    return token


def write_token(path: Path) -> str:
    """A new token, written whole or not at all."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.write(token + "\n")
        file.flush()
        os.fsync(file.fileno())
    staged.rename(path)
    return token


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class Access:
    """Answers whether a bearer token is good. Only hashes of session tokens are kept."""

    def __init__(self, database: Database, token_file: Path, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._token_file = token_file
        self._clock = clock
        self._token_hash = _hash(read_or_make_token(token_file))
        self._codes: dict[str, datetime] = {}
        self._sessions: dict[str, str] = {}
        self._reading: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Read the sessions that are still good."""
        now = rfc3339(self._clock())
        async with self._database.transaction() as tx:
            await store.drop_sessions(tx, expired_before=now)
        self._sessions = await store.live_sessions(self._database.reader, now)

    async def check(self, authorization: str | None) -> None:
        """Let a caller pass who carries the token or a session's; a session that is used lives on.

        Raises:
            Unauthenticated: no or a wrong one.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(
                "This needs the token from the state folder's `token` file as `Authorization: Bearer …`, "
                "or the Unix socket, which needs none."
            )
        given = _hash(token.strip())
        if hmac.compare_digest(given, self._token_hash):
            return
        now = self._clock()
        expires = self._sessions.get(given)
        if expires is None or expires <= rfc3339(now):
            raise Unauthenticated("This token is wrong or has expired. `modelhub ui` signs a page in again.")
        if expires <= rfc3339(now + SESSION_LIFE - SESSION_RENEWAL):
            await self._prolong(given, rfc3339(now + SESSION_LIFE))

    def make_code(self) -> str:
        """A code that signs one page in, once, within 60 seconds."""
        now = self._clock()
        self._codes = {code: until for code, until in self._codes.items() if until > now}
        while len(self._codes) >= CODES_AT_ONCE:
            del self._codes[next(iter(self._codes))]
        code = secrets.token_urlsafe(24)
        self._codes[_hash(code)] = now + CODE_LIFE
        return code

    async def open_session(self, code: str) -> tuple[str, str]:
        """(session token, expiry) for a code, which is used up.

        Raises:
            Unauthenticated: unknown, used or expired.
        """
        hashed, now = _hash(code), self._clock()
        refusal = Unauthenticated(
            "This code is unknown, used or expired. `modelhub ui` makes a new one.",
        )
        if self._codes.get(hashed, now) <= now:
            raise refusal
        token, expires = secrets.token_urlsafe(TOKEN_BYTES), rfc3339(now + SESSION_LIFE)
        async with self._database.transaction() as tx:
            if self._codes.pop(hashed, None) is None:
                raise refusal
            await store.add_session(
                tx, token_sha256=_hash(token), created_at=rfc3339(now), expires_at=expires
            )
            tx.after_commit(lambda: self._sessions.update({_hash(token): expires}))
        return token, expires

    async def _prolong(self, token_sha256: str, expires_at: str) -> None:
        self._sessions[token_sha256] = expires_at
        async with self._database.transaction() as tx:
            await store.set_session_expiry(tx, token_sha256=token_sha256, expires_at=expires_at)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Around an answer to a checked caller that may go on for long: it ends when the token is rotated."""
        task = asyncio.current_task()
        assert task is not None
        self._reading.add(task)
        try:
            yield
        finally:
            self._reading.discard(task)

    async def rotate(self) -> None:
        """Make a new token and end every code, session and stream: whoever had one must sign in again. A
        change that has begun is finished."""
        async with self._database.transaction() as tx:
            await store.drop_sessions(tx)
            self._token_hash = _hash(await in_thread(lambda: write_token(self._token_file)))
            tx.after_commit(self._end_all)

    def _end_all(self) -> None:
        self._codes.clear()
        self._sessions.clear()
        for task in self._reading:
            task.cancel()
