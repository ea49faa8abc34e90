"""What there is of an artifact becomes the beginning of its repair: the good ranges of its files are copied
into the staging folder of the download that fetches the rest. Blocking.
"""

import contextlib
import os
from collections.abc import Callable

from modelhubd.downloads.staging import staging_of
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.wire.library import Held

BLOCK = 8 << 20


def seed(
    root: ConfinedRoot, id: str, directory: str, held: tuple[Held, ...], advance: Callable[[int], None]
) -> None:
    """Copy what is good of each file that is not whole, durably. Where the file system can, the copy shares
    its blocks with the original (copy_file_range).

    Raises:
        OSError: it cannot be read or written; nothing of it stays.
    """
    try:
        for file in held:
            if file.good and not file.whole:
                _copy(root, f"{directory}/{file.name}", f"{staging_of(id)}/{file.name}", file, advance)
    except BaseException:
        with contextlib.suppress(OSError):
            root.remove_tree(staging_of(id))
        raise


def _copy(root: ConfinedRoot, source: str, target: str, file: Held, advance: Callable[[int], None]) -> None:
    root.make_dirs(target.rpartition("/")[0])
    reading = root.open(source)
    try:
        writing = root.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            os.ftruncate(writing, file.size_bytes)
            for start, end in file.good:
                at = start
                while at < end:
                    count = copy_some(reading, writing, at, min(BLOCK, end - at))
                    if not count:
                        raise OSError(0, "the damaged file became shorter")
                    at += count
                    advance(count)
            os.fsync(writing)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def copy_some(reading: int, writing: int, at: int, count: int) -> int:
    """Copy at most `count` bytes from one open file to the same place of another; how many it were, 0 at the
    end."""
    if hasattr(os, "copy_file_range"):
        with contextlib.suppress(OSError):
            return os.copy_file_range(reading, writing, count, at, at)
    data = os.pread(reading, count, at)
    return os.pwrite(writing, data, at)
