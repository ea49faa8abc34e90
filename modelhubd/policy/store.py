"""The SQL of policies that were saved through the API: rows of `setting`, named `policy.<key>`."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from modelhubd.storage.database import Reader, Transaction


async def saved(reader: Reader, keys: Collection[str]) -> dict[str, Any]:
    """By full name, what is saved of these."""
    marks = ", ".join("?" * len(keys))
    rows = await reader.fetch_all(
        f"SELECT key, value FROM setting WHERE key IN ({marks})",  # noqa: S608
        tuple(keys),
    )
    return {row["key"]: msgspec.json.decode(row["value"]) for row in rows}


async def save(tx: Transaction, values: Mapping[str, Any]) -> None:
    """Keep these; None forgets one."""
    await tx.execute_many(
        "DELETE FROM setting WHERE key = ?", [(key,) for key, value in values.items() if value is None]
    )
    await tx.execute_many(
        "INSERT INTO setting (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        [(key, msgspec.json.encode(value).decode()) for key, value in values.items() if value is not None],
    )
