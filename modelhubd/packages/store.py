"""The SQL of bundles, of folders that provide models, and of first-run downloads."""

from collections.abc import Collection, Iterable

import msgspec
from msgspec import Struct

from modelhubd.storage.database import Reader, Transaction
from modelhubd.wire.library import Finished

MAKING = "packages.making"
"""A row of `setting`."""
_finished = msgspec.json.Decoder(Finished)


class Placing(Struct, frozen=True, kw_only=True):
    """A model of a bundle on its way to its final name."""

    finished: Finished
    bundle: str


class Verified(Struct, frozen=True, kw_only=True):
    """A file as it was when it was read and had this digest."""

    path: str
    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    sha256: str
    verified_at: str
    ctime_ns: int = 0
    """Not kept: of the file as it is now."""


class Decided(Struct, frozen=True, kw_only=True):
    """What became of a first-run download."""

    model: str
    state: str
    download_id: str | None


async def put_placing(tx: Transaction, placing: Placing) -> None:
    await tx.execute(
        "INSERT OR REPLACE INTO placing (folder, finished, bundle) VALUES (?, ?, ?)",
        (placing.finished.directory, msgspec.json.encode(placing.finished).decode(), placing.bundle),
    )


async def all_placing(reader: Reader) -> list[Placing]:
    rows = await reader.fetch_all("SELECT finished, bundle FROM placing ORDER BY folder")
    return [Placing(finished=_finished.decode(row[0]), bundle=row[1]) for row in rows]


async def drop_placing(tx: Transaction, folder: str) -> None:
    await tx.execute("DELETE FROM placing WHERE folder = ?", (folder,))


async def making(reader: Reader) -> frozenset[str]:
    """Absolute paths of the folders of bundles that are being made."""
    row = await reader.fetch_one("SELECT value FROM setting WHERE key = ?", (MAKING,))
    return frozenset() if row is None else frozenset(msgspec.json.decode(row["value"], type=list[str]))


async def set_making(tx: Transaction, path: str, *, under_way: bool) -> None:
    paths = await making(tx)
    paths = paths | {path} if under_way else paths - {path}
    await tx.execute("DELETE FROM setting WHERE key = ?", (MAKING,))
    if paths:
        value = msgspec.json.encode(sorted(paths)).decode()
        await tx.execute("INSERT INTO setting (key, value) VALUES (?, ?)", (MAKING, value))


async def verified_of(reader: Reader, source: str) -> dict[str, Verified]:
    """By path, the files of a source that were read."""
    rows = await reader.fetch_all(
        "SELECT path, device, inode, size_bytes, mtime_ns, sha256, verified_at FROM package_file"
        " WHERE source = ?",
        (source,),
    )
    return {
        row[0]: Verified(
            path=row[0], device=row[1], inode=row[2], size_bytes=row[3], mtime_ns=row[4], sha256=row[5],
            verified_at=row[6],
        )
        for row in rows
    }  # fmt: skip


async def put_verified(tx: Transaction, source: str, files: Iterable[Verified]) -> None:
    await tx.execute_many(
        "INSERT OR REPLACE INTO package_file (path, source, device, inode, size_bytes, mtime_ns, sha256,"
        " verified_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                file.path, source, file.device, file.inode, file.size_bytes, file.mtime_ns, file.sha256,
                file.verified_at,
            )
            for file in files
        ],
    )  # fmt: skip


async def managed_sources(reader: Reader) -> set[str]:
    """Those that provide anything in the library."""
    rows = await reader.fetch_all("SELECT DISTINCT managed FROM artifact WHERE managed IS NOT NULL")
    return {row[0] for row in rows}


async def forget_verified(tx: Transaction, source: str, *, keep: Collection[str] = ()) -> None:
    """The files of a source but those whose paths are to be kept."""
    known = await verified_of(tx, source)
    await tx.execute_many(
        "DELETE FROM package_file WHERE path = ?", [(path,) for path in known.keys() - set(keep)]
    )


async def decided(reader: Reader) -> dict[str, Decided]:
    """By reference, what became of the first-run downloads."""
    rows = await reader.fetch_all("SELECT model, state, download_id FROM first_run")
    return {row[0]: Decided(model=row[0], state=row[1], download_id=row[2]) for row in rows}


async def decide(tx: Transaction, found: Decided, at: str) -> None:
    await tx.execute(
        "INSERT INTO first_run (model, state, download_id, decided_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (model) DO UPDATE SET state = excluded.state, download_id = excluded.download_id,"
        " decided_at = excluded.decided_at",
        (found.model, found.state, found.download_id, at),
    )
