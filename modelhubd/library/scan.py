"""Looks at the models directory: names and sizes only, nothing is opened, no link is followed."""

import contextlib
import os
import stat
from collections.abc import Collection, Iterable

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


def look_again(confined: ConfinedRoot, before: Sight, changed: Collection[str]) -> Sight:
    """The same as `look`, where only what is directly in the `changed` folders may be otherwise than
    `before`. Blocks for one `stat` per file in those, and in folders that are new."""
    if not confined.present():
        return Sight(present=False)
    folders, found, gone = set(before.folders), {}, set()
    pending = [folder for folder in changed if folder in folders]
    read = set(pending)
    while pending:
        folder = pending.pop()
        try:
            listed = confined.listing(folder)
        except OSError:
            gone.add(folder)
            continue
        below = set()
        for path, facts in listed:
            if path.rpartition("/")[2].startswith("."):
                continue
            if stat.S_ISDIR(facts.st_mode):
                if path.count("/") < MAX_DEPTH:
                    below.add(path)
            elif (seen := _regular(facts)) is not None:
                found[path] = seen
        known = {path for path in before.folders if path and path.rpartition("/")[0] == folder}
        gone |= known - below
        pending += [path for path in below - folders if path not in read]
        read |= below - folders
        folders |= below
    gone.discard("")

    def is_gone(folder: str) -> bool:
        return any(folder == other or folder.startswith(f"{other}/") for other in gone)

    kept = {
        path: facts
        for path, facts in before.files.items()
        if (folder := path.rpartition("/")[0]) not in read and not (gone and is_gone(folder))
    }
    return Sight(
        present=True,
        unsafe=confined.fault() is not None,
        marked=is_marked(confined),
        files=kept | found,
        folders=frozenset(folder for folder in folders if not (gone and is_gone(folder))),
    )


def respelled(root: ConfinedRoot, files: dict[str, Found], paths: Iterable[str]) -> dict[str, Found]:
    """`files`, where those of `paths` that are listed in other letters are called as they are in `paths`.

    On a file system that takes `A` and `a` for one name, somebody may have changed the letters of a file or
    folder: it is the same file, under the name that we know. Blocks for one `stat` per such file.
    """
    absent = [path for path in paths if path not in files]
    if not absent:
        return files
    listed: dict[str, list[str]] = {}
    for path in files:
        listed.setdefault(path.casefold(), []).append(path)
    alike = {path: found for path in absent if (found := listed.get(path.casefold()))}
    told = dict(files)
    for path, seen in look_at(root, alike).items():
        for other in alike[path]:
            if other in told and _is_same(told[other], seen):
                del told[other]
        told[path] = seen
    return told


def _is_same(one: Found, other: Found) -> bool:
    """Of two names that differ by their letters. A file system in user space may number each name anew."""
    if one.device != other.device:
        return False
    return one.inode == other.inode or (one.size_bytes, one.mtime_ns, one.ctime_ns) == (
        other.size_bytes,
        other.mtime_ns,
        other.ctime_ns,
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
