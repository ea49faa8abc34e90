"""A catalog in which few entries have changed: the rest is neither read, judged nor indexed again."""

import asyncio
import heapq
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from modelhubd.catalog.index import Index, summaries_of
from modelhubd.catalog.merge import Sourced
from modelhubd.catalog.store import Placed, Source
from modelhubd.catalog.sync import Changes, Gathered
from modelhubd.catalog.verdicts import InstalledKey, judge_entry
from modelhubd.catalog.view import SLICE, View
from modelhubd.wire.catalog import Counters, ModelSummary, Requires
from modelhubd.wire.device import Device

FEW = 4
"""A catalog is made anew where more than one of so many entries has changed."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A view with what has to be done to the tables for it: rows whose entries go, entries that come."""

    view: View
    gone: list[int]
    placed: list[Placed]


async def changed_view(
    view: View,
    entries: Sequence[Sourced],
    gone: Collection[str],
    device: Device,
    installed: frozenset[InstalledKey],
    counters: Mapping[str, Counters],
) -> Changed:
    """`view` with these entries, new ones or in place of others of their ids, and without those that are
    `gone`."""
    owned = {model for model, _, _ in installed}
    judged_new = []
    for number, item in enumerate(entries):
        if number % SLICE == 0:
            await asyncio.sleep(0)
        judged_new.append(judge_entry(item.entry, device, installed, item.entry.id in owned))
    index, origins, out, placed = await asyncio.to_thread(_rearranged, view.index, entries, gone, counters)
    before = view.verdicts.judged
    judged = [before[at] if at >= 0 else judged_new[~at] for at in origins]
    return Changed(View(index, await asyncio.to_thread(index.verdicts, judged), installed), out, placed)


def little_changes(known: Source | None, gathered: Gathered, view: View | None) -> Changes | None:
    """What differs from the catalog that is in the tables and in `view`, if that is all there is to do, and
    little."""
    base = gathered.base
    if known is None or view is None or base is None or known.fingerprint != gathered.before:
        return None
    changes = base.changes
    if changes is None or view.index.n_local:
        return None
    count = len(changes.entries) + view.index.count - len(changes.unchanged)
    return changes if count * FEW <= view.index.count else None


def _rearranged(
    index: Index,
    entries: Sequence[Sourced],
    gone: Collection[str],
    counters: Mapping[str, Counters],
) -> tuple[Index, list[int], list[int], list[Placed]]:
    """(the index, per position where it was or the complement of its place among `entries`, rows that go,
    entries with the rows they take)."""
    new = {item.entry.id: number for number, item in enumerate(entries)}
    fresh = summaries_of(entries, counters)
    out = [index.positions[ident] for ident in (*new, *gone) if ident in index.positions]
    left = set(out)
    free = max(index.slots, default=-1) + 1
    slots = {}
    for ident in new:
        at = index.positions.get(ident)
        slots[ident] = free if at is None else index.slots[at]
        free += at is None
    stay = ((_order(model), at) for at, model in enumerate(index.summaries) if at not in left)
    come = sorted((_order(model), ~number) for number, model in enumerate(fresh))
    origins = [at for _, at in heapq.merge(stay, come)]
    made = Index(
        [index.summaries[at] if at >= 0 else fresh[~at] for at in origins],
        frozenset(
            (index.requiring - new.keys() - set(gone))
            | {item.entry.id for item in entries if item.entry.requires != Requires()}
        ),
        index.generation + 1,
        [index.slots[at] if at >= 0 else slots[fresh[~at].id] for at in origins],
    )
    placed = [(slots[item.entry.id], item) for item in entries]
    return made, origins, [index.slots[at] for at in out], placed


def _order(model: ModelSummary) -> tuple[str, str]:
    """As `merge.name_order` has it."""
    return model.display_name.casefold(), model.id
