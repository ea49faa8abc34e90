"""The rows that recognise running servers after a crash of the daemon."""

import msgspec

from modelhubd.storage.database import Reader, Transaction
from modelhubd.wire.servers import ServerState


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """One start of a server: `instance` is new each time; pid and `process_started` (as
    `device.process_start_time` tells it) are None until it is spawned."""

    instance: str
    boot_id: str
    socket: str | None = None
    pid: int | None = None
    process_started: float | None = None


async def put(tx: Transaction, server_id: str, state: ServerState, child: Child) -> None:
    """Insert or replace the server's row."""
    await tx.execute(
        "INSERT OR REPLACE INTO server (id, state, instance, boot_id, socket, pid, process_started)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            server_id,
            state.value,
            child.instance,
            child.boot_id,
            child.socket,
            child.pid,
            child.process_started,
        ),
    )


async def remove(tx: Transaction, server_id: str) -> None:
    await tx.execute("DELETE FROM server WHERE id = ?", (server_id,))


async def children(reader: Reader) -> dict[str, Child]:
    """The last start of every server, by server id."""
    rows = await reader.fetch_all("SELECT id, instance, boot_id, socket, pid, process_started FROM server")
    return {row["id"]: Child(**{name: row[name] for name in Child.__struct_fields__}) for row in rows}
