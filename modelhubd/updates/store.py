"""The SQL of updates."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from modelhubd.storage.database import Reader, Row, Transaction
from modelhubd.updates.decision import Plan
from modelhubd.updates.states import State
from modelhubd.wire.catalog import CatalogEntry

_entries = msgspec.json.Decoder(CatalogEntry)


async def all_plans(reader: Reader) -> list[Plan]:
    rows = await reader.fetch_all("SELECT * FROM model_update ORDER BY model, to_version DESC, to_option")
    return [_plan(row) for row in rows]


async def plan(reader: Reader, model: str, version: int, option: str) -> Plan | None:
    """The update of a model to this version and option."""
    row = await reader.fetch_one(
        "SELECT * FROM model_update WHERE model = ? AND to_version = ? AND to_option = ?",
        (model, version, option),
    )
    return None if row is None else _plan(row)


async def put(tx: Transaction, plan: Plan, now: str) -> None:
    """Write it, over the one to the same version and option."""
    await tx.execute(
        "INSERT OR REPLACE INTO model_update (model, to_version, to_option, from_id, from_version, "
        "from_option, state, download, switch_now, was_active, settings_before, settings_after, "
        "error_code, error_detail, updated_at, trial) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            plan.model,
            plan.to_version,
            plan.to_option,
            plan.from_id,
            plan.from_version,
            plan.from_option,
            plan.state.value,
            plan.download,
            int(plan.switch_now),
            int(plan.was_active),
            plan.settings_before,
            plan.settings_after,
            plan.error_code,
            plan.error_detail,
            now,
            int(plan.trial),
        ),
    )


async def forget(tx: Transaction, plan: Plan) -> None:
    await tx.execute(
        "DELETE FROM model_update WHERE model = ? AND to_version = ? AND to_option = ?",
        (plan.model, plan.to_version, plan.to_option),
    )


async def kept(reader: Reader) -> dict[str, dict[int, CatalogEntry]]:
    """Model → version → its entry as it was when it was served."""
    found: dict[str, dict[int, CatalogEntry]] = {}
    for row in await reader.fetch_all("SELECT model, version, entry FROM kept_entry"):
        found.setdefault(row["model"], {})[row["version"]] = _entries.decode(row["entry"])
    return found


async def keep(tx: Transaction, entries: Sequence[CatalogEntry]) -> None:
    """Those that are kept already stay as they are."""
    await tx.execute_many(
        "INSERT OR IGNORE INTO kept_entry (model, version, entry) VALUES (?, ?, ?)",
        [(entry.id, entry.version, msgspec.json.encode(entry)) for entry in entries],
    )


async def keep_only(tx: Transaction, installed: Mapping[str, Collection[int]]) -> None:
    """Forget the entries of what is not installed any more."""
    rows = await tx.fetch_all("SELECT model, version FROM kept_entry")
    gone = [
        (row["model"], row["version"])
        for row in rows
        if row["version"] not in installed.get(row["model"], ())
    ]
    await tx.execute_many("DELETE FROM kept_entry WHERE model = ? AND version = ?", gone)


def _plan(row: Row) -> Plan:
    return Plan(
        model=row["model"],
        from_id=row["from_id"],
        from_version=row["from_version"],
        from_option=row["from_option"],
        to_version=row["to_version"],
        to_option=row["to_option"],
        state=State(row["state"]),
        download=row["download"],
        switch_now=bool(row["switch_now"]),
        trial=bool(row["trial"]),
        was_active=bool(row["was_active"]),
        settings_before=row["settings_before"],
        settings_after=row["settings_after"],
        error_code=row["error_code"],
        error_detail=row["error_detail"],
    )
