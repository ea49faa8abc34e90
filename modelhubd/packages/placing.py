"""Brings the files of a bundle into the models directory: copied and hashed aside, then given their names.

A folder of ours, `.bundles/<id>`, holds what is not whole yet; what a kill leaves in it is removed at the
next start. A model's folder gets its final name in one step. Blocks.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from modelhubd.entries.bundles import Bundled
from modelhubd.packages.folder import Opened, pieces_of
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.storage.sharing import share_right

ASIDE = ".bundles"


def stage(
    root: ConfinedRoot,
    id: str,
    opened: Opened,
    item: Bundled,
    told: Callable[[int], None],
    here: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Copy the item's files aside; they are whole, as promised and on the disk when this returns. What is
    `here` beneath the root, by SHA-256, is shared instead.

    Raises:
        BadBundle: a file is not what the manifest promises.
        OSError
    """
    for file in item.files:
        target = f"{_aside(id)}/{file.path}"
        root.make_dirs(target.rpartition("/")[0])
        if file.sha256 in here and share_right(root, here[file.sha256], target, file.sha256):
            told(file.size_bytes)
            continue
        fd = root.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with os.fdopen(fd, "wb", buffering=0) as written:
            for piece in pieces_of(opened.root, file.path, file):
                _write_all(written.fileno(), piece)
                told(len(piece))
            os.fsync(written.fileno())


def place(root: ConfinedRoot, id: str, item: Bundled) -> None:
    """Give a staged item its final name, durably.

    Raises:
        FileExistsError: something else is there, and it stays.
        OSError
    """
    source, final = f"{_aside(id)}/{item.folder}", item.folder
    parent = final.rpartition("/")[0]
    root.make_dirs(parent)
    if root.exists(final):
        root.remove_empty_parents(f"{final}/x")  # folders that a removal left
    root.rename(source, final)
    for folder in (*_folders_within(item), final, parent, item.entry.id, item.entry.id.partition("/")[0], ""):
        with contextlib.suppress(FileNotFoundError):
            root.fsync_dir(folder)


def is_placed(root: ConfinedRoot, folder: str, files: Sequence[tuple[str, int]]) -> bool:
    """Whether each of the files (name, bytes) is in the folder, and was put there: none is aside any more.

    Raises:
        OSError: it cannot be looked at now.
    """
    if not root.present():
        raise OSError(errno.ENODEV, "the models directory is away")
    with contextlib.suppress(FileNotFoundError):
        if any(root.exists(f"{ASIDE}/{name}/{folder}") for name in root.names(ASIDE)):
            return False
    for name, size in files:
        try:
            facts = root.stat(f"{folder}/{name}")
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(facts.st_mode) or facts.st_size != size:
            return False
    return True


def is_any_aside(root: ConfinedRoot) -> bool:
    """Whether there is anything of an install that has no final name."""
    return root.exists(ASIDE)


def clean(root: ConfinedRoot, id: str | None = None) -> None:
    """Remove what is aside of one install, or of all.

    Raises:
        OSError
    """
    root.remove_tree(ASIDE if id is None else _aside(id))
    if id is not None:
        root.remove_empty_parents(_aside(id))


def _aside(id: str) -> str:
    return f"{ASIDE}/{id}"


def _folders_within(item: Bundled) -> list[str]:
    found = {file.path.rpartition("/")[0] for file in item.files}
    return sorted(found, key=len, reverse=True)


def _write_all(fd: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(fd, view) :]
