"""What searches are answered from, and how it is made without holding anybody up.

Ten thousand entries are half a second of work, so it is done in slices, between which the event loop gets
its turn.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelhubd.catalog import store
from modelhubd.catalog.index import Index, Verdicts
from modelhubd.catalog.merge import Sourced, name_order
from modelhubd.catalog.orders import in_order
from modelhubd.catalog.store import Placed
from modelhubd.catalog.verdicts import InstalledKey, judge_entry
from modelhubd.storage.database import Reader
from modelhubd.wire.catalog import Counters
from modelhubd.wire.device import Device

SLICE = 16
"""Entries read or judged in a row, in 1 to 2 ms."""
FREED_SLICE = 256
"""Entries freed in a row, in about 1 ms."""


@dataclass(frozen=True, slots=True)
class View:
    """The entries and what they come to on this machine; replaced as a whole."""

    index: Index
    verdicts: Verdicts
    installed: frozenset[InstalledKey]


async def entries_kept(reader: Reader) -> tuple[list[Sourced], Sequence[int]]:
    """All entries of the tables in the order of their names, and their rows."""
    placed: list[Placed] = []
    while read := await store.entries_after(reader, placed[-1][0] if placed else -1, SLICE):
        placed += read

    def by_name() -> tuple[list[Sourced], Sequence[int]]:
        found = [placed[at] for at in in_order([name_order(item.entry) for _, item in placed])]
        slots = [slot for slot, _ in found]
        plain = range(len(slots))
        return [item for _, item in found], plain if slots == list(plain) else slots

    return await asyncio.to_thread(by_name)


async def view_of(
    entries: Sequence[Sourced],
    generation: int,
    device: Device,
    installed: frozenset[InstalledKey],
    counters: Mapping[str, Counters],
    slots: Sequence[int] | None = None,
) -> View:
    index = await asyncio.to_thread(Index.of, entries, generation, counters, slots)
    models = {model for model, _, _ in installed}
    judged = []
    for position, item in enumerate(entries):
        if position % SLICE == 0:
            await asyncio.sleep(0)
        judged.append(judge_entry(item.entry, device, installed, item.entry.id in models))
    return View(index, await asyncio.to_thread(index.verdicts, judged), installed)


async def counted_again(view: View, counters: Mapping[str, Counters]) -> View:
    """`view` with other counters."""
    index = await asyncio.to_thread(view.index.counted, counters)
    verdicts = await asyncio.to_thread(index.verdicts, view.verdicts.judged)
    return View(index, verdicts, view.installed)


async def judged_again(
    reader: Reader,
    view: View,
    models: Collection[str],
    device: Device,
    installed: frozenset[InstalledKey],
) -> View:
    """`view` with these models judged anew."""
    index, judged = view.index, list(view.verdicts.judged)
    owned = {model for model, _, _ in installed}
    wanted = sorted(index.positions[model] for model in models if model in index.positions)
    for start in range(0, len(wanted), SLICE):
        positions = wanted[start : start + SLICE]
        found = await store.sourced_of(reader, [index.summaries[position].id for position in positions])
        for ident, item in found.items():
            judged[index.positions[ident]] = judge_entry(item.entry, device, installed, ident in owned)
    return View(index, await asyncio.to_thread(index.verdicts, judged), installed)


async def let_go(*lists: list[Any]) -> None:
    """Empties lists that nobody needs any more. Freed in one go, ten thousand entries would hold everybody up
    for 40 ms."""
    for items in lists:
        while items:
            del items[-FREED_SLICE:]
            await asyncio.sleep(0)
