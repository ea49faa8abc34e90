"""Keeps the books of updates in line with what happens, and tells readers what is newer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from modelhubd.downloads.service import Downloads
from modelhubd.entries.older import offered
from modelhubd.events import Bus
from modelhubd.storage.database import Database
from modelhubd.updates import store
from modelhubd.updates.decision import Plan
from modelhubd.updates.looking import Looking, Seen
from modelhubd.updates.states import Event, State
from modelhubd.updates.switching import Switching
from modelhubd.wire.downloads import DownloadState
from modelhubd.wire.events import Removed
from modelhubd.wire.updates import Update

log = logging.getLogger(__name__)
SETTLE_S = 0.2
"""Changes that come together are looked at together."""
TELLING = (
    "library.added", "library.changed", "library.removed", "catalog.", "policy.", "server.changed",
    "server.removed", "download.created", "download.removed", "device.",
)  # fmt: skip
"""Events after which something else may be newer, or held back."""


class Review:
    """`turn` records that an event has happened to an update, if it still can."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        looking: Looking,
        switching: Switching,
        downloads: Callable[[], Downloads],
        turn: Callable[[Plan, Event], Awaitable[None]],
    ) -> None:
        self._database = database
        self._bus = bus
        self._looking = looking
        self._switching = switching
        self._downloads = downloads
        self._turn = turn
        self._again = asyncio.Event()
        self._told: dict[str, Update] = {}
        bus.observe(self._saw)

    def soon(self) -> None:
        """Something may be different: look again."""
        self._again.set()

    async def run(self) -> None:
        """Look whenever something has happened. Never ends."""
        while True:
            await self._again.wait()
            await asyncio.sleep(SETTLE_S)
            self._again.clear()
            try:
                await self._look()
            except Exception:
                log.exception("what is newer could not be told")

    def _saw(self, event_type: str, resource: str, value: Any) -> None:
        ended = event_type == "download.changed" and value.state.ended
        if ended or event_type.startswith(TELLING):
            self._again.set()

    async def _look(self) -> None:
        seen = await self._looking.look()
        await self._settle(seen)
        updates = {update.id: update for update in seen.updates}
        for gone in self._told.keys() - updates.keys():
            self._bus.publish("update.removed", gone, Removed(id=gone))
        for update in updates.values():
            if update != self._told.get(update.id):
                self._bus.publish("update.available", update.id, update)
        self._told = updates

    async def _settle(self, seen: Seen) -> None:
        installed: dict[str, set[int]] = {}
        for artifact in seen.artifacts.values():
            installed.setdefault(artifact.model, set()).add(artifact.version)
        served = [
            entry
            for item in seen.entries.values()
            for entry in offered(item.entry)
            if entry.version in installed[entry.id]
        ]
        async with self._database.transaction() as tx:
            await store.keep(tx, served)
            await store.keep_only(tx, installed)
        fetching = [plan for plan in seen.plans if plan.state is State.FETCHING]
        asked = [plan.download or "" for plan in fetching]
        rows = {row.id: row for row in await self._downloads().listing.stored(asked)}
        for plan in fetching:
            row = rows.get(plan.download or "")
            if row is None or row.state is DownloadState.CANCELLED:
                await self._turn(plan, Event.GIVEN_UP)
        for plan in seen.plans:
            if plan.state is State.INSTALLED and not self._switching.running(plan.from_id):
                await self._turn(plan, Event.OLD_UNLOADED)
