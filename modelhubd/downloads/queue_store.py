"""SQL of the queue as a whole: whose turn it may be, what changes in many rows at once, its limits."""

from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec

from modelhubd.downloads.queue import FURTHEST, Spot, Waiting, spot_between
from modelhubd.storage.database import Reader, Row, Transaction
from modelhubd.wire.base import rfc3339
from modelhubd.wire.downloads import ChangeDownload, DownloadState

_WAITS_TO_RUN = "state IN ('queued', 'waiting', 'paused')"
_SEEN = "SELECT id, state, next_retry_at FROM download"


async def waiting_line(reader: Reader, now: datetime, places: int) -> list[Waiting]:
    """What matters for the next turn: all that run, the first `places` that may start, and of those that may
    not yet the one that may next."""
    moment, furthest = rfc3339(now), rfc3339(now + FURTHEST)
    running = await reader.fetch_all(
        f"{_SEEN} WHERE state IN ('active', 'verifying', 'installing') ORDER BY priority DESC, rank"
    )
    startable = await reader.fetch_all(
        f"{_SEEN} WHERE state IN ('queued', 'waiting')"
        " AND (next_retry_at IS NULL OR next_retry_at <= ? OR next_retry_at > ?)"
        " ORDER BY priority DESC, rank LIMIT ?",
        (moment, furthest, places),
    )
    next_one = await reader.fetch_all(
        f"{_SEEN} WHERE state = 'waiting' AND next_retry_at > ? AND next_retry_at <= ?"
        " ORDER BY next_retry_at LIMIT 1",
        (moment, furthest),
    )
    return [_waiting(row) for row in (*running, *startable, *next_one)]


def _waiting(row: Row) -> Waiting:
    return Waiting(
        row["id"],
        DownloadState(row["state"]),
        datetime.fromisoformat(row["next_retry_at"]) if row["next_retry_at"] else None,
    )


async def awaits(reader: Reader, what: str) -> bool:
    """Whether any waits for `network` or `storage`."""
    row = await reader.fetch_one(
        "SELECT 1 FROM download WHERE state = 'waiting' AND waits_for = ? LIMIT 1", (what,)
    )
    return row is not None


async def waiting_for(reader: Reader, what: str | None, limit: int) -> list[str]:
    """Ids of at most `limit` that wait for `network`, for `storage`, or (None) for time alone."""
    rows = await reader.fetch_all(
        "SELECT id FROM download WHERE state = 'waiting' AND waits_for IS ? LIMIT ?", (what, limit)
    )
    return [row["id"] for row in rows]


async def wake(tx: Transaction, what: str | None) -> None:
    """All that wait for it may start now."""
    await tx.execute(
        "UPDATE download SET next_retry_at = NULL, waits_for = NULL"
        " WHERE state = 'waiting' AND waits_for IS ?",
        (what,),
    )


async def in_states(reader: Reader, states: Collection[DownloadState], limit: int) -> list[str]:
    """Ids of at most `limit` of them, in order of their turn."""
    marks = ", ".join("?" * len(states))
    rows = await reader.fetch_all(
        f"SELECT id FROM download WHERE state IN ({marks}) ORDER BY priority DESC, rank LIMIT ?",  # noqa: S608
        (*(str(state) for state in states), limit),
    )
    return [row["id"] for row in rows]


async def set_state_of_all(
    tx: Transaction, before: DownloadState, after: DownloadState, now: datetime, attempts: int | None
) -> int:
    """All that are in one state that is not ended go to another that is not; answers how many."""
    return await tx.execute(
        "UPDATE download SET state = ?, updated_at = ?, attempts = coalesce(?, attempts),"
        " next_retry_at = NULL, waits_for = NULL, error_code = NULL, error_detail = NULL WHERE state = ?",
        (after, rfc3339(now), attempts, before),
    )


