"""The requests that use a server: counted, waited for, and cut off when it has to stop."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable


class CutOff(Exception):
    """The server had to stop while the request was in flight."""


class Leases:
    """Requests in flight of one server. `on_change` is called whenever one begins or ends."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._scopes: set[asyncio.Timeout] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._busy = asyncio.Event()
        self._deadline = math.inf
        self._draining: asyncio.Timeout | None = None
        self.used_at = asyncio.get_running_loop().time()
        """When a request began or ended last, on the loop's clock."""
        self.ended = 0
        """How many have ended."""

    def __len__(self) -> int:
        return len(self._scopes)

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[None]:
        """Counts as a request in flight while the block runs.

        Raises:
            CutOff: the server has to stop and the block had not ended in time; what it did is cancelled.
        """
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._count(scope, begins=True)
                try:
                    yield
                finally:
                    self._count(scope, begins=False)
        except TimeoutError:
            if not scope.expired():
                raise
            raise CutOff from None

    async def busy(self) -> None:
        """Wait until a request is in flight."""
        await self._busy.wait()

    def drain_by(self, deadline: float) -> None:
        """Let `drain` wait no longer than until `deadline` on the loop's clock; the earliest one counts."""
        self._deadline = min(self._deadline, deadline)
        if self._draining is not None and not self._draining.expired():
            self._draining.reschedule(self._deadline)

    async def drain(self) -> None:
        """Wait for the requests in flight until the deadline, then cut them off."""
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._deadline) as self._draining:
                    await self._idle.wait()
        finally:
            self._draining = None
        for scope in self._scopes:
            scope.reschedule(0)

    def _count(self, scope: asyncio.Timeout, *, begins: bool) -> None:
        self.used_at = asyncio.get_running_loop().time()
        if begins:
            self._scopes.add(scope)
            self._idle.clear()
            self._busy.set()
        else:
            self._scopes.discard(scope)
            self.ended += 1
        if not self._scopes:
            self._idle.set()
            self._busy.clear()
        self._on_change()
