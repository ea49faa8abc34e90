"""Reports of downloads, gathered in memory and written many at a time.

Each report is answered before it is written: a process that is killed loses those of its last second. None is
counted twice: a batch is written in one transaction, under a name of its own.
"""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from modelhubd.errors import Unavailable
from modelhubd.registry.access import REGISTRY
from modelhubd.registry.counters import store
from modelhubd.registry.counters.inflation import counting, hour_of
from modelhubd.registry.counters.store import Report
from modelhubd.registry.database import Database
from modelhubd.registry.idempotency.service import KEPT
from modelhubd.registry.idempotency.store import forget
from modelhubd.tasks import TaskOwner
from modelhubd.wire.base import rfc3339

log = logging.getLogger(__name__)

GATHER_S = 1.0
"""How long reports are gathered before they are written."""
BATCH = 1000
"""Written in one transaction."""
WAITING_MAX = 20_000
"""Held in memory while the database is away; more are refused."""


@dataclass(frozen=True, slots=True)
class _Batch:
    name: str
    reports: list[Report]


class Reports:
    """`start` it to have what was told of written from time to time; `written` writes what is left.
    `counted` is called after each batch."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], counted: Callable[[], None] = lambda: None
    ) -> None:
        self._database = database
        self._clock = clock
        self._counted = counted
        self._waiting: list[Report] = []
        self._batch: _Batch | None = None
        self._some = asyncio.Event()
        self._writing = asyncio.Lock()
        self._hour = ""

    def start(self, tasks: TaskOwner) -> None:
        """Write what comes, a moment after it has come."""
        tasks.start(self._keep_writing(), name="reports of downloads")

    def add(self, report: Report) -> None:
        """Count this one, unless its principal has told of it before or of too many.

        Raises:
            Unavailable: the database has been away for too long.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise Unavailable("Too many downloads wait to be counted. Try again later.", retry_after_s=10)
        self._waiting.append(report)
        self._some.set()

    async def written(self) -> None:
        """Until everything is written that was told of before.

        Raises:
            Unavailable: the database is away; nothing is lost by that.
        """
        async with self._writing:
            while self._batch is not None or self._waiting:
                if self._batch is None:
                    self._batch = _Batch(f"reports {secrets.token_hex(16)}", self._waiting[:BATCH])
                    del self._waiting[:BATCH]
                await self._write(self._batch)
                self._batch = None
                self._counted()

    async def _keep_writing(self) -> None:
        while True:
            await self._some.wait()
            await asyncio.sleep(GATHER_S)
            self._some.clear()
            try:
                await self.written()
            except Unavailable:
                self._some.set()

    async def _write(self, batch: _Batch) -> None:
        now = self._clock()
        at, hour = rfc3339(now), hour_of(now)
        async with self._database.noting() as connection:
            await forget(connection, before=rfc3339(now - KEPT))
            if hour != self._hour:
                await store.forget_reports(connection, before=hour)
            # Its name tells a commit whose answer was lost from one that never was.
            if not await store.first(connection, [(REGISTRY, batch.name)], at=at):
                return
            keys = [(report.principal, report.once) for report in batch.reports if report.once is not None]
            unheard = await store.first(connection, sorted(set(keys)), at=at)
            told: Counter[tuple[str, str]] = Counter()
            for report in batch.reports:
                if report.once is not None:
                    if (report.principal, report.once) not in unheard:
                        continue
                    unheard.discard((report.principal, report.once))
                told[report.model, report.principal] += 1
            in_all = await store.note_reports(connection, told, hour)
            downloads: Counter[str] = Counter()
            for (model, principal), count in told.items():
                downloads[model] += counting(count, in_all[model, principal])
            await store.add_downloads(connection, +downloads)
        self._hour = hour
