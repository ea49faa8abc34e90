"""The registry's database: SQLite or PostgreSQL behind one way of reading and changing it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from modelhubd.registry.schema import hub_head


class Database:
    """Open one with `Database.open`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writing = asyncio.Lock()

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator["Database"]:
        """The database at `url` (`sqlite+aiosqlite:///…`, `postgresql+asyncpg://…`) until it ends."""
        engine = create_async_engine(url)
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        try:
            yield cls(engine)
        finally:
            await engine.dispose()

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose queries all see the same moment."""
        async with self._engine.connect() as connection:
            if not self.is_sqlite:
                await connection.execution_options(isolation_level="REPEATABLE READ")
            async with connection.begin():
                yield connection

    @contextlib.asynccontextmanager
    async def changing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that changes what the registry says. It holds the head row: what it reads cannot
        change before it ends. Committed when the block ends, rolled back when anything is raised in it."""
        async with self._one_writer(), self._engine.connect() as connection, connection.begin():
            await self._begin_writing(connection)
            await connection.execute(sa.select(hub_head.c.id).where(hub_head.c.id == 1).with_for_update())
            yield connection

    @contextlib.asynccontextmanager
    async def noting(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only counts or notes (counters, last use) and so does not hold the head row."""
        async with self._one_writer(), self._engine.connect() as connection, connection.begin():
            await self._begin_writing(connection)
            yield connection

    @contextlib.asynccontextmanager
    async def _one_writer(self) -> AsyncIterator[None]:
        async with self._writing if self.is_sqlite else contextlib.nullcontext():
            yield

    async def _begin_writing(self, connection: AsyncConnection) -> None:
        if self.is_sqlite:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_sqlite(connection, record) -> None:  # type: ignore[no-untyped-def]
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "busy_timeout = 5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
