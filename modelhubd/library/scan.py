"""Looks at the models directory: names and sizes only, nothing is opened, no link is followed."""

import contextlib
import os
import stat
from collections.abc import Iterable

from msgspec import Struct, field

from modelhubd.library.layout import MARKER
from modelhubd.library.states import Found
from modelhubd.storage.confined import ConfinedRoot

MAX_DEPTH = 8
"""Four for the layout, and as many for files that are in folders of their own."""


class Sight(Struct, frozen=True):
    """What a look found. `files` and `folders` are relative to the root; `""` is the root itself."""

    present: bool
    unsafe: bool = False
    """Other users of the machine can write there."""
    marked: bool = False
    files: dict[str, Found] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()


def look(confined: ConfinedRoot) -> Sight:
    """Everything beneath the root outside dot folders. Blocks for one `stat` per file."""
    root = confined.root.resolve()
    if not root.is_dir():
        return Sight(present=False)
    unsafe = confined.fault() is not None
    files: dict[str, Found] = {}
    folders: set[str] = set()
    for path, names, file_names, folder_fd in os.fwalk(root, follow_symlinks=False):
        relative = os.path.relpath(path, root)
        base = "" if relative == "." else f"{relative}/"
        folders.add(base.rstrip("/"))
        deeper = base.count("/") < MAX_DEPTH
        names[:] = [name for name in names if deeper and not name.startswith(".") and _is_text(name)]
        for name in file_names:
            if name.startswith(".") or not _is_text(name):
                continue
            with contextlib.suppress(OSError):
                if (seen := _regular(os.stat(name, dir_fd=folder_fd, follow_symlinks=False))) is not None:
                    files[f"{base}{name}"] = seen
    return Sight(
        present=True, unsafe=unsafe, marked=is_marked(confined), files=files, folders=frozenset(folders)
    )


def look_at(root: ConfinedRoot, paths: Iterable[str]) -> dict[str, Found]:
    """Only these files, and only where no folder on the way to them is a link."""
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):
            if (seen := _regular(root.stat(path))) is not None:
                found[path] = seen
    return found


def is_marked(root: ConfinedRoot) -> bool:
    return (root.root / MARKER).is_file()


def mark(root: ConfinedRoot) -> None:
    """Leave the marker where it is missing; a read-only disk goes without."""
    with contextlib.suppress(OSError):
        os.close(root.open(MARKER, os.O_WRONLY | os.O_CREAT))


def _regular(facts: os.stat_result) -> Found | None:
    if not stat.S_ISREG(facts.st_mode):
        return None
    return Found(
        facts.st_size, facts.st_nlink, facts.st_mtime_ns, facts.st_ino, facts.st_dev, facts.st_ctime_ns
    )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
