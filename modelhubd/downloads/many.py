"""Changes of many downloads at once: told one by one while they are few, by a snapshot when they are many."""

from collections.abc import Sequence

from modelhubd.downloads import queue_store
from modelhubd.downloads.carrier import Carrier
from modelhubd.downloads.states import Event, advance, allows
from modelhubd.downloads.surroundings import Surroundings
from modelhubd.storage.database import Transaction
from modelhubd.wire.downloads import DownloadState

FEW = 100
"""So many are told one by one. Thousands would push everything else out of the ring of events, hold the event
loop, and be overtaken by a snapshot at every reader that is not quick enough."""


class Many:
    def __init__(self, around: Surroundings, carrier: Carrier) -> None:
        self._around = around
        self._carrier = carrier

    async def change(self, event: Event) -> tuple[int, list[str]]:
        """All to which it can happen; answers how many, and which of them were being received."""
        states = [state for state in DownloadState if allows(state, event)]
        attempts = 0 if event is Event.RESUME else None
        now = self._around.clock()
        async with self._around.database.transaction() as tx:
            ids = await queue_store.in_states(tx, states, FEW + 1)
            active = [state for state in states if state is DownloadState.ACTIVE]
            receiving = await queue_store.in_states(tx, active, FEW) if active else []
            changed = [
                await queue_store.set_state_of_all(tx, state, advance(state, event), now, attempts)
                for state in states
            ]
            await self._tell(tx, ids)
        return sum(changed), receiving

    async def wake(self, reasons: Sequence[str | None]) -> None:
        """What waits for one of these may start now."""
        async with self._around.database.transaction() as tx:
            ids: list[str] = []
            for reason in reasons:
                ids += await queue_store.waiting_for(tx, reason, FEW + 1)
                await queue_store.wake(tx, reason)
            await self._tell(tx, ids)

    async def moved(self, tx: Transaction, id: str, before: int, after: int) -> None:
        """Tell those that one has passed in the line: each stands at another place than before."""
        low, high = sorted((before, after))
        ids = await queue_store.between(tx, low, high, id, FEW + 1)
        await self._tell(tx, ids)

    async def _tell(self, tx: Transaction, ids: Sequence[str]) -> None:
        if len(ids) <= FEW:
            await self._carrier.tell_all(tx, ids)
        else:
            tx.after_commit(lambda: self._around.bus.overtake("downloads"))
