"""SQL of what readings of installed files found."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from modelhubd.library.states import Trace
from modelhubd.storage.database import Reader, Transaction

Span = tuple[int, int]
_spans = msgspec.json.Decoder(tuple[Span, ...])


class Position(Struct, frozen=True):
    """How far the scrub has come in a file, and what it found wrong there."""

    artifact_id: str
    name: str
    sha256: str
    next_piece: int
    damaged: tuple[Span, ...]


async def seen_sha256(reader: Reader, artifact_id: str, name: str) -> str | None:
    """Of the first reading of a file for which nobody promised a digest."""
    row = await reader.fetch_one(
        "SELECT seen_sha256 FROM file_check WHERE artifact_id = ? AND name = ?", (artifact_id, name)
    )
    return None if row is None else row["seen_sha256"]


async def pieces_of(reader: Reader, sha256: str | None, size_bytes: int) -> bytes | None:
    """Digests of the pieces of the content that has this SHA-256, if they are known."""
    row = await reader.fetch_one(
        "SELECT digests FROM content_pieces WHERE sha256 = ? AND size_bytes = ?", (sha256, size_bytes)
    )
    return None if row is None else bytes(row["digests"])


async def with_pieces(reader: Reader) -> set[str]:
    """SHA-256 of all contents whose pieces are known."""
    return {row["sha256"] for row in await reader.fetch_all("SELECT sha256 FROM content_pieces")}


async def keep_pieces(tx: Transaction, sha256: str, size_bytes: int, digests: bytes) -> None:
    await tx.execute(
        "INSERT OR REPLACE INTO content_pieces (sha256, size_bytes, digests) VALUES (?, ?, ?)",
        (sha256, size_bytes, digests),
    )


async def forget_pieces(tx: Transaction) -> None:
    """Those of contents that no installed file has any more."""
    await tx.execute(
        "DELETE FROM content_pieces WHERE sha256 NOT IN "
        "(SELECT sha256 FROM artifact_file WHERE sha256 IS NOT NULL)"
        " AND sha256 NOT IN (SELECT seen_sha256 FROM file_check WHERE seen_sha256 IS NOT NULL)"
    )


async def set_found(
    tx: Transaction,
    artifact_id: str,
    name: str,
    *,
    mtime_ns: int,
    trace: Trace,
    verified_at: str | None,
    damaged: Sequence[Span],
    first_sha256: str | None,
) -> None:
    """Write what a reading found of a file as it is now."""
    await tx.execute(
        "UPDATE artifact_file SET mtime_ns = ?, outside_inode = iif(outside IS NULL, NULL, ?) "
        "WHERE artifact_id = ? AND name = ?",
        (mtime_ns, trace.inode, artifact_id, name),
    )
    await tx.execute(
        "INSERT INTO file_check "
        "(artifact_id, name, inode, ctime_ns, links, verified_at, seen_sha256, damaged) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (artifact_id, name) DO UPDATE SET "
        "inode = excluded.inode, ctime_ns = excluded.ctime_ns, links = excluded.links, "
        "verified_at = excluded.verified_at, damaged = excluded.damaged, "
        "seen_sha256 = coalesce(seen_sha256, excluded.seen_sha256)",
        (
            artifact_id,
            name,
            trace.inode,
            trace.ctime_ns,
            trace.links,
            verified_at,
            first_sha256,
            msgspec.json.encode(tuple(damaged)).decode() if damaged else None,
        ),
    )


async def position(reader: Reader) -> Position | None:
    row = await reader.fetch_one("SELECT * FROM scrub_position")
    if row is None:
        return None
    return Position(
        row["artifact_id"], row["name"], row["sha256"], row["next_piece"], _spans.decode(row["damaged"])
    )


async def set_position(tx: Transaction, found: Position | None) -> None:
    await tx.execute("DELETE FROM scrub_position")
    if found is not None:
        await tx.execute(
            "INSERT INTO scrub_position (only, artifact_id, name, sha256, next_piece, damaged) "
            "VALUES (1, ?, ?, ?, ?, ?)",
            (
                found.artifact_id,
                found.name,
                found.sha256,
                found.next_piece,
                msgspec.json.encode(found.damaged).decode(),
            ),
        )
