"""Keeps what the daemon has connected to over its restarts."""

import asyncio
import contextlib
import logging
import sqlite3

from modelhubd.outbound import OutboundLog
from modelhubd.records import outbound_store
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner

log = logging.getLogger(__name__)

SOON_S, LATER_S = 0.2, 30.0
"""A host that is new is kept soon, a count that has grown now and then."""


class OutboundKeeping:
    """Use `start` once, `close` at the end."""

    def __init__(self, database: Database, outbound: OutboundLog) -> None:
        self._database = database
        self._outbound = outbound
        self._new = asyncio.Event()
        outbound.on_new = self._new.set

    async def start(self, tasks: TaskOwner) -> None:
        """Recall what was, and keep what comes."""
        self._outbound.recall(await outbound_store.every(self._database.reader))
        tasks.start(self._run(), name="outbound connections")

    async def close(self) -> None:
        """Keep the rest."""
        await self._keep()

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LATER_S):
                    await self._new.wait()
                    await asyncio.sleep(SOON_S)
            self._new.clear()
            await self._keep()

    async def _keep(self) -> None:
        found = self._outbound.changes()
        if not found:
            return
        try:
            async with self._database.transaction() as tx:
                await outbound_store.keep(tx, found)
        except sqlite3.Error as error:
            self._outbound.again(found)
            log.warning("outbound connections could not be kept: %s", error)