async def neighbours(reader: Reader, except_id: str, position: int) -> tuple[Spot | None, Spot | None]:
    """Of those that wait to run, without one: who would be before and who behind it at that position."""
    line = f"SELECT priority, rank FROM download WHERE {_WAITS_TO_RUN} AND id != ?"  # noqa: S608
    if position == 1:
        rows = await reader.fetch_all(f"{line} ORDER BY priority DESC, rank LIMIT 1", (except_id,))
        return None, (_spot(rows[0]) if rows else None)
    rows = await reader.fetch_all(
        f"{line} ORDER BY priority DESC, rank LIMIT 2 OFFSET ?",
        (except_id, min(position - 2, 1 << 40)),
    )
    if not rows:
        rows = await reader.fetch_all(f"{line} ORDER BY priority, rank DESC LIMIT 1", (except_id,))
    spots = [_spot(row) for row in rows]
    return (spots[0] if spots else None), (spots[1] if len(spots) > 1 else None)


async def between(reader: Reader, low: int, high: int, except_id: str, limit: int) -> list[str]:
    """Ids of those that wait to run at places `low` to `high`, without one; at most `limit`."""
    rows = await reader.fetch_all(
        f"SELECT id FROM download WHERE {_WAITS_TO_RUN}"  # noqa: S608
        " ORDER BY priority DESC, rank LIMIT ? OFFSET ?",
        (min(high - low + 1, limit + 1), low - 1),
    )
    return [row["id"] for row in rows if row["id"] != except_id]


def _spot(row: Row) -> Spot:
    return Spot(int(row["priority"]), float(row["rank"]))


async def move(tx: Transaction, id: str, spot: Spot, change: ChangeDownload, now: datetime) -> None:
    """Put one that stands at `spot` where the change wants it."""
    priority = spot.priority if change.priority is None else change.priority
    target: Spot | None = Spot(priority, spot.rank)
    if change.position is not None:
        target = spot_between(*await neighbours(tx, id, change.position), priority)
        if target is None:
            await number_afresh(tx)
            target = spot_between(*await neighbours(tx, id, change.position), priority)
    assert target is not None
    await set_spot(tx, id, target, now)


async def number_afresh(tx: Transaction) -> None:
    """Give the ranks of what is not ended room between them; the order stays."""
    await tx.execute(
        "UPDATE download SET rank = fresh.place FROM (SELECT number AS n, row_number() OVER"
        " (ORDER BY priority DESC, rank) AS place FROM download WHERE ended = 0) AS fresh"
        " WHERE number = fresh.n"
    )


async def set_spot(tx: Transaction, id: str, spot: Spot, now: datetime) -> None:
    await tx.execute(
        "UPDATE download SET priority = ?, rank = ?, updated_at = ? WHERE id = ?",
        (spot.priority, spot.rank, rfc3339(now), id),
    )


async def set_own_limit(tx: Transaction, id: str, max_bytes_per_s: int | None, now: datetime) -> None:
    await tx.execute(
        "UPDATE download SET max_bytes_per_s = ?, updated_at = ? WHERE id = ?",
        (max_bytes_per_s, rfc3339(now), id),
    )


async def own_limits(reader: Reader) -> dict[str, int]:
    """Bytes per second of those that run and have a limit of their own, by id."""
    rows = await reader.fetch_all(
        "SELECT id, max_bytes_per_s FROM download WHERE state IN ('active', 'verifying', 'installing')"
        " AND max_bytes_per_s IS NOT NULL"
    )
    return {row["id"]: int(row["max_bytes_per_s"]) for row in rows}


async def saved_settings(reader: Reader, keys: Collection[str]) -> dict[str, object]:
    """What was saved through the API of these settings."""
    marks = ", ".join("?" * len(keys))
    rows = await reader.fetch_all(
        f"SELECT key, value FROM setting WHERE key IN ({marks})",  # noqa: S608
        tuple(keys),
    )
    return {row["key"]: msgspec.json.decode(row["value"]) for row in rows}


async def save_settings(tx: Transaction, values: Mapping[str, object]) -> None:
    await tx.execute_many(
        "INSERT INTO setting (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        [(key, msgspec.json.encode(value).decode()) for key, value in values.items()],
    )
