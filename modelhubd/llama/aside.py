"""Loading and asking a model without being in anybody's way: what is loaded here makes nobody go, goes for
everybody at once, and answers only who has loaded it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

import aiohttp

from modelhubd.errors import NotFound, Unavailable
from modelhubd.llama.loading import ALLOWED_EXCESS, PROGRAM_BYTES
from modelhubd.llama.on_demand import Upstream
from modelhubd.llama.roster import Roster
from modelhubd.wire.policy import App
from modelhubd.wire.servers import LoadRequest, LoadSettings, Server, ServerState
from modelhubd.wire.units import human_bytes


class Load(Protocol):
    async def __call__(
        self, request: LoadRequest, app: App | None = None, *, aside: bool = False
    ) -> Server: ...


class Aside:
    def __init__(self, roster: Roster, load: Load) -> None:
        self._roster = roster
        self._load = load

    async def ready(self, library_id: str, name: str, settings: LoadSettings, *, within_s: float) -> Server:
        """A server of this artifact under this name once it answers, loaded if it is not.

        Raises:
            Conflict: `not_enough_memory` beside what is loaded; or it cannot be loaded.
            LoadFailed: it did not get ready.
            Unavailable: not within `within_s` seconds.
            NotFound, NotAllowed, InvalidInput: as for any load.
        """
        if (server := self._running(name)) is not None and server.state is ServerState.READY:
            return server
        request = LoadRequest(library_id=library_id, name=name, settings=settings)
        server = await self._load(request, aside=True)
        return await self._roster.until_ready(server.id, within_s)

    @contextlib.asynccontextmanager
    async def lease(self, server_id: str) -> AsyncIterator[Upstream]:
        """To ask it. What the block does is cancelled when the server has to go.

        Raises:
            NotFound: it is gone.
            Unavailable: it is being stopped, or has to go meanwhile.
        """
        life = self._roster.life(server_id)
        if life.session is None or life.leaving:
            raise Unavailable(f"{life.server.name} is being stopped.", code="server_stopped")
        async with life.use():
            yield Upstream(life.session, life.server)

    def quiet_s(self) -> float:
        """Seconds for which no other server was asked or loaded; 0 while one is."""
        now = asyncio.get_running_loop().time()
        others = [life for life in self._roster.running() if not life.launch.yields]
        if any(life.held.busy or not life.held.ready for life in others):
            return 0.0
        return min((now - life.leases.used_at for life in others), default=now)

    def embedder(self) -> aiohttp.ClientSession | None:
        """An embedding model that answers, to look at two texts: it does not count as use."""
        for life in self._roster.running():
            if life.launch.embeddings and not life.launch.ranks and life.held.ready and not life.leaving:
                return life.session
        return None

    def excess(self, server_id: str) -> str | None:
        """What to say if it holds far more memory than was expected."""
        held = self._roster.life(server_id).held
        if (
            held.held_bytes is None
            or held.held_bytes <= held.estimated_bytes * ALLOWED_EXCESS + PROGRAM_BYTES
        ):
            return None
        took, expected = human_bytes(held.held_bytes), human_bytes(held.estimated_bytes)
        return f"it took {took} of memory where {expected} were expected"

    def _running(self, name: str) -> Server | None:
        lives = self._roster.running()
        return next((one.server for one in lives if one.launch.yields and one.server.name == name), None)

    async def unload(self, name: str) -> None:
        """Unload the one of this name at once, if there is one."""
        for life in self._roster.all():
            if life.launch.yields and life.server.name == name:
                with contextlib.suppress(NotFound):
                    await self._roster.unload(life, 0)
