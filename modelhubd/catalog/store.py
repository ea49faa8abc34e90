"""The catalog's SQL."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from modelhubd.catalog.merge import Sourced, shown_name
from modelhubd.entries.direct import SOURCE
from modelhubd.storage.database import Reader, Transaction
from modelhubd.wire.catalog import CatalogEntry, CatalogFault

_entries = msgspec.json.Decoder(CatalogEntry)
_faults = msgspec.json.Decoder(tuple[CatalogFault, ...])
_positions = msgspec.json.Decoder(list[int])


@dataclass(frozen=True, slots=True)
class Source:
    """What the tables were made from. `generation` grows with every making."""

    generation: int
    fingerprint: str
    faults: tuple[CatalogFault, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """The entries that several expressions find, as of `generation`: per position the number, from 1, of the
    first expression that finds the entry, or 0."""

    generation: int
    first: bytes


async def source(reader: Reader) -> Source | None:
    row = await reader.fetch_one("SELECT generation, fingerprint, faults FROM catalog_source")
    return None if row is None else Source(row[0], row[1], _faults.decode(row[2]))


async def replace_all(tx: Transaction, entries: Sequence[Sourced], made_from: Source) -> None:
    """Make the tables anew from `entries`, whose positions are their places."""
    await tx.execute("DELETE FROM catalog_entry")
    await tx.execute("INSERT INTO catalog_text (catalog_text) VALUES ('delete-all')")
    await tx.execute_many("INSERT INTO catalog_entry VALUES (?, ?, ?, ?)", _rows(entries))
    await tx.execute_many(
        "INSERT INTO catalog_text (rowid, name, id, publisher, tags, options, description)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        _texts(entries),
    )
    await tx.execute("DELETE FROM catalog_file")
    await tx.execute_many("INSERT INTO catalog_file VALUES (?, ?, ?)", _files(entries))
    await tx.execute("INSERT INTO catalog_text (catalog_text) VALUES ('optimize')")
    await tx.execute(
        "INSERT OR REPLACE INTO catalog_source (only, generation, fingerprint, faults) VALUES (1, ?, ?, ?)",
        (made_from.generation, made_from.fingerprint, msgspec.json.encode(made_from.faults)),
    )


def _rows(entries: Sequence[Sourced]) -> Iterator[tuple[int, str, str, bytes]]:
    for position, item in enumerate(entries):
        yield position, item.entry.id, item.source, msgspec.json.encode(item.entry)


def _texts(entries: Sequence[Sourced]) -> Iterator[tuple[int, str, str, str, str, str, str]]:
    for position, item in enumerate(entries):
        entry = item.entry
        options = {word for option in entry.options for word in _option_words(option.id, option.quantization)}
        yield (
            position,
            shown_name(entry),
            entry.id,
            f"{entry.publisher or ''} {entry.id.partition('/')[0]}",
            " ".join((*entry.tags, *entry.capabilities)),
            " ".join(sorted(options)),
            entry.description or "",
        )


def _files(entries: Sequence[Sourced]) -> Iterator[tuple[int, int | None, str]]:
    for position, item in enumerate(entries):
        known = {(file.size_bytes, file.sha256) for option in item.entry.options for file in option.files}
        for size_bytes, sha256 in known:
            if sha256 is not None:
                yield position, size_bytes, sha256


def _option_words(option: str, quantization: str | None) -> Iterable[str]:
    """`gguf-q4_k_m` is found by `q4_k_m` and by `q4`."""
    words = (option, quantization or "")
    return (*words, *(word.partition("_")[0] for part in words for word in part.split("-")))


async def entries_from(reader: Reader, position: int, most: int) -> list[Sourced]:
    """At most so many entries from this position on, in the order of their positions."""
    rows = await reader.fetch_all(
        "SELECT source, entry FROM catalog_entry WHERE position >= ? ORDER BY position LIMIT ?",
        (position, most),
    )
    return [Sourced(_entries.decode(row[1]), row[0]) for row in rows]


async def entries_at(reader: Reader, positions: Sequence[int]) -> list[CatalogEntry]:
    """The entries at these positions, which rise."""
    rows = await reader.fetch_all(
        "SELECT entry FROM catalog_entry"
        " WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position",
        (msgspec.json.encode(positions).decode(),),
    )
    return [_entries.decode(row[0]) for row in rows]


async def sourced_of(reader: Reader, models: Sequence[str]) -> dict[str, Sourced]:
    """By id, the entries of these models that there are."""
    rows = await reader.fetch_all(
        "SELECT id, source, entry FROM catalog_entry WHERE id IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(models).decode(),),
    )
    return {row[0]: Sourced(_entries.decode(row[2]), row[1]) for row in rows}


async def sizes_of_files(reader: Reader, sizes: Iterable[int]) -> frozenset[int]:
    """Those among `sizes` that a file of a known digest has, or may have: where an entry states none, all."""
    wanted = msgspec.json.encode(sorted(set(sizes))).decode()
    rows = await reader.fetch_all(
        "SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM catalog_file WHERE size_bytes = value)"
        " OR EXISTS (SELECT 1 FROM catalog_file WHERE size_bytes IS NULL)",
        (wanted,),
    )
    return frozenset(row[0] for row in rows)


async def with_files(reader: Reader, digests: Iterable[str]) -> list[Sourced]:
    """The entries that have a file of one of these SHA-256, by id."""
    rows = await reader.fetch_all(
        "SELECT source, entry FROM catalog_entry WHERE position IN (SELECT position FROM catalog_file"
        " WHERE sha256 IN (SELECT value FROM json_each(?))) ORDER BY id",
        (msgspec.json.encode(sorted(set(digests))).decode(),),
    )
    return [Sourced(_entries.decode(row[1]), row[0]) for row in rows]


async def imported(reader: Reader) -> list[CatalogEntry]:
    """The entries that were made of what was imported, the first one first."""
    rows = await reader.fetch_all("SELECT entry FROM imported_entry ORDER BY added_at, model")
    return [_entries.decode(row[0]) for row in rows]


async def put_imported(tx: Transaction, entry: CatalogEntry, added_at: str) -> None:
    await tx.execute(
        "INSERT INTO imported_entry (model, entry, added_at) VALUES (?, ?, ?)"
        " ON CONFLICT (model) DO UPDATE SET entry = excluded.entry",
        (entry.id, msgspec.json.encode(entry), added_at),
    )


async def forget_imported(tx: Transaction, model: str) -> bool:
    """Whether there was one."""
    return await tx.execute("DELETE FROM imported_entry WHERE model = ?", (model,)) > 0


async def one_entry(reader: Reader, model: str) -> Sourced | None:
    """The catalog's, else the one that an address of this model was made to."""
    row = await reader.fetch_one("SELECT source, entry FROM catalog_entry WHERE id = ?", (model,))
    if row is not None:
        return Sourced(_entries.decode(row[1]), row[0])
    found = await direct_entry(reader, model)
    return None if found is None else Sourced(found, SOURCE)


