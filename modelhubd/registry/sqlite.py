"""SQLite without a thread between: what is quick is asked where it is needed.

A statement given to a thread and taken back costs some twenty times as much as a look at a row by its key.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite, SQLiteExecutionContext_aiosqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.util import await_only

_Text: TypeAlias = tuple[str, Sequence[tuple[str, Any]]]

QUICK = {"at_once": True}
"""Execution options, of a connection or a statement, of what takes few rows by their keys and waits for no
lock: nobody else gets a turn meanwhile."""
SLOW = {"at_once": False}
"""Of the rest; a statement's go before its connection's."""
PRAGMAS = {"busy_timeout": 0, "query_only": "ON", "trusted_schema": "OFF"}


class _Cursor(sqlite3.Cursor):
    async def _async_soft_close(self) -> None:
        """What SQLAlchemy asks of the cursors of an async driver; here there is nothing to wait for."""


async def _nothing() -> None:
    pass


class _Context(SQLiteExecutionContext_aiosqlite):
    def create_default_cursor(self) -> Any:
        if self.execution_options.get("at_once"):
            await_only(_nothing())  # SQLAlchemy takes what awaits nothing for a driver that blocks
            driver: Any = self._dbapi_connection.driver_connection
            return driver._conn.cursor(_Cursor)
        return super().create_default_cursor()


class Dialect(SQLiteDialect_aiosqlite):
    """aiosqlite's, but for statements that are `QUICK`."""

    supports_statement_cache = True
    execution_ctx_cls = _Context


class Glances:
    """A connection of its own for reading rows by their keys, on the thread that asks; it sees what is
    committed at that moment."""

    def __init__(self, path: str, dialect: sa.Dialect) -> None:
        self._path = path
        self._dialect = dialect
        self._texts: dict[sa.Select[Any], _Text] = {}
        self._connection: sqlite3.Connection | None = None

    def rows(self, query: sa.Select[Any], values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """
        Raises:
            sqlite3.Error: not now: ask in the usual way, which waits.
        """
        text, constants = self._texts.get(query) or self._compiled(query)
        if self._connection is None:
            self._connection = self._connected()
        return self._connection.execute(text, [values.get(name, held) for name, held in constants]).fetchall()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _compiled(self, query: sa.Select[Any]) -> _Text:
        """Its text, and in their order the names of its parameters with the constants among them."""
        made = query.compile(dialect=self._dialect)
        assert isinstance(made, SQLCompiler)
        held = made.construct_params(_check=False)
        self._texts[query] = found = (str(made), [(name, held[name]) for name in made.positiontup or ()])
        return found

    def _connected(self) -> sqlite3.Connection:
        made = sqlite3.connect(self._path, isolation_level=None)
        for name, value in PRAGMAS.items():
            made.execute(f"PRAGMA {name} = {value}")
        return made


sa.dialects.registry.register("sqlite.modelhub", __name__, "Dialect")
