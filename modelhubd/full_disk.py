"""What a database says when its disk is full."""

import sqlite3


def is_full(error: BaseException) -> bool:
    """Whether it could not write for want of room."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
    )
