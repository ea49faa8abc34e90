"""Makes up for what an end of the daemon, or of a drive, cut short of bundles: at the start, and for what is
on a drive that is away then, when it is back."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from modelhubd.errors import Refused
from modelhubd.library.jobs import Jobs, Progress
from modelhubd.library.scan import is_marked
from modelhubd.library.service import Library
from modelhubd.packages import placing, store
from modelhubd.packages.making import has_partial, is_rid_of_partial
from modelhubd.storage.database import Database, Transaction
from modelhubd.tasks import TaskOwner, in_thread
from modelhubd.wire.library import Finished

log = logging.getLogger(__name__)
LOOK_S = 5.0
"""How often it is looked whether a drive is back."""
Install = Callable[[Transaction, Finished, str], Awaitable[None]]


class Recovery:
    """`install_one` is called in the transaction that puts a model into the library."""

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        library: Library,
        install_one: Install,
        *,
        look_s: float = LOOK_S,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._library = library
        self._install_one = install_one
        self._look_s = look_s
        self._installs_left = True
        """Whether there may be something of an install in the models directory."""

    async def start(self, tasks: TaskOwner) -> None:
        """Whatever can be made up for now is when this returns; the rest is from now on."""
        for path in await store.making(self._database.reader):
            await self.rid_of(Path(path))
        await self._take_up_installs()
        tasks.start(self._keep(), name="recovery of bundles")

    async def note(self, path: Path, *, under_way: bool) -> None:
        """That a bundle is being made that is to become `path`, so that what is left of it is found again."""
        async with self._database.transaction(durable=under_way) as tx:
            await store.set_making(tx, str(path), under_way=under_way)

    async def rid_of(self, path: Path) -> None:
        """Remove what there is of the bundle that was to become `path`; where its drive is away, later."""
        with contextlib.suppress(OSError):
            if await in_thread(partial(is_rid_of_partial, path)):
                await self.note(path, under_way=False)

    def install_left(self) -> None:
        """What an install has put aside could not be removed: do it later."""
        self._installs_left = True

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._look_s)
            try:
                await self._once()
            except Refused:
                continue  # other jobs are under way
            except OSError as error:
                log.info("what is left of bundles cannot be looked at: %s", error.strerror)
            except sqlite3.Error as error:
                log.warning("what is left of bundles cannot be looked up now (%s): it is tried again", error)

    async def _once(self) -> None:
        noted = [Path(path) for path in await store.making(self._database.reader)]
        left = [path for path in noted if await in_thread(partial(has_partial, path))]
        if not left and not await self._is_install_left():
            return

        async def work(_progress: Progress) -> None:
            for path in left:
                await self.rid_of(path)
            await self._take_up_installs()

        self._jobs.start(kind="bundle cleanup", work=work, heavy=False, alone=True)

    async def _take_up_installs(self) -> None:
        """What has its final name comes into the library, and what is not whole goes."""
        if not await self._is_install_left():
            return
        root = self._library.root
        try:
            for found in await store.all_placing(self._database.reader):
                await self._take_up(found)
            await in_thread(lambda: placing.clean(root))
        except OSError as error:
            log.warning("what is left of bundles cannot be removed: %s", error.strerror)
        else:
            self._installs_left = False

    async def _is_install_left(self) -> bool:
        root = self._library.root
        if not self._installs_left or not await in_thread(partial(is_marked, root)):
            return False
        placed = await store.all_placing(self._database.reader)
        self._installs_left = bool(placed) or await in_thread(partial(placing.is_any_aside, root))
        return self._installs_left

    async def _take_up(self, found: store.Placing) -> None:
        finished = found.finished
        files = [(file.name, file.size_bytes) for file in finished.files]
        there = await in_thread(lambda: placing.is_placed(self._library.root, finished.directory, files))
        async with self._database.transaction(durable=True) as tx:
            if there:
                await self._install_one(tx, finished, found.bundle)
            await store.drop_placing(tx, finished.directory)
