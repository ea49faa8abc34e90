"""The counters of all models as they are told: read once for many who ask."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from modelhubd.registry.counters import store
from modelhubd.registry.database import Database
from modelhubd.tasks import in_thread
from modelhubd.wire.registry import Popularity

FRESH_S = 1.0
"""How long a process may not know what another one has counted. Reports are gathered as long."""


@dataclass(frozen=True, slots=True)
class Told:
    """The JSON of a `Popularity`, and what identifies it."""

    body: bytes
    revision: str


class Counted:
    """`monotonic` gives seconds."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._reading = asyncio.Lock()
        self._told: Told | None = None
        self._known_at = 0.0
        self._changes = 0

    def forget(self) -> None:
        """Look at the database before the next answer: this process has counted."""
        self._changes += 1
        self._told = None

    async def told(self) -> Told:
        """What this process has counted, and what others had `FRESH_S` ago.

        Raises:
            Unavailable: the database is away.
        """
        async with self._reading:
            if self._told is not None and self._monotonic() - self._known_at < FRESH_S:
                return self._told
            before, changes = self._monotonic(), self._changes
            async with self._database.reading() as connection:
                counters = await store.every(connection)

            def encoded() -> Told:
                body = msgspec.json.encode(Popularity(counters=counters))
                return Told(body, hashlib.sha256(body).hexdigest()[:32])

            told = await in_thread(encoded)
            if changes == self._changes:
                self._told, self._known_at = told, before
            return told
