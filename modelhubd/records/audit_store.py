"""The SQL of audit rules: one row of `setting` in the daemon's own database."""

import msgspec

from modelhubd.storage.database import Reader, Transaction
from modelhubd.wire.records import AuditRule

_KEY = "records.audit"


async def saved_rules(reader: Reader) -> tuple[AuditRule, ...]:
    row = await reader.fetch_one("SELECT value FROM setting WHERE key = ?", (_KEY,))
    return () if row is None else msgspec.json.decode(row[0], type=tuple[AuditRule, ...])


async def save_rules(tx: Transaction, rules: tuple[AuditRule, ...]) -> None:
    await tx.execute(
        "INSERT INTO setting (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (_KEY, msgspec.json.encode(rules).decode()),
    )
