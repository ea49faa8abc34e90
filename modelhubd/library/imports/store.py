"""The SQL of imports under way."""

import json

from msgspec import Struct

from modelhubd.storage.database import Reader, Transaction


class UnderWay(Struct, frozen=True, kw_only=True):
    """An import that has files of its own in the models directory. `folder` is where they go."""

    id: str
    folder: str
    files: tuple[str, ...]
    placing: bool = False


async def begin(tx: Transaction, row: UnderWay) -> None:
    await tx.execute(
        "INSERT INTO importing (id, folder, files) VALUES (?, ?, ?)",
        (row.id, row.folder, json.dumps(row.files)),
    )


async def set_placing(tx: Transaction, id: str) -> None:
    """From now on the files may have their final names."""
    await tx.execute("UPDATE importing SET placing = 1 WHERE id = ?", (id,))


async def end(tx: Transaction, id: str) -> None:
    await tx.execute("DELETE FROM importing WHERE id = ?", (id,))


async def under_way(reader: Reader) -> list[UnderWay]:
    rows = await reader.fetch_all("SELECT * FROM importing ORDER BY id")
    return [
        UnderWay(
            id=row["id"],
            folder=row["folder"],
            files=tuple(json.loads(row["files"])),
            placing=bool(row["placing"]),
        )
        for row in rows
    ]
