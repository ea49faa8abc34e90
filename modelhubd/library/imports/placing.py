"""Brings files of others into the models directory, beneath `.importing/<id>/` at first. Blocking.

Nothing here writes to a source: a clone and a hard link leave its bytes as they are, a copy reads them.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import sys
from collections.abc import Callable

from modelhubd.errors import Conflict, NoSpace
from modelhubd.library.imports.sources import (
    BLOCK,
    SourceFile,
    changed,
    check_unchanged,
    open_source,
)
from modelhubd.library.quiet import helpers
from modelhubd.storage.confined import ConfinedRoot

FOLDER = ".importing"
FICLONE = 0x40049409  # linux/fs.h
_NOTHING = bytes(BLOCK)
_NO_LINK = frozenset(
    (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)
)

Add = Callable[[int], None]


class CannotLink(Conflict):
    """The file system can share the bytes in no way."""

    default_code = "cannot_link"


def staging_of(id: str) -> str:
    return f"{FOLDER}/{id}"


def stage_link(root: ConfinedRoot, file: SourceFile, name: str, target: str) -> str:
    """Have `target` share the bytes of the source; `clone` or `hard_link`.

    Raises:
        CannotLink: the file system can do neither, or the source is on another one.
        Conflict: the source changed.
    """
    fd = open_source(file, name)
    try:
        if _clone(root, fd, target):
            check_unchanged(fd, file, name, times=True)
            return "clone"
        try:
            root.link_from(file.path, target)
        except OSError as error:
            if error.errno in _NO_LINK:
                raise CannotLink(
                    f"{name} cannot be linked into the models directory ({error.strerror}): copy it instead."
                ) from None
            raise
        facts = root.stat(target)
        if (facts.st_dev, facts.st_ino) != (file.device, file.inode):
            root.unlink(target)
            raise changed(name)
        check_unchanged(fd, file, name)
        return "hard_link"
    finally:
        os.close(fd)


def stage_copy(root: ConfinedRoot, file: SourceFile, name: str, target: str, sha256: str, add: Add) -> None:
    """Copy the source to `target`, on the disk when this returns.

    Raises:
        Conflict: what was copied is not what was recognised: the source changed.
        NoSpace: the disk became full.
    """
    fd = open_source(file, name)
    try:
        out = root.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            digest = hashlib.sha256()
            with helpers(1) as beside:
                while block := os.read(fd, BLOCK):
                    hashed = beside.submit(digest.update, block)
                    if block == _NOTHING[: len(block)]:
                        os.lseek(out, len(block), os.SEEK_CUR)  # a hole stays a hole
                    else:
                        _write(out, block)
                    hashed.result()
                    add(len(block))
            os.ftruncate(out, os.lseek(out, 0, os.SEEK_CUR))
            os.fsync(out)
        finally:
            os.close(out)
        check_unchanged(fd, file, name)
        if digest.hexdigest() != sha256:
            raise changed(name)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise no_space() from None
        raise
    finally:
        os.close(fd)


def no_space() -> NoSpace:
    return NoSpace("The disk of the models directory has no room for a copy. Make room, or link it instead.")


def place(root: ConfinedRoot, id: str, folder: str) -> None:
    """Give the staged files their final names in one step, durably.

    Raises:
        Conflict: something has that name already.
    """
    parent = folder.rpartition("/")[0]
    root.make_dirs(parent)
    if root.exists(folder) and not root.names(folder):
        root.remove_tree(folder)
    try:
        root.rename(staging_of(id), folder)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise in_the_way() from None
        raise
    with contextlib.suppress(OSError):
        root.remove_empty_parents(staging_of(id))
    for path in (folder, parent, ""):
        with contextlib.suppress(OSError):
            root.fsync_dir(path)


def in_the_way() -> Conflict:
    return Conflict(
        "Files lie where the model would have its place in the models directory. Look at them with modelhub "
        "scan, and move them away.",
        code="files_in_the_way",
    )


def undo(root: ConfinedRoot, id: str, folder: str, files: tuple[str, ...], *, placing: bool) -> None:
    """Take away what an import that did not end has left; its sources are elsewhere and stay.

    With `placing` the files may have their final names already: then the staging folder is gone.
    """
    if placing and not root.exists(staging_of(id)):
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                root.unlink(f"{folder}/{name}")
                root.remove_empty_parents(f"{folder}/{name}")
    root.remove_tree(staging_of(id))
    with contextlib.suppress(OSError):
        root.remove_empty_parents(staging_of(id))


def remove_moved(file: SourceFile) -> bool:
    """Delete a source that is in the library now, if it is still the very file."""
    try:
        facts = file.path.lstat()
        if (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns) != file.identity:
            return False
        file.path.unlink()
    except OSError:
        return False
    return True


def _clone(root: ConfinedRoot, fd: int, target: str) -> bool:
    """Whether `target` is a clone of the open file now."""
    if sys.platform != "linux":
        return False
    out = root.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        fcntl.ioctl(out, FICLONE, fd)
        os.fsync(out)
    except OSError:
        root.unlink(target)
        return False
    finally:
        os.close(out)
    return True


def _write(fd: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(fd, view) :]
