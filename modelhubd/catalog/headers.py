"""Shapes of models whose entries do not state them, from the header of a file at its origin."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from modelhubd.catalog import header_store
from modelhubd.catalog.merge import Sourced
from modelhubd.catalog.shapes import Source, completed, is_enough, source_of
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner
from modelhubd.wire.architecture import Architecture
from modelhubd.wire.base import rfc3339

log = logging.getLogger(__name__)
PATIENCE_S = 2.0
"""The longest that somebody who looks at a model waits; the reading goes on."""
AGAIN_S = 600.0
"""A header that could not be read is not asked for again within that time."""
FAILED_MAX = 1000
AT_ONCE = 4

ReadShape = Callable[[str, int | None], Awaitable[Architecture | None]]


class RemoteHeaders:
    """Reads each header once and keeps what it says. `read(url, size)` gives the shape that the header of a
    file states, None where it cannot be had."""

    def __init__(
        self,
        database: Database,
        tasks: TaskOwner,
        read: ReadShape,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._database = database
        self._tasks = tasks
        self._read = read
        self._clock = clock
        self._patience_s = patience_s
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, float] = {}

    async def complete(self, item: Sourced) -> Sourced:
        """The entry with the shape that its file states where it states none itself, if that is known within
        two seconds; else as it is."""
        source = source_of(item.entry)
        if source is None:
            return item
        shape = await header_store.get(self._database.reader, source.key)
        if shape is None and (task := self._begin(source)) is not None:
            await asyncio.wait({task}, timeout=self._patience_s)
            shape = await header_store.get(self._database.reader, source.key)
        return item if shape is None else Sourced(completed(item.entry, shape), item.source)

    def _begin(self, source: Source) -> asyncio.Task[None] | None:
        """The task that reads it; None where that has failed lately, or too many are read just now."""
        if (task := self._reading.get(source.key)) is not None:
            return task
        failed_at = self._failed.get(source.key)
        if failed_at is not None and asyncio.get_running_loop().time() - failed_at < AGAIN_S:
            return None
        if len(self._reading) >= AT_ONCE:
            return None
        task = self._reading[source.key] = self._tasks.start(self._fetch(source), name="header")
        return task

    async def _fetch(self, source: Source) -> None:
        try:
            shape = await self._read(source.url, source.size_bytes)
            if shape is None or not is_enough(shape):
                self._fail(source.key)
                return
            async with self._database.transaction() as tx:
                await header_store.put(tx, source.key, shape, rfc3339(self._clock()))
        finally:
            del self._reading[source.key]

    def _fail(self, key: str) -> None:
        self._failed.pop(key, None)
        self._failed[key] = asyncio.get_running_loop().time()
        if len(self._failed) > FAILED_MAX:
            del self._failed[next(iter(self._failed))]
