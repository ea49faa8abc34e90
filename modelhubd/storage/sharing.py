"""Giving bytes a second name instead of a second place on the disk."""

import contextlib
import fcntl
import hashlib
import os
import sys

from modelhubd.storage.confined import ConfinedRoot

_FICLONE = 0x40049409
"""ioctl of Linux (uapi/linux/fs.h): btrfs, XFS, bcachefs and others."""


def share(root: ConfinedRoot, source: str, target: str) -> bool:
    """Make `target` the same bytes as `source`, both beneath `root`: a file of its own that shares the blocks
    where the file system can (reflink), else another name of it (hard link). False where it can do neither.
    The folder of `target` must exist, and nothing may have its name. Blocks.

    Raises:
        OSError: it cannot be read or written.
    """
    if _clone(root, source, target):
        return True
    try:
        root.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def share_right(root: ConfinedRoot, source: str, target: str, sha256: str) -> bool:
    """Share the bytes, if they are the right ones. Blocks for as long as reading them takes.

    Raises:
        OSError: the target cannot be made.
    """
    with contextlib.suppress(FileNotFoundError):
        root.unlink(target)
    root.make_dirs(target.rpartition("/")[0])
    try:
        if not share(root, source, target):
            return False
        fd = root.open(target)
    except FileNotFoundError:
        return False  # it was removed just now
    try:
        with open(fd, "rb", buffering=0, closefd=False) as file:
            right = hashlib.file_digest(file, "sha256").hexdigest() == sha256
    finally:
        os.close(fd)
    if right:
        root.fsync_dir(target.rpartition("/")[0])
    else:
        root.unlink(target)
    return right


def _clone(root: ConfinedRoot, source: str, target: str) -> bool:
    if sys.platform != "linux":
        return False
    reading = root.open(source)
    try:
        writing = root.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            fcntl.ioctl(writing, _FICLONE, reading)
            os.fsync(writing)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                root.unlink(target)
            return False
        finally:
            os.close(writing)
    finally:
        os.close(reading)
    return True