async def is_listed(reader: Reader, model: str) -> bool:
    """Whether the catalog itself has an entry of this id."""
    return await reader.fetch_one("SELECT 1 FROM catalog_entry WHERE id = ?", (model,)) is not None


async def direct_entry(reader: Reader, model: str) -> CatalogEntry | None:
    """What was made of an address."""
    row = await reader.fetch_one("SELECT entry FROM direct_entry WHERE model = ?", (model,))
    return None if row is None else _entries.decode(row[0])


async def keep_direct(tx: Transaction, entry: CatalogEntry, source: str, now: str) -> None:
    await tx.execute(
        "INSERT OR REPLACE INTO direct_entry (model, source, entry, added_at) VALUES (?, ?, ?, ?)",
        (entry.id, source, msgspec.json.encode(entry), now),
    )


async def matches(reader: Reader, expressions: Sequence[str]) -> Matches:
    """What these FTS5 expressions find."""
    found = ", ".join(
        ["(SELECT json_group_array(rowid) FROM catalog_text WHERE catalog_text MATCH ?)"] * len(expressions)
    )
    tables = "(SELECT generation FROM catalog_source), (SELECT max(position) + 1 FROM catalog_entry)"
    row = await reader.fetch_one(f"SELECT {tables}, {found}", expressions)  # constants
    assert row is not None, "it has no condition"
    generation, count, *lists = row
    first = bytearray(count or 0)
    for number in range(len(lists), 0, -1):
        if number > 1 and lists[number - 1] == lists[number - 2]:
            continue  # the stricter one finds them all
        for position in _positions.decode(lists[number - 1]):
            first[position] = number
    return Matches(generation or 0, bytes(first))


async def similar_ids(reader: Reader, expression: str, count: int) -> list[str]:
    """Ids of entries that an FTS5 expression finds, in no particular order."""
    rows = await reader.fetch_all(
        "SELECT id FROM catalog_entry WHERE position IN"
        " (SELECT rowid FROM catalog_text WHERE catalog_text MATCH ? LIMIT ?)",
        (expression, count),
    )
    return [row[0] for row in rows]
