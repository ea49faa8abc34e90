"""What a registry says to its database."""

import contextlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from modelhubd.registry.database import Database


@contextlib.contextmanager
def said_in(database: Database) -> Iterator[list[list[str]]]:
    """The statements of every transaction that begins meanwhile."""
    transactions: list[list[str]] = []
    engine = database._engine.sync_engine

    def begun(connection: sa.Connection) -> None:
        connection.info["statements"] = []
        transactions.append(connection.info["statements"])

    def said(connection: sa.Connection, _cursor: Any, statement: str, *_: Any) -> None:
        connection.info.setdefault("statements", []).append(statement)

    sa.event.listen(engine, "begin", begun)
    sa.event.listen(engine, "before_cursor_execute", said)
    try:
        yield transactions
    finally:
        sa.event.remove(engine, "begin", begun)
        sa.event.remove(engine, "before_cursor_execute", said)
