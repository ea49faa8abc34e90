"""The SQL of a move of the models directory, and of where it is: two rows of `setting`."""

import msgspec

from modelhubd.space.states import State
from modelhubd.storage.database import Reader, Transaction

DIR, MOVE = "models.dir", "space.move"


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """From one folder to another, by absolute path. `id` is in the new folder's marker."""

    id: str
    source: str
    target: str
    state: State
    made: bool = False
    """Whether the new folder was made for it."""
    place: tuple[int, int] | None = None
    """Device and inode of the old folder: what has its name while its drive is away is another one."""


async def models_dir(reader: Reader) -> str | None:
    """Where the models directory has been moved to."""
    text = await _value(reader, DIR)
    return None if text is None else msgspec.json.decode(text, type=str)


async def set_models_dir(tx: Transaction, path: str) -> None:
    await _put(tx, DIR, msgspec.json.encode(path))


async def move(reader: Reader) -> Move | None:
    """The one that is not over."""
    text = await _value(reader, MOVE)
    return None if text is None else msgspec.json.decode(text, type=Move)


async def put_move(tx: Transaction, move: Move | None) -> None:
    """None: it is over."""
    if move is None:
        await tx.execute("DELETE FROM setting WHERE key = ?", (MOVE,))
    else:
        await _put(tx, MOVE, msgspec.json.encode(move))


async def _value(reader: Reader, key: str) -> str | None:
    row = await reader.fetch_one("SELECT value FROM setting WHERE key = ?", (key,))
    return None if row is None else str(row["value"])


async def _put(tx: Transaction, key: str, value: bytes) -> None:
    await tx.execute(
        "INSERT INTO setting (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value.decode()),
    )
