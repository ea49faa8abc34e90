"""The SQL of what was taken from a registry."""

from datetime import datetime

import msgspec

from modelhubd.catalog.registry.document import Head
from modelhubd.catalog.registry.refresh import Signatures
from modelhubd.catalog.registry.witness import Alarm, Seen
from modelhubd.storage.database import Reader, Row, Transaction
from modelhubd.wire.base import rfc3339
from modelhubd.wire.catalog import Counters

INSTALLS_MAX = 1000
"""Kept for telling; of more the oldest are dropped."""

_head = msgspec.json.Decoder(Head)
_signatures = msgspec.msgpack.Decoder(Signatures)
_seen = msgspec.json.Decoder(Seen)
_alarm = msgspec.json.Decoder(Alarm)
_counters = msgspec.json.Decoder(dict[str, Counters])


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshot that is in use, without its entries."""

    head: Head
    signatures: Signatures
    root_version: int
    expires_at: datetime
    synced_at: datetime
    checked_at: datetime


class Install(msgspec.Struct, frozen=True, kw_only=True):
    """One to be told of. `key` is the same for every try."""

    number: int
    key: str
    model: str


async def kept(reader: Reader) -> Kept | None:
    """
    Raises:
        ValueError: the row cannot be read.
    """
    row = await reader.fetch_one(
        "SELECT head, signatures, root_version, expires_at, synced_at, checked_at FROM registry_snapshot"
    )
    if row is None:
        return None
    return Kept(
        head=_head.decode(row["head"]),
        signatures=_signatures.decode(row["signatures"]),
        root_version=row["root_version"],
        expires_at=datetime.fromisoformat(row["expires_at"]),
        synced_at=datetime.fromisoformat(row["synced_at"]),
        checked_at=datetime.fromisoformat(row["checked_at"]),
    )


async def target(reader: Reader) -> bytes:
    """The document of the snapshot, as it was signed; nothing where there is none."""
    row = await reader.fetch_one("SELECT target FROM registry_snapshot")
    return b"" if row is None else bytes(row[0])


async def put_snapshot(tx: Transaction, snapshot: Kept, target: bytes) -> None:
    await tx.execute(
        "INSERT OR REPLACE INTO registry_snapshot (only, sha256, head, target, signatures, root_version,"
        " expires_at, synced_at, checked_at) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            snapshot.head.sha256,
            msgspec.json.encode(snapshot.head),
            target,
            msgspec.msgpack.encode(snapshot.signatures),
            snapshot.root_version,
            rfc3339(snapshot.expires_at),
            rfc3339(snapshot.synced_at),
            rfc3339(snapshot.checked_at),
        ),
    )


async def renew(tx: Transaction, snapshot: Kept) -> None:
    """New signatures for the document that is there."""
    await tx.execute(
        "UPDATE registry_snapshot SET signatures = ?, root_version = ?, expires_at = ?, checked_at = ?",
        (
            msgspec.msgpack.encode(snapshot.signatures),
            snapshot.root_version,
            rfc3339(snapshot.expires_at),
            rfc3339(snapshot.checked_at),
        ),
    )


async def forget(tx: Transaction) -> None:
    """Everything of the registry of before."""
    await tx.execute("DELETE FROM registry_snapshot")
    await tx.execute("DELETE FROM registry_witness")
    await tx.execute("DELETE FROM registry_popularity")
    await tx.execute("DELETE FROM registry_install")


async def witness(reader: Reader) -> tuple[Seen | None, tuple[Alarm, datetime] | None]:
    """The last good checkpoint; the alarm that nobody has acknowledged, and since when it is."""
    row = await reader.fetch_one("SELECT seen, alarm, alarm_at FROM registry_witness")
    if row is None:
        return None, None
    seen = None if row["seen"] is None else _seen.decode(row["seen"])
    return seen, _alarm_of(row)


def _alarm_of(row: Row) -> tuple[Alarm, datetime] | None:
    if row["alarm"] is None:
        return None
    return _alarm.decode(row["alarm"]), datetime.fromisoformat(row["alarm_at"])


async def put_seen(tx: Transaction, seen: Seen) -> None:
    await tx.execute(
        "INSERT INTO registry_witness (only, seen) VALUES (1, ?)"
        " ON CONFLICT (only) DO UPDATE SET seen = excluded.seen",
        (msgspec.json.encode(seen),),
    )


async def raise_alarm(tx: Transaction, alarm: Alarm, at: datetime) -> None:
    """An alarm that is there already stays: the first one tells what happened."""
    await tx.execute(
        "INSERT INTO registry_witness (only, alarm, alarm_at) VALUES (1, ?, ?) ON CONFLICT (only) DO UPDATE"
        " SET alarm = excluded.alarm, alarm_at = excluded.alarm_at WHERE alarm IS NULL",
        (msgspec.json.encode(alarm), rfc3339(at)),
    )


async def acknowledge(tx: Transaction) -> bool:
    """The alarm is over, and the next checkpoint is taken as the first one; False where there was none."""
    return await tx.execute("DELETE FROM registry_witness WHERE alarm IS NOT NULL") > 0


async def popularity(reader: Reader) -> tuple[str, dict[str, Counters]]:
    """(ETag, counters by model id)."""
    row = await reader.fetch_one("SELECT etag, counters FROM registry_popularity")
    return ("", {}) if row is None else (row[0], _counters.decode(row[1]))


async def put_popularity(tx: Transaction, etag: str, counters: bytes) -> None:
    """`counters` as JSON."""
    await tx.execute(
        "INSERT OR REPLACE INTO registry_popularity (only, etag, counters) VALUES (1, ?, ?)", (etag, counters)
    )


async def queue_install(tx: Transaction, key: str, model: str, at: datetime) -> None:
    await tx.execute(
        "INSERT INTO registry_install (key, model, installed_at) VALUES (?, ?, ?)", (key, model, rfc3339(at))
    )
    await tx.execute(
        "DELETE FROM registry_install WHERE number <= (SELECT max(number) - ? FROM registry_install)",
        (INSTALLS_MAX,),
    )


async def next_install(reader: Reader) -> Install | None:
    row = await reader.fetch_one("SELECT number, key, model FROM registry_install ORDER BY number LIMIT 1")
    return None if row is None else Install(number=row[0], key=row[1], model=row[2])


async def drop_install(tx: Transaction, number: int) -> None:
    await tx.execute("DELETE FROM registry_install WHERE number = ?", (number,))
