"""The SQL of headers that were read at their origins. The newest 1000 are kept."""

import msgspec

from modelhubd.storage.database import Reader, Transaction
from modelhubd.wire.architecture import Architecture

KEPT = 1000
_shape = msgspec.json.Decoder(Architecture)


async def get(reader: Reader, key: str) -> Architecture | None:
    """The shape of this file's model, if its header has been read."""
    row = await reader.fetch_one("SELECT shape FROM remote_header WHERE key = ?", (key,))
    return None if row is None else _shape.decode(row[0])


async def put(tx: Transaction, key: str, shape: Architecture, read_at: str) -> None:
    await tx.execute(
        "INSERT OR REPLACE INTO remote_header (key, shape, read_at) VALUES (?, ?, ?)",
        (key, msgspec.json.encode(shape), read_at),
    )
    await tx.execute(
        "DELETE FROM remote_header WHERE key NOT IN"
        " (SELECT key FROM remote_header ORDER BY read_at DESC LIMIT ?)",
        (KEPT,),
    )
