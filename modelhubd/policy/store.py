"""The SQL of policies that were saved through the API (rows of `setting`, named `policy.<key>`), and of what
the registry served when a version was downloaded."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from modelhubd.storage.database import Reader, Transaction
from modelhubd.wire.catalog import Envelope

_envelopes = msgspec.json.Decoder(tuple[Envelope, ...])
_digests = msgspec.json.Decoder(dict[str, str | None])


class Vouched(msgspec.Struct, frozen=True, kw_only=True):
    """A version as the registry served it; `digests` are those of its options, by id."""

    content_sha256: str
    envelopes: tuple[Envelope, ...]
    digests: dict[str, str | None]


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


async def vouched(reader: Reader, model: str, version: int) -> Vouched | None:
    """What was kept of this version."""
    row = await reader.fetch_one(
        "SELECT content_sha256, envelopes, digests FROM vouched_version WHERE model = ? AND version = ?",
        (model, version),
    )
    if row is None:
        return None
    return Vouched(
        content_sha256=row[0], envelopes=_envelopes.decode(row[1]), digests=_digests.decode(row[2])
    )


async def by_digest(reader: Reader, digest: str) -> tuple[str, int, str] | None:
    """(model, version, option) of the newest version kept whose option has this digest."""
    row = await reader.fetch_one(
        "SELECT model, version, json_each.key FROM vouched_version, json_each(digests)"
        " WHERE json_each.value = ? ORDER BY version DESC LIMIT 1",
        (digest,),
    )
    return None if row is None else (row[0], row[1], row[2])


async def keep_vouched(tx: Transaction, model: str, version: int, found: Vouched) -> None:
    await tx.execute(
        "INSERT OR REPLACE INTO vouched_version (model, version, content_sha256, envelopes, digests)"
        " VALUES (?, ?, ?, ?, ?)",
        (
            model,
            version,
            found.content_sha256,
            msgspec.json.encode(found.envelopes).decode(),
            msgspec.json.encode(found.digests).decode(),
        ),
    )
