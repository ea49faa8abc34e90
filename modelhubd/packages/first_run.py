"""Downloads the models that are wanted at the first run: once each, never again after they were removed."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from modelhubd.errors import Conflict, InvalidInput, NotFound, Refused
from modelhubd.packages import store
from modelhubd.packages.declared import FirstRunWanted
from modelhubd.packages.states import Known, is_over, item_of, to_try, wanted_of
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner
from modelhubd.wire.base import rfc3339
from modelhubd.wire.bundles import FirstRun, FirstRunItem, FirstRunState, SkipFirstRun
from modelhubd.wire.downloads import CreateDownload, Download, DownloadState

log = logging.getLogger(__name__)
AGAIN_S = 60.0
"""How often what is held is tried again: disks are freed and policies change."""


class Queue(Protocol):
    """What is asked of the downloads."""

    async def create(self, request: CreateDownload) -> tuple[Download, bool]: ...
    async def get(self, id: str) -> Download: ...
    async def cancel(self, id: str) -> Download: ...


class FirstRuns:
    """`start` it once. `declared` gives what the configuration and the administrator want, `of_registry` what
    the registry's template does, `usable` whether there is a catalog to take it from."""

    def __init__(
        self,
        database: Database,
        queue: Queue,
        *,
        declared: Callable[[], Sequence[FirstRunWanted]],
        of_registry: Callable[[], Sequence[str]],
        usable: Callable[[], bool],
        clock: Callable[[], datetime],
        again_s: float = AGAIN_S,
    ) -> None:
        self._database = database
        self._queue = queue
        self._declared = declared
        self._of_registry = of_registry
        self._usable = usable
        self._clock = clock
        self._again_s = again_s
        self._again = asyncio.Event()
        self._one = asyncio.Lock()
        self._held: dict[str, str] = {}

    def start(self, tasks: TaskOwner) -> None:
        tasks.start(self._keep(), name="first run")

    def changed(self) -> None:
        """The catalog, or what is wanted, may be another one now."""
        self._again.set()

    async def show(self) -> FirstRun:
        """How each of them stands."""
        known = await self._known()
        return FirstRun(items=tuple(item_of(wanted, known) for wanted in self._wanted()))

    async def skip(self, request: SkipFirstRun) -> FirstRun:
        """Have these, or all that are not done, not be downloaded; a download under way is cancelled.

        Raises:
            InvalidInput: one of the named is not wanted at the first run.
        """
        async with self._one:
            items = {item.model: item for item in (await self.show()).items}
            named = items.keys() if request.models is None else request.models
            for place, model in enumerate(named):
                if model not in items:
                    raise InvalidInput.at(f"/models/{place}", "not one of the first-run downloads")
            for model in named:
                if not is_over(items[model]):
                    await self._skip(items[model])
        return await self.show()

    async def _skip(self, item: FirstRunItem) -> None:
        await self._decide(item.model, FirstRunState.SKIPPED, item.download_id)
        if item.download_id is not None:
            with contextlib.suppress(NotFound, Conflict):
                await self._queue.cancel(item.download_id)

    async def _keep(self) -> None:
        while True:
            self._again.clear()
            try:
                left = await self._try()
            except sqlite3.Error as error:
                log.warning("first-run downloads cannot be looked up now (%s): it is tried again", error)
                left = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._again_s if left else None):
                    await self._again.wait()

    async def _try(self) -> bool:
        """Enqueue what can be; whether anything is left for later."""
        async with self._one:
            known = await self._known()
            trying = to_try(self._wanted(), known, usable=self._usable())
            held: dict[str, str] = {}
            for model in trying:
                reason = await self._enqueue(model)
                if reason is not None:
                    held[model] = reason
                    if self._held.get(model) != reason:
                        log.warning("the first-run download of %s waits: %s", model, reason)
            self._held = held
            return bool(held)

    async def _enqueue(self, model: str) -> str | None:
        """Why it cannot be now; None once it is decided."""
        try:
            download, _ = await self._queue.create(CreateDownload(model=model))
        except Conflict as refused:
            if refused.code != "already_installed":
                return refused.detail
            await self._decide(model, FirstRunState.DONE, None)
        except Refused as refused:
            return refused.detail
        else:
            await self._decide(model, FirstRunState.ENQUEUED, download.id)
            log.info("%s is downloaded, as is wanted at the first run", model)
        return None

    async def _decide(self, model: str, state: FirstRunState, download_id: str | None) -> None:
        found = store.Decided(model=model, state=state.value, download_id=download_id)
        async with self._database.transaction(durable=True) as tx:
            await store.decide(tx, found, rfc3339(self._clock()))

    async def _known(self) -> Known:
        decided = await store.decided(self._database.reader)
        downloads: dict[str, DownloadState] = {}
        for found in decided.values():
            if found.download_id is not None:
                with contextlib.suppress(NotFound):
                    downloads[found.download_id] = (await self._queue.get(found.download_id)).state
        return Known(decided=decided, held=self._held, downloads=downloads)

    def _wanted(self) -> tuple[FirstRunWanted, ...]:
        return wanted_of(self._declared(), self._of_registry())
