"""When it is looked again whether something is newer, or held back."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from modelhubd.events import Bus
from modelhubd.storage.database import Database
from modelhubd.updates.looking import Seen
from modelhubd.updates.review import Review


class Nothing:
    """Finds nothing, has nothing, and tells when it is asked to look."""

    def __init__(self) -> None:
        self.looked = asyncio.Event()
        self.listing = self

    async def look(self) -> Seen:
        self.looked.set()
        return Seen(updates=(), artifacts={}, entries={}, plans=())

    async def stored(self, _: object) -> list[Any]:
        return []


@pytest.mark.parametrize("event", ["device.changed", "catalog.synced", "policy.changed", "library.added"])
async def test_it_is_looked_again_when_what_an_update_depends_on_is_another(
    tmp_path: Path, event: str
) -> None:
    nothing: Any = Nothing()
    bus = Bus("00000000")
    async with Database.open(tmp_path / "test.db") as database:
        review = Review(database, bus, nothing, nothing, lambda: nothing, nothing)
        running = asyncio.create_task(review.run())
        try:
            bus.publish("trial.removed", "x", {})
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(nothing.looked.wait(), 0.4)
            bus.publish(event, "x", {})
            await asyncio.wait_for(nothing.looked.wait(), 30)
        finally:
            running.cancel()
