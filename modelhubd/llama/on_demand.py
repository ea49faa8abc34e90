"""Which server answers for a name, loaded first if it must be."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import aiohttp

from modelhubd.errors import Conflict, Refused
from modelhubd.llama.admission import is_reference
from modelhubd.llama.roster import Roster
from modelhubd.llama.supervisor import Life
from modelhubd.wire.library import Artifact
from modelhubd.wire.policy import App
from modelhubd.wire.servers import LoadRequest, Server


class Upstream(NamedTuple):
    """A server to send a request to; `session` has its address and key."""

    session: aiohttp.ClientSession
    server: Server


class OnDemand:
    """Finds servers for requests that come by themselves."""

    def __init__(
        self,
        roster: Roster,
        *,
        resolve: Callable[[str], Awaitable[Artifact]],
        load: Callable[[LoadRequest, App | None], Awaitable[Server]],
    ) -> None:
        self._roster = roster
        self._resolve = resolve
        self._load = load

    async def life_for(self, name: str, app: App | None = None) -> Life:
        """The server for a server's name or id, an artifact's id or a model reference. What a reference means
        is decided anew each time: another version may have become active.

        Raises:
            NotFound: nothing installed is called so.
            LoadFailed: it has failed and may not be loaded by a request yet.
            Conflict, Unavailable: it cannot be loaded.
        """
        if (life := self._roster.called(name)) and not is_reference(name):
            return life
        try:
            artifact = await self._resolve(name)
        except Refused:
            if life := self._roster.called(name):
                return life
            raise
        if life := self._roster.running_on(artifact.id, name):
            return life
        self._roster.refuse_held_off(artifact.id)
        try:
            server = await self._load(LoadRequest(library_id=artifact.id), app)
        except Conflict:
            if life := self._roster.running_on(artifact.id, name):  # loaded meanwhile, in another way
                return life
            raise
        return self._roster.life(server.id)
