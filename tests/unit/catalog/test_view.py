"""Work on all entries leaves everybody else their turns."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from modelhubd.catalog import view
from modelhubd.catalog.search import SearchQuery
from modelhubd.catalog.verdicts import Judged, judge_entry
from modelhubd.catalog.view import FREED_SLICE, SLICE, let_go
from tests.unit.catalog.conftest import Shelf
from tests.unit.catalog.samples import entry_json


@contextmanager
def turns() -> Iterator[list[None]]:
    """One item for each turn that the event loop gives to others."""
    taken: list[None] = []

    async def take() -> None:
        while True:
            taken.append(None)
            await asyncio.sleep(0)

    taking = asyncio.get_running_loop().create_task(take())
    yield taken
    taking.cancel()


async def test_all_entries_are_judged_in_slices(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    judged_by_turn: Counter[int] = Counter()

    def judge(*args: Any) -> Judged:
        judged_by_turn[len(taken)] += 1
        return judge_entry(*args)

    monkeypatch.setattr(view, "judge_entry", judge)
    shelf.write("a.json", *(entry_json(f"me/model-{n}") for n in range(5 * SLICE)))
    for work in (shelf.catalog.sync, shelf.catalog.device_changed):
        with turns() as taken:
            await work()
        assert judged_by_turn.total() == 5 * SLICE + 4
        assert max(judged_by_turn.values()) == SLICE
        judged_by_turn.clear()


async def test_searches_in_a_row_leave_others_their_turns(shelf: Shelf) -> None:
    await shelf.catalog.sync()
    with turns() as taken:
        for _ in range(10):
            await shelf.catalog.search(SearchQuery())
    assert len(taken) >= 10


async def test_what_nobody_needs_is_let_go_in_slices() -> None:
    many, few = [object()] * 10 * FREED_SLICE, [object()]
    with turns() as taken:
        await let_go(many, few)
    assert (many, few) == ([], [])
    assert len(taken) >= 10
