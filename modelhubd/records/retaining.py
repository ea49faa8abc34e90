"""Deletes records by age and size, and content by its own age."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from modelhubd.errors import Unavailable
from modelhubd.records import store
from modelhubd.records.deleting import delete
from modelhubd.records.keeping import Keeping
from modelhubd.records.retention import AHEAD_MS, Calm, too_old
from modelhubd.records.rows import millis
from modelhubd.records.store import Where
from modelhubd.settings import RecordsConfig
from modelhubd.storage.database import Database

log = logging.getLogger(__name__)

EVERY_S = 600.0
BATCH = 5000
FULL, ROOMY = 1.0, 0.9
"""Beyond the first share of `max_bytes` records go, until the second is reached."""


class Retaining:
    def __init__(
        self,
        keeping: Keeping,
        config: RecordsConfig,
        *,
        clock: Callable[[], datetime],
        steady: Callable[[], float],
    ) -> None:
        self._keeping = keeping
        self._config = config
        self._clock = clock
        self._steady = steady
        self._calm = Calm(clock().timestamp(), steady())

    async def run(self) -> None:
        """Look now and every ten minutes, until cancelled."""
        while True:
            try:
                await self.look()
            except Unavailable as error:
                log.warning("old records could not be deleted: %s", error)
            await asyncio.sleep(EVERY_S)

    async def look(self) -> int:
        """Delete what is due; how many records that were. Raises Unavailable."""
        now = self._clock()
        calm = self._calm.holds(now.timestamp(), self._steady())
        async with self._keeping.using() as database:
            async with database.transaction() as tx:
                contents = await store.expire_contents(tx, millis(now))
            gone = await self._by_age(database, now) if calm else 0
            gone += await self._by_size(database)
        if gone or contents:
            await self._keeping.compact()
        return gone

    async def _by_age(self, database: Database, now: datetime) -> int:
        cutoff = millis(now - timedelta(days=self._config.max_age_days))
        after, due = 0, None
        while rows := await store.oldest(database.reader, after, BATCH):
            last = too_old(rows, cutoff=cutoff, now=millis(now))
            if last is not None:
                due = last
            elif any(at <= millis(now) + AHEAD_MS for _, at in rows):
                break
            after = rows[-1][0] if last is None else last  # after some from the future, what follows tells
        gone = 0 if due is None else await delete(database, Where(), due)
        async with database.transaction() as tx:
            await store.forget_gaps(tx, cutoff)
        return gone

    async def _by_size(self, database: Database) -> int:
        if await store.used_bytes(database.reader) <= FULL * self._config.max_bytes:
            return 0
        gone = 0
        while await store.used_bytes(database.reader) > ROOMY * self._config.max_bytes:
            rows = await store.oldest(database.reader, 0, BATCH)
            if not rows:
                break
            gone += await delete(database, Where(), rows[-1][0])
        return gone
