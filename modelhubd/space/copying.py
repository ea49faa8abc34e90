"""Files from one folder to another: each is whole, checked and on the disk under its final name, or not there
at all. Blocking: call it in a thread."""

import contextlib
import errno
import hashlib
import logging
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from modelhubd.storage.confined import ConfinedRoot

log = logging.getLogger(__name__)
BLOCK = 8 << 20
HALF = ".half-moved"
"""What the name of a file ends with while it is copied."""
MARKER = ".modelhub-move"
"""In the new folder, with the id of the move: what is in there is ours."""
LIST = ".modelhub-moved"
"""In the old folder: what was moved, so that just that is removed from it."""
OURS = (MARKER, LIST)
TOLERANCE_NS = 2_000_000_000
"""FAT keeps times to two seconds."""
Advance = Callable[[int, int], None]
"""Told of bytes and files that are done; what it raises ends the copying."""


class File(Struct, frozen=True):
    """`place`, device and inode, is known where the file has more than one name."""

    size_bytes: int
    mtime_ns: int
    place: tuple[int, int] | None = None

    def is_as(self, other: "File | None") -> bool:
        return (
            other is not None
            and other.size_bytes == self.size_bytes
            and abs(other.mtime_ns - self.mtime_ns) <= TOLERANCE_NS
        )


def files_of(root: ConfinedRoot) -> dict[str, File]:
    """What is to be moved: every regular file but those that the move itself has put there.

    Raises:
        OSError: the folder is not there.
    """
    return {
        path: File(
            facts.st_size, facts.st_mtime_ns, (facts.st_dev, facts.st_ino) if facts.st_nlink > 1 else None
        )
        for path, facts in root.walk()
        if stat.S_ISREG(facts.st_mode) and path not in OURS and not path.endswith(HALF)
    }


def differing(source: Mapping[str, File], target: Mapping[str, File]) -> tuple[list[str], list[str]]:
    """(what is to be copied, what is to be removed) for the one to hold what the other does. Pure."""
    missing = [path for path in sorted(source) if not source[path].is_as(target.get(path))]
    return missing, sorted(target.keys() - source.keys())


def bytes_of(files: Iterable[File]) -> int:
    """What they take: several names of one file count once. Pure."""
    alone = sum(file.size_bytes for file in files if file.place is None)
    return alone + sum({file.place: file.size_bytes for file in files if file.place is not None}.values())


def twins_in(source: Mapping[str, File], target: Mapping[str, File]) -> dict[tuple[int, int], str]:
    """Of files with several names, by place, one that the other folder has already. Pure."""
    return {
        file.place: path
        for path, file in source.items()
        if file.place is not None and file.is_as(target.get(path))
    }


def bring_all_over(
    source: ConfinedRoot,
    target: ConfinedRoot,
    paths: Iterable[str],
    advance: Advance,
    twins: dict[tuple[int, int], str],
) -> None:
    """`bring_over` each; what are several names of one file are so again. `twins` gains what is brought."""
    for path in paths:
        bring_over(source, target, path, advance, twins)


def bring_over(
    source: ConfinedRoot,
    target: ConfinedRoot,
    path: str,
    advance: Advance,
    twins: dict[tuple[int, int], str],
) -> None:
    """Have the file in the other folder too: under a second name where both are on one disk or it is one of
    the `twins` there, else as a copy that was read back from the disk and compared. A file that vanishes
    meanwhile is fine.

    Raises:
        OSError: it cannot be read or written, or was not the same when it was read back.
    """
    if "/" in path:
        target.make_dirs(path.rpartition("/")[0])
    with contextlib.suppress(FileNotFoundError):
        target.unlink(path)
    try:
        facts = source.stat(path)
        if same_disk(source, target):
            source.link_across(path, target, path)
            advance(facts.st_size, 1)
        elif not _is_twin(target, path, facts, twins):
            _copy(source, target, path, facts, advance)
            if facts.st_nlink > 1:
                twins[facts.st_dev, facts.st_ino] = path
        else:
            advance(facts.st_size, 1)
    except FileNotFoundError:
        return
    target.fsync_dir(path.rpartition("/")[0])


def _is_twin(
    target: ConfinedRoot, path: str, facts: os.stat_result, twins: Mapping[tuple[int, int], str]
) -> bool:
    """Whether the file is another name there of one that was brought, where the file system has such."""
    twin = twins.get((facts.st_dev, facts.st_ino))
    if twin is None:
        return False
    try:
        there = target.stat(twin)
        if not File(there.st_size, there.st_mtime_ns).is_as(File(facts.st_size, facts.st_mtime_ns)):
            return False
        target.link_across(twin, target, path)
    except OSError as error:
        log.info("a second name cannot be given at the new place: %s", error.strerror)
        return False
    return True


