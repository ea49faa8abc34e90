"""The SQL of outbound connections."""

from collections.abc import Iterable

from modelhubd.storage.database import Reader, Transaction
from modelhubd.wire.status import Outbound


async def every(reader: Reader) -> list[Outbound]:
    rows = await reader.fetch_all("SELECT host, purpose, connections, first_at, last_at FROM outbound")
    return [
        Outbound(
            host=row["host"], purpose=row["purpose"], connections=row["connections"],
            first_at=row["first_at"], last_at=row["last_at"],
        )
        for row in rows
    ]  # fmt: skip


async def keep(tx: Transaction, found: Iterable[Outbound]) -> None:
    """With these counts from now on."""
    await tx.execute_many(
        "INSERT OR REPLACE INTO outbound (host, purpose, connections, first_at, last_at)"
        " VALUES (?, ?, ?, ?, ?)",
        [(one.host, one.purpose, one.connections, one.first_at, one.last_at) for one in found],
    )
