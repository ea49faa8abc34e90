"""The records database while it is in use: opened, and set aside where it turns out to be unreadable."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

from modelhubd.errors import CannotStart, Unavailable
from modelhubd.records import store
from modelhubd.records.setting_aside import SUFFIXES, all_set_aside, is_corrupt, remove_set_aside, set_aside
from modelhubd.storage.database import Database

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).with_name("migrations")


class Keeping:
    """Holds the database. `path` is its file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database: Database | None = None
        self._open: contextlib.AsyncExitStack | None = None
        self._opening = asyncio.Lock()
        self._closed = False
        self.trouble: str | None = None
        """Why it cannot be used just now."""
        self._reads_failed = False
        self.just_set_aside = False
        """Whether that has happened since somebody looked."""

    @contextlib.asynccontextmanager
    async def using(self, *, reading: bool = False) -> AsyncIterator[Database]:
        """The database. That it can be read takes back no trouble with writing to it.

        Raises:
            Unavailable: `records_broken`: it cannot be opened, or is unreadable as the block shows. Then
                it was set aside, and the next use begins a new one.
        """
        database = await self._opened()
        try:
            yield database
        except sqlite3.Error as error:
            if is_corrupt(error):
                await self._give_up(error)
            self.trouble, self._reads_failed = str(error), reading
            raise _unusable(str(error)) from error
        except ValueError as error:
            if self._database is database:
                raise
            raise _unusable("they were set aside") from error  # by somebody else, meanwhile
        if not reading or self._reads_failed:
            self.trouble = None

    async def close(self) -> None:
        """For good: it cannot be used any more."""
        async with self._opening:
            self._closed = True
            await self._close()

    def set_aside(self) -> list[Path]:
        """Databases that were."""
        return all_set_aside(self.path)

    def size_bytes(self) -> int:
        """Of the files in use."""
        files = (Path(f"{self.path}{suffix}") for suffix in SUFFIXES)
        return sum(file.stat().st_size for file in files if file.exists())

    async def remove_set_aside(self) -> int:
        return await asyncio.to_thread(remove_set_aside, self.path)

    async def compact(self) -> None:
        """Give back what was deleted."""
        await asyncio.to_thread(store.compact, self.path)

    async def _opened(self) -> Database:
        async with self._opening:
            if self._closed:
                raise Unavailable("The daemon is stopping.", code="records_broken")
            if self._database is not None:
                return self._database
            try:
                return await self._begin()
            except CannotStart as error:
                if not is_corrupt(error.__cause__):
                    self.trouble = str(error)
                    raise Unavailable(str(error), code="records_broken", retry_after_s=5) from error
                await self._move_away(str(error.__cause__))
            return await self._begin()

    async def _begin(self) -> Database:
        stack = contextlib.AsyncExitStack()
        database = await stack.enter_async_context(Database.open(self.path, MIGRATIONS))
        try:
            async with database.transaction() as tx:
                await store.prepare(tx)
        except BaseException:
            await stack.aclose()
            raise
        self._open, self._database, self.trouble = stack, database, None
        return database

    async def _give_up(self, error: sqlite3.Error) -> None:
        async with self._opening:
            await self._close()
            await self._move_away(str(error))

    async def _move_away(self, why: str) -> None:
        to = await asyncio.to_thread(set_aside, self.path)
        self.just_set_aside = True
        log.warning(
            "the records could not be read (%s): they are in %s now, and new ones begin", why, to.name
        )

    async def _close(self) -> None:
        opened, self._open, self._database = self._open, None, None
        if opened is not None:
            with contextlib.suppress(sqlite3.Error):
                await opened.aclose()


def _unusable(why: str) -> Unavailable:
    return Unavailable(
        f"The records cannot be used now ({why}). See that the disk of the state folder has room; try again.",
        code="records_broken",
        retry_after_s=5,
    )
