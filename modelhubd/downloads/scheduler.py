"""Gives downloads their turn, and keeps the tasks that work on them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from modelhubd.downloads import queue_store, staging, store
from modelhubd.downloads.carrier import Carrier
from modelhubd.downloads.limits import Limiter
from modelhubd.downloads.many import Many
from modelhubd.downloads.process import TransferWorker
from modelhubd.downloads.queue import next_turn
from modelhubd.downloads.states import Event, advance, allows
from modelhubd.downloads.surroundings import Surroundings
from modelhubd.tasks import TaskOwner, in_thread

log = logging.getLogger(__name__)
NETWORK_LOOK_S = 5.0
STORAGE_LOOK_S = 2.0
CLOCK_LOOK_S = 30.0
"""A moment of the wall clock is not slept until: the machine may sleep meanwhile, or its clock be set."""
STOP_S = 4.0
HOLD_LOOK_S = 0.5
AWAY_S = 10.0
"""A sync that is under way is waited for."""


class Scheduler:
    """`run` it in a task. At most `max_active` downloads are worked on at once, within the schedule.

    `storage_back` is awaited when the models directory can be written again, after it could not.
    """

    def __init__(
        self,
        around: Surroundings,
        carrier: Carrier,
        tasks: TaskOwner,
        worker: TransferWorker,
        limiter: Limiter,
        many: Many,
        storage_back: Callable[[], Awaitable[None]],
    ) -> None:
        self._around = around
        self._carrier = carrier
        self._tasks = tasks
        self._worker = worker
        self._limiter = limiter
        self._many = many
        self._storage_back = storage_back
        self._work: dict[str, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()
        self._stopping = False
        self._storage_was_away = False
        self._was_held: bool | None = None
        self._on_hold = False
        self._told: tuple[int | None, int, dict[str, int]] | None = None

    def wake(self) -> None:
        """Something has changed: look again."""
        self._woken.set()

    def works_on(self, id: str) -> bool:
        return id in self._work

    async def hold(self) -> None:
        """Let nothing run until `let_go`; returns once nothing does. What runs goes back into the queue."""
        self._on_hold = True
        self.wake()
        while self._work and not self._stopping:
            await asyncio.wait(self._work.values(), timeout=HOLD_LOOK_S)

    def let_go(self) -> None:
        self._on_hold = False
        self.wake()

    async def begin_anew(self) -> None:
        """Take away what is worked on: each is taken up again where it was, if it may."""
        await self.take_away(*self._work)
        self.wake()

    async def stop(self) -> None:
        """Take every task away; what they worked on keeps its state."""
        self._stopping = True
        for task in self._work.values():
            task.cancel()
        if self._work:
            await asyncio.wait(self._work.values(), timeout=STOP_S)

    async def take_away(self, *ids: str) -> None:
        """Return once no task works on them any more."""
        tasks = {self._work[id_] for id_ in ids if id_ in self._work}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=AWAY_S)

    async def run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                pause_s = await self._take_turns()
            except Exception:
                log.exception("the download queue met an unexpected fault; it goes on")
                pause_s = 1.0
            try:
                async with asyncio.timeout(pause_s):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _take_turns(self) -> float | None:
        """Start what has its turn; seconds until somebody else may have."""
        reader = self._around.database.reader
        looks = await self._look_around()
        now = self._around.clock()
        held = self._limiter.held_until(now)
        self._tell_schedule(held)
        places = self._limiter.in_force.max_active
        line = await queue_store.waiting_line(reader, now, places + len(self._work))
        turn = next_turn(line, self._work.keys(), places, now, held=held is not None or self._on_hold)
        for id_ in turn.put_back:
            if await self._turn(id_, Event.PUT_BACK):
                await self.take_away(id_)
        started = [id_ for id_ in turn.start if await self._turn(id_, Event.START)]
        await self.tell_worker()
        for id_ in (*turn.go_on, *started):
            self._begin(id_)
        for moment in (turn.look_again_at, self._limiter.next_change(now)):
            if moment is not None:
                looks.append(min(max((moment - now).total_seconds(), 0.0), CLOCK_LOOK_S))
        return min(looks) if looks else None

    async def _look_around(self) -> list[float]:
        """Wake what waits for the network or the storage if it is back; seconds after which to look again."""
        reader = self._around.database.reader
        looks = []
        if await queue_store.awaits(reader, "network"):
            if await in_thread(self._around.online):
                await self._many.wake(("network",))
            looks.append(NETWORK_LOOK_S)
        if await queue_store.awaits(reader, "storage"):
            usable = await self._around.storage_present() and await in_thread(
                lambda: staging.is_writable(self._around.root)
            )
            if usable and self._storage_was_away:
                await self._storage_back()
            self._storage_was_away = not usable
            looks.append(STORAGE_LOOK_S)
        else:
            self._storage_was_away = False
        return looks

    def _tell_schedule(self, held: datetime | None) -> None:
        if self._was_held not in (None, held is not None):
            log.info("the schedule %s downloads", "lets no more" if held else "lets")
            self._limiter.tell()
        self._was_held = held is not None

    async def tell_worker(self) -> None:
        """Have the worker keep to the limits in force."""
        limits = self._limiter.in_force
        own = await queue_store.own_limits(self._around.database.reader)
        rates = (limits.max_bytes_per_s, limits.connections, own)
        if rates != self._told:
            self._told = rates
            self._worker.limit(*rates)

    async def _turn(self, id: str, event: Event) -> bool:
        async with self._around.database.transaction() as tx:
            row = await store.get(tx, id)
            if row is None or not allows(row.state, event):
                return False
            await store.set_state(tx, id, advance(row.state, event), self._around.clock())
            await self._carrier.tell(tx, id)
        return True

    def _begin(self, id: str) -> None:
        if self._stopping or id in self._work:
            return
        task = self._tasks.start(self._carrier.carry(id), name=id)
        self._work[id] = task
        task.add_done_callback(lambda _: self._ended(id))

    def _ended(self, id: str) -> None:
        self._work.pop(id, None)
        self._woken.set()
