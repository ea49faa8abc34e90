"""One SQLite file: a writer behind a lock, a reader that never waits for it, migrations as SQL files."""

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import aiosqlite

from modelhubd.errors import CannotStart
from modelhubd.tasks import uninterrupted

MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_TIMEOUT_MS = 5000

Row = sqlite3.Row
Parameters = Sequence[Any] | dict[str, Any]


class Reader:
    """Runs queries on one connection."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def fetch_all(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """The rows, in the list that the connection's thread holds on to until its next query: whoever
        empties it (`tasks.freed`) frees them; else that thread does, in one go."""
        rows = await self._connection.execute_fetchall(sql, parameters)
        return rows if isinstance(rows, list) else list(rows)

    async def fetch_one(self, sql: str, parameters: Parameters = ()) -> Row | None:
        rows = await self.fetch_all(sql, parameters)
        return rows[0] if rows else None


class Transaction(Reader):
    """A write transaction. What is read in it cannot change before it ends."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        super().__init__(connection)
        self.after_commit_calls: list[Callable[[], None]] = []

    async def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Number of rows changed."""
        async with self._connection.execute(sql, parameters) as cursor:
            return cursor.rowcount

    async def execute_many(self, sql: str, rows: Iterable[Parameters]) -> None:
        async with self._connection.executemany(sql, rows):
            pass

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have `call` run after the commit and before the next transaction starts; it must not raise."""
        self.after_commit_calls.append(call)


class Database:
    """Open one with `Database.open`."""

    def __init__(self, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self._writer = writer
        self._durable = False
        self._lock = asyncio.Lock()
        self.reader = Reader(reader)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, path: Path, migrations: Path = MIGRATIONS) -> AsyncIterator["Database"]:
        """The database at `path`, brought to this program's version, until the context ends.

        Raises:
            CannotStart: the file was written by a newer program (it is left untouched), or is no database.
        """
        await asyncio.to_thread(migrate, path, migrations)
        async with contextlib.AsyncExitStack() as stack:
            writer = await stack.enter_async_context(aiosqlite.connect(path, isolation_level=None))
            reader = await stack.enter_async_context(aiosqlite.connect(path, isolation_level=None))
            for connection in (writer, reader):
                connection.row_factory = sqlite3.Row
                await connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            await writer.execute("PRAGMA synchronous = NORMAL")
            await writer.execute("PRAGMA foreign_keys = ON")
            await reader.execute("PRAGMA query_only = ON")
            yield cls(writer, reader)

    @contextlib.asynccontextmanager
    async def transaction(self, *, durable: bool = False) -> AsyncIterator[Transaction]:
        """A write transaction: committed when the block ends, rolled back when anything is raised in it.

        After a power failure the last commits may be missing, unless one was `durable`: that one, and so all
        before it, are on the disk when the block is left. It costs a sync of the disk.

        Calls given to `after_commit` run after the commit and before the lock is let go, so that events
        leave in the order of the changes they tell of.
        """
        async with self._lock:
            transaction = Transaction(self._writer)
            try:
                await uninterrupted(self._begin(durable))
                yield transaction
            except BaseException:
                await uninterrupted(self._roll_back())
                raise
            await uninterrupted(self._commit(transaction))

    async def _begin(self, durable: bool) -> None:
        # Outside a transaction only; in WAL mode NORMAL syncs at checkpoints and FULL at each commit.
        if durable != self._durable:
            await self._writer.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        await self._writer.execute("BEGIN IMMEDIATE")

    async def _commit(self, transaction: Transaction) -> None:
        try:
            await self._writer.execute("COMMIT")
        except BaseException:
            await self._roll_back()
            raise
        for call in transaction.after_commit_calls:
            call()

    async def _roll_back(self) -> None:
        # A full disk or an I/O error has rolled back already, and a second time would hide the cause.
        if self._writer.in_transaction:
            await self._writer.execute("ROLLBACK")


def migrations_in(folder: Path) -> list[tuple[int, str]]:
    """(number, SQL) of each `NNNN_name.sql`, in order.

    Raises:
        ValueError: a number is missing or doubled.
    """
    found = sorted(
        (int(match[1]), item.read_text(encoding="utf-8"))
        for item in folder.iterdir()
        if (match := re.fullmatch(r"(\d{4})_[a-z0-9_]+\.sql", item.name))
    )
    if [number for number, _ in found] != list(range(1, len(found) + 1)):
        raise ValueError("migrations must be numbered 0001, 0002, … without a gap")
    return found


def migrate(path: Path, folder: Path = MIGRATIONS) -> None:
    """Bring the database at `path` to the newest migration, one transaction each.

    Raises:
        CannotStart: written by a newer program, or not a database; the file is left untouched. Or its disk
            cannot be used.
    """
    migrations = migrations_in(folder)
    try:
        present = _version_untouched(path)
        if present > len(migrations):
            raise CannotStart(
                f"The database was written by a newer modelhubd (schema {present}, this one knows "
                f"{len(migrations)}). It was left as it is. Start the newer version, or restore a backup."
            )
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            path.chmod(0o600)
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            connection.execute("PRAGMA journal_mode = WAL")
            for number, sql in migrations[present:]:
                connection.executescript(f"BEGIN IMMEDIATE; {sql}; PRAGMA user_version = {number}; COMMIT;")
    except sqlite3.OperationalError as error:
        raise CannotStart(
            f"The database {path.name} cannot be used now ({error}). See that its disk has room and can be "
            "written to, and start again."
        ) from error
    except sqlite3.DatabaseError as error:
        raise CannotStart(
            f"The database {path.name} cannot be opened ({error}). Restore a backup, or move it away to "
            "start afresh."
        ) from error


def _version_untouched(path: Path) -> int:
    if not path.exists() or path.stat().st_size == 0:
        return 0
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return version
