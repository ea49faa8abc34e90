"""Waiting for the next change: of this process at once, of another one within `POLL_S`.

One task looks for all who wait, and only while somebody does.
"""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import Callable

from modelhubd.errors import InvalidInput, TooManyRequests, Unavailable
from modelhubd.registry.changes import store
from modelhubd.registry.changes.store import Mark
from modelhubd.registry.database import Database
from modelhubd.tasks import TaskOwner

POLL_S = 0.25
"""How soon a change that another process made is seen."""
LOOK_S = 1.0
"""How soon it is noticed that a caller is gone."""
WAITING_MAX = 192
"""Callers who wait at this process; others need connections too."""
WAITING_MAX_EACH = 32
"""Of one principal."""
BUSY_S = 5.0
_CURSOR = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")


def cursor_of(mark: Mark) -> str:
    """What callers hold of where they were."""
    return f"{mark.audited}.{mark.revision}"


def mark_of(cursor: str) -> Mark:
    """
    Raises:
        InvalidInput: it is no cursor.
    """
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise InvalidInput.at("?after", "not a cursor; pass what an answer gave")
    return Mark(int(match[1]), int(match[2]))


class Changes:
    """`start` it before anybody waits, and `end` it before the connections are closed."""

    def __init__(self, database: Database, tasks: TaskOwner) -> None:
        self._database = database
        self._tasks = tasks
        self._mark = Mark(-1, -1)
        self._asked = asyncio.Event()
        self._turn = asyncio.Event()
        self._waiting: Counter[str] = Counter()
        self._ended = False

    def start(self) -> None:
        """Look from now on."""
        self._tasks.start(self._keep_looking(), name="changes")

    def look(self) -> None:
        """Something may have changed just now; where nobody waits, who asks next looks for himself."""
        if self._waiting:
            self._asked.set()

    def end(self) -> None:
        """Answer all who wait, and let nobody wait any more."""
        self._ended = True
        self._next_turn()

    async def following(
        self, principal: str, after: str | None, wait_s: float, is_gone: Callable[[], bool]
    ) -> str:
        """The cursor of where the registry stands, once that is not `after`, or after `wait_s` seconds.

        Raises:
            InvalidInput: `after` is no cursor.
            TooManyRequests: too many wait already.
        """
        known = None if after is None else mark_of(after)
        mark = await self._read()
        if mark == known and wait_s > 0:
            mark = await self._waited(principal, mark, wait_s, is_gone)
        return cursor_of(mark)

    async def _waited(self, principal: str, known: Mark, wait_s: float, is_gone: Callable[[], bool]) -> Mark:
        if self._waiting.total() >= WAITING_MAX or self._waiting[principal] >= WAITING_MAX_EACH:
            raise TooManyRequests(
                "Too many wait for changes already. Close some windows, or ask without waiting.",
                code="too_many_waiting",
                retry_after_s=BUSY_S,
            )
        self._waiting[principal] += 1
        self._asked.set()
        try:
            loop = asyncio.get_running_loop()
            until = loop.time() + wait_s
            while self._mark == known and not self._ended and not is_gone():
                left = until - loop.time()
                if left <= 0:
                    break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left, LOOK_S)):
                        await self._turn.wait()
        finally:
            self._waiting[principal] -= 1
            if not self._waiting[principal]:
                del self._waiting[principal]
        return self._mark

    async def _keep_looking(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S if self._waiting else None):
                    await self._asked.wait()
            self._asked.clear()
            with contextlib.suppress(Unavailable):
                await self._read()

    async def _read(self) -> Mark:
        found = Mark(*(await self._database.glance(store.MARK))[0])
        if found > self._mark:
            self._mark = found
            self._next_turn()
        return self._mark

    def _next_turn(self) -> None:
        self._turn.set()
        self._turn = asyncio.Event()
