"""The daemon's end of a registry's line: a thread per question, none while the machine is kept offline."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from modelhubd.catalog.registry.fetching import Fetching, Line, host_of
from modelhubd.catalog.registry.refusals import NotTaken
from modelhubd.tasks import in_thread

T = TypeVar("T")


class Asking:
    """`outbound(host, purpose)` is told of each connection; `offline` says whether there may be any."""

    def __init__(
        self, line: Line, *, outbound: Callable[[str, str], None], offline: Callable[[], bool]
    ) -> None:
        self._line = line
        self._outbound = outbound
        self._offline = offline
        self._stopped = threading.Event()

    async def ask(self, work: Callable[[Fetching], T]) -> T:
        """What `work` answers; it runs in a thread with a connection of its own.

        Raises:
            NotTaken: by policy, or as `work` says.
        """
        if self._offline():
            raise NotTaken("offline")
        loop, host = asyncio.get_running_loop(), host_of(self._line.base_url)

        def dialled(purpose: str) -> None:
            loop.call_soon_threadsafe(self._outbound, host, purpose)

        def asked() -> T:
            with Fetching(self._line, self._stopped, dialled) as fetching:
                return work(fetching)

        return await in_thread(asked)

    def close(self) -> None:
        """End what is being asked, within a second."""
        self._stopped.set()
