"""A records database that cannot be read is set aside, and a new one begun."""

import contextlib
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

SUFFIXES = ("", "-wal", "-shm")
KEPT = 3
"""Databases that are kept when another is set aside."""
_CORRUPT = frozenset({11, 26})
"""SQLITE_CORRUPT and SQLITE_NOTADB: https://www.sqlite.org/rescode.html"""


def is_corrupt(error: BaseException | None) -> bool:
    """Whether the file itself is wrong, and not the disk or what was asked."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _CORRUPT:
        return True
    return isinstance(error, sqlite3.OperationalError) and str(error).startswith(("no such", "no column"))


def set_aside(path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Path:
    """Move the database at `path` out of the way; where it is now. Only the newest three are kept."""
    stamp = f"{now():%Y%m%dT%H%M%S}"
    for number in range(100):
        to = path.with_name(f"{path.stem}.set-aside-{stamp}-{number:02d}{path.suffix}")
        if not to.exists():
            break
    for suffix in SUFFIXES:
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").replace(f"{to}{suffix}")
    for old in all_set_aside(path)[:-KEPT]:
        _remove(old)
    return to


def all_set_aside(path: Path) -> list[Path]:
    """The oldest first."""
    return sorted(path.parent.glob(f"{path.stem}.set-aside-*{path.suffix}"))


def remove_set_aside(path: Path) -> int:
    """How many there were."""
    found = all_set_aside(path)
    for old in found:
        _remove(old)
    return len(found)


def _remove(path: Path) -> None:
    for suffix in SUFFIXES:
        Path(f"{path}{suffix}").unlink(missing_ok=True)
