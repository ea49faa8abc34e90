"""Making room for a load, and seeing that the room is really there."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable

from modelhubd.errors import Conflict
from modelhubd.llama.placement import Placement, place
from modelhubd.llama.roster import Roster
from modelhubd.wire.device import Gpu
from modelhubd.wire.servers import LoadSettings

BACK_S = 5.0
"""How long the memory of what was unloaded may take to come back."""
POLL_S = 0.05
CARDS_S = 0.5
"""Between two looks at what is free on graphics cards: each starts a llama-server that tells it."""


class Room:
    """The memory that servers share. `drain_s` is what requests get that are in the way of an eviction."""

    def __init__(
        self,
        roster: Roster,
        *,
        available_ram: Callable[[], int],
        gpus: Callable[[], Awaitable[tuple[Gpu, ...]]],
        budget_bytes: int,
        drain_s: float,
    ) -> None:
        self._roster = roster
        self._available_ram = available_ram
        self._gpus = gpus
        self._budget_bytes = budget_bytes
        self._drain_s = drain_s

    async def cards(self, settings: LoadSettings) -> tuple[Gpu, ...]:
        """The graphics cards that a load with these settings may use, with what is free on them now."""
        return () if settings.gpu_layers == 0 else await self._gpus()

    def look(self, cards: Iterable[Gpu], needed_bytes: int, replaced: Collection[str] = ()) -> Placement:
        """Whether so much is free now; what the servers with the ids `replaced` hold counts as free."""
        on_cards = sum(card.free_bytes for card in cards if not card.unified)
        return place(
            needed_bytes,
            [life.held for life in self._roster.running()],
            available_bytes=self._available_ram() + on_cards,
            budget_bytes=self._budget_bytes,
            replaced=replaced,
        )

    async def make(
        self, name: str, settings: LoadSettings, needed_bytes: int, *, force: bool, evict: bool = True
    ) -> None:
        """Unload the idle servers that have to make way, and wait until their memory is back.

        Raises:
            Conflict: `not_enough_memory`, and it is not forced; `would_evict`, where none may be unloaded.
        """
        placement = self.look(await self.cards(settings), needed_bytes)
        if not placement.fits and not force:
            raise Conflict(
                f"{name} cannot be loaded: it {placement.reason}. Unload a model, choose a smaller context,"
                " or force it.",
                code="not_enough_memory",
            )
        leaving = [self._roster.life(server_id) for server_id in placement.evict]
        if leaving and not evict:
            names = ", ".join(life.server.name for life in leaving)
            raise Conflict(
                f"{name} is not loaded: {names} would have to be unloaded for it. Unload that, or allow it.",
                code="would_evict",
            )
        for life in leaving:  # all at once: nobody may begin to use one while another is waited for
            life.ask_to_stop(0 if life.launch.yields else self._drain_s)
        for life in leaving:
            await self._roster.unload(life, 0 if life.launch.yields else self._drain_s)
        if leaving and not force:
            gone = ", ".join(life.server.name for life in leaving)
            await self._until_back(name, gone, settings, needed_bytes)

    async def _until_back(self, name: str, gone: str, settings: LoadSettings, needed_bytes: int) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + BACK_S
        cards, seen_at = await self.cards(settings), loop.time()
        while (placement := self.look(cards, needed_bytes)).evict or not placement.fits:
            if loop.time() >= until:
                raise Conflict(
                    f"{name} cannot be loaded: {gone} had to be unloaded for it, but the memory is not back"
                    f" after {BACK_S:.0f} s: it {placement.reason}. Try again, or force it.",
                    code="not_enough_memory",
                    retry_after_s=BACK_S,
                )
            await asyncio.sleep(POLL_S)
            if cards and loop.time() - seen_at >= CARDS_S:
                cards, seen_at = await self.cards(settings), loop.time()