def same_disk(source: ConfinedRoot, target: ConfinedRoot) -> bool:
    """Whether a file of the one can have a second name in the other."""
    return source.root.stat().st_dev == target.root.stat().st_dev


def _copy(
    source: ConfinedRoot, target: ConfinedRoot, path: str, facts: os.stat_result, advance: Advance
) -> None:
    half = f"{path}{HALF}"
    reading = source.open(path)
    try:
        writing = target.open(half, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            digest = hashlib.sha256()
            while data := os.read(reading, BLOCK):
                digest.update(data)
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(writing, rest) :]
                advance(len(data), 0)
            os.utime(writing, ns=(facts.st_atime_ns, facts.st_mtime_ns))
            os.fsync(writing)
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(writing, 0, 0, os.POSIX_FADV_DONTNEED)  # from the disk, not from memory
            os.lseek(writing, 0, os.SEEK_SET)
            again = hashlib.sha256()
            while data := os.read(writing, BLOCK):
                again.update(data)
                advance(0, 0)
            if again.digest() != digest.digest():
                raise OSError(errno.EIO, "a copy is not what was written", path)
        finally:
            os.close(writing)
    finally:
        os.close(reading)
    target.rename(half, path)
    advance(0, 1)


def put_list(root: ConfinedRoot, files: Mapping[str, File]) -> None:
    """Keep in the old folder what was moved out of it, durably."""
    staged = f"{LIST}{HALF}"
    fd = root.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        rest = memoryview(msgspec.json.encode(files))
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    root.replace(staged, LIST)
    root.fsync_dir()


def place_of(root: ConfinedRoot) -> tuple[int, int]:
    """Which folder it is: device and inode.

    Raises:
        OSError: it is not there.
    """
    facts = root.root.stat()
    return facts.st_dev, facts.st_ino


def clear(root: ConfinedRoot, place: tuple[int, int] | None = None) -> None:
    """Remove from the old folder what the list in it names, as it was then, then the list, and the folder if
    it is empty. What somebody has changed or added since stays. A folder that is gone is empty. `place` is
    the folder's own, where it is known.

    Raises:
        OSError: a file cannot be removed, or (ENODEV) the folder's drive is away.
    """
    if not root.present():
        return
    try:
        fd = root.open(LIST)
    except FileNotFoundError:
        if place is not None and place_of(root) != place:
            raise OSError(errno.ENODEV, "the old folder's drive is away") from None
        _remove_folder(root)
        return
    with os.fdopen(fd, "rb") as file:
        moved = msgspec.json.decode(file.read(), type=dict[str, File])
    for path, known in moved.items():
        _remove_if(root, path, known)
    root.unlink(LIST)
    _remove_folder(root)


def undo(source: ConfinedRoot, target: ConfinedRoot, *, made: bool) -> None:
    """Remove the copies from the new folder: what is there as it is in the old one, and what is half there.

    Raises:
        OSError: it is not there, or a file cannot be removed.
    """
    if not target.present():
        return
    here = files_of(source)
    halves = [path for path, _ in target.walk() if path.endswith(HALF)]
    for path in halves:
        _remove_if(target, path, None)
    for path, file in files_of(target).items():
        if path in here:
            _remove_if(target, path, file)
    _remove_if(target, MARKER, None)
    _remove_empty(target)
    if made:
        _remove_folder(target)


def mark(root: ConfinedRoot, move_id: str) -> None:
    """Say in the new folder whose it is, durably."""
    fd = root.open(MARKER, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        os.write(fd, move_id.encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    root.fsync_dir()


def is_marked(root: ConfinedRoot, move_id: str) -> bool:
    """Whether the folder is the one that this move has begun to fill."""
    try:
        fd = root.open(MARKER)
    except OSError:
        return False
    with os.fdopen(fd, "rb") as file:
        return file.read(100) == move_id.encode()


def takes_letters_alike(root: ConfinedRoot) -> bool:
    """Whether `A` and `a` are one name in the folder, which is marked."""
    return root.exists(MARKER.upper())


def unmark(root: ConfinedRoot) -> None:
    _remove_if(root, MARKER, None)


def _remove_if(root: ConfinedRoot, path: str, known: File | None) -> None:
    with contextlib.suppress(FileNotFoundError):
        facts = root.stat(path)
        if known is None or known.is_as(File(facts.st_size, facts.st_mtime_ns)):
            root.unlink(path)
            root.remove_empty_parents(path)


def _remove_empty(root: ConfinedRoot) -> None:
    for folder in sorted(_folders(root.root), key=lambda path: -len(path.parts)):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _folders(root: Path) -> Iterable[Path]:
    return [Path(above) / name for above, names, _ in os.walk(root) for name in names]


def _remove_folder(root: ConfinedRoot) -> None:
    _remove_empty(root)
    with contextlib.suppress(OSError):
        root.root.rmdir()
