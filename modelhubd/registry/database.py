"""The registry's database: SQLite or PostgreSQL behind one way of reading and changing it."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from modelhubd.errors import CannotStart, Unavailable
from modelhubd.registry.schema import hub_head
from modelhubd.registry.sqlite import QUICK, Glances

log = logging.getLogger(__name__)

STATEMENT_S = 15.0
"""A statement that takes longer is given up."""
LOCK_S = 12.0
"""How long a change waits for those before it."""
CONNECT_S = 5.0
RETRY_S = 1.0
"""What a caller is told to wait when the database is away."""
PASSING = ("08", "25P03", "40", "53", "55P03", "57", "58")
"""Beginnings of the SQLSTATEs of what passes: lost connections, deadlocks, no room, shutdowns, time-outs."""
PASSING_ON_SQLITE = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
)
MIGRATION_LOCK = 0x6D6F64656C687562
"""`modelhub` in ASCII: the advisory lock of whoever migrates."""
_HEAD = sa.select(hub_head.c.id).where(hub_head.c.id == 1).with_for_update()
DRIVERS = {"postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}


class Database:
    """Open one with `Database.open`.

    Every way in raises `Unavailable` while the database is away, full or too busy; a later try finds it.
    """

    def __init__(self, engine: AsyncEngine, glances: Glances | None = None) -> None:
        self._engine = engine
        self._each_alone = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._glances = glances
        self._writing = asyncio.Lock()

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, url: str, *, connections: int = 10) -> AsyncIterator["Database"]:
        """The database at `url` (`sqlite:///…`, `postgresql://…`) until it ends, with at most so many
        connections.

        Raises:
            CannotStart: it is no such address, or its driver is not installed.
        """
        engine = _engine(url, connections)
        file = engine.url.database if engine.dialect.name == "sqlite" else None
        glances = Glances(file, engine.dialect) if file and file != ":memory:" else None
        try:
            yield cls(engine, glances)
        finally:
            if glances is not None:
                glances.close()
            await engine.dispose()

    async def glance(self, query: sa.Select[Any], **values: Any) -> Sequence[Sequence[Any]]:
        """The rows of one query as of now, without a transaction: for few rows by their keys, as nobody else
        gets a turn meanwhile on SQLite. `query` is a constant with `bindparam`s, compiled once; its columns
        are texts and numbers."""
        if self._glances is not None:
            # One who writes just now, or a file that cannot be read: the usual way waits, or says so.
            with contextlib.suppress(sqlite3.Error):
                return self._glances.rows(query, values)
        with _told():
            async with self._each_alone.connect() as connection:
                found: Sequence[Sequence[Any]] = (await connection.execute(query, values)).all()
                return found

    @contextlib.asynccontextmanager
    async def reading(self, *, quick: bool = False) -> AsyncIterator[AsyncConnection]:
        """A connection whose queries all see the same moment; it cannot change anything on PostgreSQL.
        `quick` promises that each of them takes few rows by their keys: nobody else gets a turn meanwhile."""
        with _told():
            async with self._engine.connect() as connection:
                if not self.is_sqlite:
                    await connection.execution_options(
                        isolation_level="REPEATABLE READ", postgresql_readonly=True
                    )
                if quick:
                    await connection.execution_options(**QUICK)
                async with connection.begin():
                    if self.is_sqlite:
                        await connection.exec_driver_sql("BEGIN")
                    yield connection

    @contextlib.asynccontextmanager
    async def changing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that changes what the registry says. It holds the head row: what it reads cannot
        change before it ends. Committed when the block ends, rolled back when anything is raised in it.

        Its statements are quick, as all others who change something wait for them; what may take long has the
        execution options `SLOW`."""
        async with self.noting() as connection:
            await connection.execute(_HEAD)
            yield connection

    @contextlib.asynccontextmanager
    async def noting(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only counts or notes (counters, last use) and so does not hold the head row."""
        with _told():
            async with self._one_writer(), self._engine.connect() as connection, connection.begin():
                if self.is_sqlite:
                    await connection.exec_driver_sql("BEGIN IMMEDIATE")
                    await connection.execution_options(**QUICK)  # no lock is left to wait for
                yield connection

    @contextlib.asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may change the tables, one at a time over all processes, without time limits."""
        with _told():
            async with self._one_writer(), self._engine.connect() as connection, connection.begin():
                if self.is_sqlite:
                    await connection.exec_driver_sql("BEGIN IMMEDIATE")
                else:
                    for limit in ("statement_timeout", "lock_timeout"):
                        await connection.execute(sa.select(sa.func.set_config(limit, "0", True)))
                    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
                yield connection

    @contextlib.asynccontextmanager
    async def alone(self, lock: int) -> AsyncIterator[bool]:
        """Whether this process got the work that `lock` stands for: no other one gets it before the
        block ends. Always True on SQLite, which has one process."""
        if self.is_sqlite:
            yield True
            return
        with _told():
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                got = bool(await connection.scalar(sa.select(sa.func.pg_try_advisory_lock(lock))))
                try:
                    yield got
                finally:
                    if got:
                        await connection.execute(sa.select(sa.func.pg_advisory_unlock(lock)))

    async def answers(self) -> bool:
        """Whether the database answers within `CONNECT_S`."""
        try:
            async with asyncio.timeout(CONNECT_S), self.reading() as connection:
                await connection.execute(sa.select(1))
        except (Unavailable, TimeoutError):
            return False
        return True

    @contextlib.asynccontextmanager
    async def _one_writer(self) -> AsyncIterator[None]:
        """SQLite has one writer; those of this process wait here, where waiting is fair."""
        if not self.is_sqlite:
            yield
            return
        async with asyncio.timeout(LOCK_S):
            await self._writing.acquire()
        try:
            yield
        finally:
            self._writing.release()


def _engine(url: str, connections: int) -> AsyncEngine:
    try:
        parsed = sa.make_url(url)
        parsed = parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
        if parsed.drivername not in DRIVERS.values():
            raise CannotStart(
                f"The database's address begins with {parsed.drivername!r}; known are postgresql:// and sqlite:///."
            )
        return (
            _on_sqlite(parsed, connections)
            if parsed.drivername.startswith("sqlite")
            else _on_postgresql(parsed, connections)
        )
    except sa.exc.ArgumentError as error:
        raise CannotStart(
            "The database's address cannot be read. Write postgresql://user:password@host/name or sqlite:///path."
        ) from error
    except ModuleNotFoundError as error:
        raise CannotStart(
            f"{error.name} is missing. PostgreSQL needs: pip install 'modelhubd[registry,postgres]'."
        ) from error


def _on_sqlite(url: sa.URL, connections: int) -> AsyncEngine:
    if url.database and url.database != ":memory:":
        _close_to_others(Path(url.database))
    engine = create_async_engine(
        url.set(drivername="sqlite+modelhub"), pool_size=connections, max_overflow=0, pool_timeout=LOCK_S
    )
    sa.event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _close_to_others(database: Path) -> None:
    """Before SQLite opens it, which gives what lies beside it the same mode. It is never opened here, as that
    would end the locks that SQLite holds on it for this process."""
    with contextlib.suppress(OSError):  # where it cannot be, SQLite says why
        if not database.exists():
            database.touch(0o600, exist_ok=False)
        for end in ("", "-wal", "-shm"):
            if (kept := database.with_name(database.name + end)).exists() and kept.stat().st_mode & 0o077:
                kept.chmod(0o600)


def _on_postgresql(url: sa.URL, connections: int) -> AsyncEngine:
    limits = {
        "application_name": "modelhub-registry",
        "statement_timeout": str(int(STATEMENT_S * 1000)),
        "lock_timeout": str(int(LOCK_S * 1000)),
        "idle_in_transaction_session_timeout": str(int(STATEMENT_S * 1000)),
    }
    return create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=LOCK_S,
        connect_args={"timeout": CONNECT_S, "command_timeout": STATEMENT_S * 2, "server_settings": limits},
    )


