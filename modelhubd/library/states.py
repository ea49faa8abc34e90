"""Decides what is the matter with an artifact, from its row and what was seen on disk. No I/O."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from modelhubd.entries.older import at_version
from modelhubd.library.layout import Key, folder_of
from modelhubd.wire.catalog import CatalogEntry, Option
from modelhubd.wire.library import ArtifactFile, ArtifactState

MTIME_TOLERANCE_NS = 2_000_000_000
"""FAT keeps times to two seconds."""


class Found(Struct, frozen=True, gc=False):
    """A regular file as `stat` gave it."""

    size_bytes: int
    links: int = 1
    mtime_ns: int = 0
    inode: int = 0
    device: int = 0
    ctime_ns: int = 0


class Trace(Struct, frozen=True, gc=False):
    """Which inode a file was when it was checked, when that last changed, and how many names it had."""

    inode: int
    ctime_ns: int
    links: int


class Outside(Struct, frozen=True, gc=False):
    """A file that is not in the models directory, and which one it was when it was checked."""

    path: str
    """Absolute, with no link in it."""
    device: int
    inode: int
    mtime_ns: int


def state_of(paths: Sequence[str], sizes: Sequence[int], found: Mapping[str, Found]) -> ArtifactState:
    """`missing` when a file is gone, `damaged` when all are there and a size is wrong, else `ok`."""
    if any(path not in found for path in paths):
        return ArtifactState.MISSING
    if any(found[path].size_bytes != size for path, size in zip(paths, sizes, strict=True)):
        return ArtifactState.DAMAGED
    return ArtifactState.OK


def is_rewritten(paths: Sequence[str], mtimes_ns: Sequence[int | None], found: Mapping[str, Found]) -> bool:
    """Whether a file was written after it was checked, though its size is right: other bytes may be in it."""
    return any(
        known is not None and path in found and abs(found[path].mtime_ns - known) > MTIME_TOLERANCE_NS
        for path, known in zip(paths, mtimes_ns, strict=True)
    )


def is_touched(trace: Trace | None, found: Found) -> bool:
    """Whether a file may hold other bytes though its size and its time are those of its check: another file
    has its name, or it was written to and its time set back.

    A new or vanished second name (a hard link) explains why an inode has changed. FAT and its kin give a file
    another inode number at each mount, and keep its times; when it was changed otherwise than by writing they
    forget at the latest then.
    """
    if trace is None or abs(found.ctime_ns - trace.ctime_ns) <= MTIME_TOLERANCE_NS:
        return False
    if found.ctime_ns == found.mtime_ns:
        return False
    return found.inode != trace.inode or found.links == trace.links


def is_same(known: tuple[int, int], now: tuple[int, int, int]) -> bool:
    """Whether the file of a path that was seen before is the one of `now`; (inode, mtime) and, now, ctime.

    FAT, exFAT and what is mounted by a program number their files anew at each mount, and have no ctime but
    the mtime. Elsewhere no other file can have both times: it would have got its name later than that.
    """
    inode, mtime_ns, ctime_ns = now
    return inode == known[0] or mtime_ns == ctime_ns == known[1]


def is_replaced(outside: Iterable[Outside | None], found: Mapping[str, Found]) -> bool:
    """Whether another file has the path of one that is outside the models directory."""
    return any(
        file is not None and file.path in found and not _is_still(file, found[file.path]) for file in outside
    )


def remounted(outside: Iterable[Outside | None], found: Mapping[str, Found]) -> tuple[Outside | None, ...]:
    """The same files with the devices they are on now and their inodes: a drive may get another number each
    time, and number its files anew."""
    return tuple(
        replace(file, device=now.device, inode=now.inode)
        if file is not None and (now := found.get(file.path)) is not None and _is_still(file, now)
        else file
        for file in outside
    )


def _is_still(file: Outside, now: Found) -> bool:
    return is_same((file.inode, file.mtime_ns), (now.inode, now.mtime_ns, now.ctime_ns))


def is_offline(
    *, present: bool, marked: bool, rows: Collection[str], found: Collection[str], staged: bool = False
) -> bool:
    """Whether the models directory is away rather than emptied: it is not there, or what is there was never
    ours: no marker in it and no file of any of the `rows`, though there were files or, with `staged`, parts
    of a download."""
    if not present:
        return True
    return not marked and (staged or bool(rows)) and not any(path in found for path in rows)


def adopted_files(
    key: Key, entry: CatalogEntry | None, found: Mapping[str, Found]
) -> tuple[Option, tuple[ArtifactFile, ...]] | None:
    """The catalog's option and its files, when every one lies in the folder with the size the catalog states.

    A file that has another name elsewhere (a hard link) is not taken: whoever holds that name could change
    the model afterwards.
    """
    if (entry := at_version(entry, key.version)) is None:
        return None
    option = next((option for option in entry.options if option.id == key.option), None)
    if option is None:
        return None
    folder = folder_of(key)
    files = []
    for file in option.files:
        seen = found.get(f"{folder}/{file.name}")
        if seen is None or seen.links != 1 or file.size_bytes not in (None, seen.size_bytes):
            return None
        files.append(
            ArtifactFile(name=file.name, role=file.role.value, size_bytes=seen.size_bytes, sha256=file.sha256)
        )
    return option, tuple(files)


THERE = (ArtifactState.OK, ArtifactState.DAMAGED)
"""States of what takes room on the disk."""
UNUSABLE = {
    ArtifactState.MISSING: ("artifact_missing", "files of it are gone. Put them back or download it again."),
    ArtifactState.DAMAGED: ("artifact_damaged", "a file of it is not what it should be. Repair it first."),
    ArtifactState.OFFLINE: ("storage_offline", "the drive that its files are on is away. Plug it in."),
}
"""Code and words for an artifact that cannot be used."""
