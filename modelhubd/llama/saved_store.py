"""The SQL of saved load settings."""

from modelhubd.storage.database import Reader, Transaction


async def saved(reader: Reader, model: str, option: str) -> str | None:
    """The JSON that is saved for an option of a model."""
    row = await reader.fetch_one(
        "SELECT settings FROM load_settings WHERE model = ? AND option = ?", (model, option)
    )
    return None if row is None else row["settings"]


async def save(tx: Transaction, model: str, option: str, settings: str) -> None:
    """Save JSON instead of what is saved."""
    await tx.execute(
        "INSERT OR REPLACE INTO load_settings (model, option, settings) VALUES (?, ?, ?)",
        (model, option, settings),
    )


async def forget(tx: Transaction, model: str, option: str) -> None:
    await tx.execute("DELETE FROM load_settings WHERE model = ? AND option = ?", (model, option))