def _prepare_sqlite(connection: Any, record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for name, value in SQLITE.items():
        cursor.execute(f"PRAGMA {name} = {value}")
    cursor.close()


SQLITE = {
    "busy_timeout": int(LOCK_S * 1000),
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "trusted_schema": "OFF",
}


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What passes by itself becomes `Unavailable`; a database that refuses what we say is a fault of ours."""
    try:
        yield
    except (OSError, sa.exc.TimeoutError) as error:
        raise _away(error) from error
    except sa.exc.DBAPIError as error:
        if _passes(error):
            raise _away(error) from error
        raise
    except Exception as error:
        if str(getattr(error, "sqlstate", None) or "").startswith(PASSING):  # asyncpg's own, while connecting
            raise _away(error) from error
        raise


def _passes(error: sa.exc.DBAPIError) -> bool:
    state, code = getattr(error.orig, "sqlstate", None), getattr(error.orig, "sqlite_errorcode", None)
    if error.connection_invalidated:
        return True
    if state is not None:
        return str(state).startswith(PASSING)
    if code is not None:
        return code & 0xFF in PASSING_ON_SQLITE
    return isinstance(error, sa.exc.InterfaceError)


def _away(error: Exception) -> Unavailable:
    log.warning("the database is away or too busy: %s", type(error).__name__)
    return Unavailable(
        "The registry's database is away or too busy. Try again in a moment.",
        code="database_away",
        retry_after_s=RETRY_S,
    )
