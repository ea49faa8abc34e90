"""A records database that cannot be read is set aside, and a new one begun."""

import contextlib
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

SUFFIXES = ("", "-wal", "-shm")
KEPT = 3
"""Databases that are kept when another is set aside."""
_NUMBER = re.compile(r"\.set-aside-(\d{6})-")
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
    before = [int(match[1]) for old in all_set_aside(path) if (match := _NUMBER.search(old.name))]
    number = max(before, default=0) + 1
    to = path.with_name(f"{path.stem}.set-aside-{number:06d}-{now():%Y%m%d}{path.suffix}")
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
