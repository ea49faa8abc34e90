"""What a database says when its disk is full."""

import sqlite3


def is_full(error: BaseException) -> bool:
    """Whether it could not write for want of room."""
    code = getattr(error, "sqlite_errorcode", 0)  # absent where Python itself raises
    return isinstance(error, sqlite3.OperationalError) and code & 0xFF in (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
    )
