"""Copies of a SQLite database as a file."""

import sqlite3
from pathlib import Path

from modelhubd.errors import CannotStart
from modelhubd.registry.release.keys import write_whole

PAGES = 1000
"""Copied at a time; writers get in between."""


def settle(partial: Path, target: Path) -> None:
    """Give the checked file its name, with everything in the one file."""
    with sqlite3.connect(partial) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    partial.replace(target)


def copy(source: Path, target: Path) -> None:
    """SQLite's online backup: a whole copy at a new place, however many write meanwhile.

    Raises:
        CannotStart: there is nothing to copy, something is in the way, or the database is damaged.
    """
    if not source.exists():
        raise CannotStart("There is no database here yet: nothing to copy.")
    write_whole(target, b"")
    origin = sqlite3.connect(f"file:{source}?mode=rw", uri=True)
    made = sqlite3.connect(target)
    try:
        origin.backup(made, pages=PAGES)
        (found,) = made.execute("PRAGMA integrity_check").fetchone()
        if found != "ok":
            raise CannotStart(
                "The copy of the database is damaged. The database it was made from may be, too."
            )
    except sqlite3.Error as error:
        raise CannotStart(f"The database cannot be copied: {error}.") from error
    finally:
        made.close()
        origin.close()


def clear(partial: Path) -> None:
    """Remove a copy and what SQLite keeps beside it."""
    for leftover in (partial, *(partial.with_name(partial.name + end) for end in ("-wal", "-shm"))):
        leftover.unlink(missing_ok=True)
