"""A catalog that was changed a little is the catalog that would have been made anew."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modelhubd.catalog.search import SearchQuery
from modelhubd.catalog.service import Catalog
from modelhubd.catalog.sync import Base, Changes, Served
from modelhubd.events import Bus
from modelhubd.storage.database import Database, Transaction
from modelhubd.wire.catalog import CatalogEntry, CatalogPage
from tests.unit.catalog.samples import device, entry, option_json

WORDS = ("amber", "birch", "cedar", "delta", "Ember", "fjord")
QUERIES = [
    SearchQuery(q=q, sort=sort)
    for q in ("", "birch", "ced", "amber fjord", "q4", "late", "lab/m3")
    for sort in ("relevance", "name", "size", "params")
] + [SearchQuery(tag=("a",)), SearchQuery(publisher=("Ember House",)), SearchQuery(verified=True)]
DEVICE = device()


class Shown:
    """A catalog over a database of its own, and what a registry serves."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.served: dict[str, CatalogEntry] = {}
        self.revision = 0
        self.whole_reads = 0
        self.database = database
        self.folder = folder
        self.base: Base | None = None
        self.catalog = self.started_again()

    def started_again(self) -> Catalog:
        async def installed() -> frozenset[Any]:
            return frozenset({("lab/m3", 1, "gguf-q4_k_m")})

        self.catalog = Catalog(
            self.database, Bus("00000000"), local_dir=self.folder, device=lambda: DEVICE, installed=installed,
            local_entries=lambda: False, base=lambda: self.base,
        )  # fmt: skip
        return self.catalog

    async def serve(self, entries: Mapping[str, CatalogEntry], *, by_changes: bool) -> None:
        before, self.served, since = self.served, dict(entries), f"d{self.revision}"
        self.revision += 1
        changes = None
        if by_changes:
            same = {ident for ident, one in entries.items() if before.get(ident) == one}
            new = [one for ident, one in entries.items() if ident not in same]
            changes = Changes(since, new, frozenset(same), ())

        async def read() -> Served:
            self.whole_reads += 1
            return tuple(self.served.values()), ()

        self.base = Base(f"d{self.revision}", str(self.revision), frozenset(), read, changes=changes)

        async def also(tx: Transaction) -> None:
            await tx.fetch_one("SELECT 1")

        await self.catalog.adopt(self.base, also)

    async def pages(self) -> list[CatalogPage]:
        return [await self.catalog.search(query) for query in QUERIES]


def invented(chance: random.Random, ident: str) -> CatalogEntry:
    name = " ".join(chance.sample(WORDS, 2))
    return entry(
        ident,
        display_name=chance.choice([name, ""]) or None,
        description=chance.choice(["Late.", None]),
        publisher=chance.choice(["Ember House", None]),
        parameters=chance.choice([None, 10**9, 7 * 10**9]),
        tags=chance.sample(["a", "b"], chance.randrange(3)),
        verified=chance.random() < 0.5,
        requires={"daemon": ">=99"} if chance.random() < 0.2 else {},
        options=[option_json(f"gguf-q{chance.choice('48')}_0")],
    )


@pytest.mark.parametrize("seed", range(4))
async def test_little_changes_come_to_what_all_of_it_made_anew_does(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with Database.open(tmp_path / "a.db") as one, Database.open(tmp_path / "b.db") as other:
        changed, anew = Shown(one, tmp_path / "none"), Shown(other, tmp_path / "none")
        entries = {f"lab/m{number}": invented(chance, f"lab/m{number}") for number in range(24)}
        for round_ in range(12):
            await changed.serve(entries, by_changes=round_ > 0)
            await anew.serve(entries, by_changes=False)
            assert await changed.pages() == await anew.pages()
            assert changed.whole_reads == 1, "the rest was read again"
            index = changed.catalog._seen.index
            assert index.requiring == anew.catalog._seen.index.requiring
            if round_ % 4 == 3:
                await changed.started_again().sync()
                assert await changed.pages() == await anew.pages()
            for _ in range(chance.randrange(1, 4)):
                ident = f"lab/m{chance.randrange(40)}"
                if chance.random() < 0.3:
                    entries.pop(ident, None)
                else:
                    entries[ident] = invented(chance, ident)


async def test_many_changes_or_those_of_another_catalog_are_made_by_reading_all(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db") as database:
        shown = Shown(database, tmp_path / "none")
        entries = {f"lab/m{number}": entry(f"lab/m{number}") for number in range(8)}
        await shown.serve(entries, by_changes=False)
        half = {ident: replace_text(one) for ident, one in list(entries.items())[:4]}
        await shown.serve(entries | half, by_changes=True)
        assert shown.whole_reads == 2
        shown.revision += 1  # changes since a catalog that is not the one in the tables
        await shown.serve(entries | half | {"lab/m0": entry("lab/m0")}, by_changes=True)
        assert shown.whole_reads == 3
        assert (await shown.catalog.info()).models == 8


def replace_text(one: CatalogEntry) -> CatalogEntry:
    return entry(one.id, description="Another.")
