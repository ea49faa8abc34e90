"""Those who use the old version come to use the new one: at the next load, or at once."""

import logging
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct, convert
from msgspec.structs import replace

from modelhubd.errors import LoadFailed, NotFound, Refused
from modelhubd.library.service import Library
from modelhubd.llama.service import Servers
from modelhubd.storage.database import Database
from modelhubd.updates import store
from modelhubd.updates.decision import Plan
from modelhubd.updates.states import Event, advance, allows
from modelhubd.wire.base import rfc3339
from modelhubd.wire.library import Artifact
from modelhubd.wire.servers import LoadRequest, LoadSettings, Server

log = logging.getLogger(__name__)


class Way(Struct, frozen=True):
    """From one artifact to another, by library id."""

    before: str
    after: str


class Switching:
    def __init__(
        self,
        database: Database,
        library: Library,
        servers: Callable[[], Servers],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._library = library
        self._servers = servers
        self._clock = clock

    async def switch(self, plan: Plan, way: Way) -> None:
        """Load again what runs the one, from the other, with the settings it was loaded with; each old server
        runs until its successor is ready, and goes on where that one fails."""
        if not await self._note(plan, Event.SWITCH):
            return
        try:
            artifact = await self._library.get(way.after)
            for server in self.running(way.before):
                await self._replace(server, artifact)
        except LoadFailed as fault:
            await self._note(plan, Event.SWITCH_FAILED, (fault.code, fault.detail))
        except Refused as refusal:
            await self._note(plan, Event.SWITCH_FAILED, (refusal.code, refusal.detail))
        except BaseException:
            await self._note(plan, Event.SWITCH_FAILED, ("http_error", "It was cut short. Switch again."))
            raise
        else:
            await self._note(plan, Event.SWITCHED)

    async def follow(self, plan: Plan, way: Way, since: str) -> None:
        """Unload what has run the one since before `since`: the other is ready and is what its name means."""
        for server in self.running(way.before):
            if server.started_at <= since:
                await self._unload(server)
        await self._note(plan, Event.SWITCHED)

    async def move_back(self, way: Way) -> None:
        """The same as `switch` after a rollback, of which nothing is noted: both versions are installed."""
        artifact = await self._library.get(way.after)
        for server in self.running(way.before):
            try:
                await self._replace(server, artifact)
            except Refused as refusal:
                log.warning("%s goes on as it is: %s", server.name, refusal.detail)

    def running(self, library_id: str) -> list[Server]:
        """Servers of this artifact that have not ended."""
        return [server for server in self._servers().running() if server.library_id == library_id]

    async def _replace(self, server: Server, artifact: Artifact) -> None:
        servers = self._servers()
        asked = {name: one.value for name, one in server.settings.items() if one.origin == "load"}
        settings = convert(asked, LoadSettings)
        loaded = await servers.load(LoadRequest(library_id=artifact.id, settings=settings))
        await servers.wait_ready(loaded.id)
        exact = f"{server.model}@{server.version}:{server.option}"
        await self._unload(server)
        await servers.rename(loaded.id, artifact.model if server.name == exact else server.name)

    async def _unload(self, server: Server) -> None:
        try:
            await self._servers().unload(server.id)
        except NotFound:
            log.info("%s has ended by itself", server.name)

    async def _note(self, plan: Plan, event: Event, error: tuple[str, str] | None = None) -> bool:
        """Whether it can happen to the update as it is now."""
        async with self._database.transaction() as tx:
            now = await store.plan(tx, plan.model, plan.to_version, plan.to_option)
            if now is None or not allows(now.state, event):
                return False
            state = advance(now.state, event)
            assert state is not None
            code, detail = error or (None, None)
            await store.put(
                tx, replace(now, state=state, error_code=code, error_detail=detail), rfc3339(self._clock())
            )
        return True
