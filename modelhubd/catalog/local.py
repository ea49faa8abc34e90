"""Reads `catalog.d`, the folder of one's own entries."""

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from modelhubd.catalog.merge import LocalEntry
from modelhubd.entries.reading import FILE_MAX, read_entries
from modelhubd.trust.text import printable
from modelhubd.wire.catalog import CatalogFault

FILES_MAX = 500
FOLDER_MAX = 64 * 1024 * 1024
"""Bytes of all files together: some fifty thousand entries."""
SUFFIX = ".json"

Signature = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """The files as read: name and content, or name and why it could not be had."""

    files: tuple[tuple[str, bytes], ...] = ()
    faults: tuple[CatalogFault, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Changes whenever the content does."""
        digest = hashlib.sha256()
        for name, data in self.files:
            digest.update(f"{name}\0{len(data)}\0".encode())
            digest.update(data)
        for fault in self.faults:
            digest.update(f"{fault.file}\0{fault.reason}\0".encode())
        return digest.hexdigest()


def signature(folder: Path) -> Signature:
    """A cheap look at the folder: equal as long as nobody touched it."""
    try:
        with os.scandir(folder) as found:
            names = sorted(item.name for item in found if _counts(item.name))
    except OSError:
        return ()
    rows = []
    for name in names[: FILES_MAX + 1]:
        try:
            status = (folder / name).lstat()
        except OSError:
            continue
        rows.append((name, status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(rows)


def read_folder(folder: Path) -> LocalFiles:
    """The JSON files of `folder`, in the order of their names. A folder that does not exist has none."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return LocalFiles()
    except OSError as error:
        return LocalFiles(faults=(_fault(folder.name, f"the folder cannot be read: {error.strerror}"),))
    try:
        if (reason := _distrust(os.fstat(handle))) is not None:
            return LocalFiles(faults=(_fault(folder.name, f"the folder {reason}"),))
        names = sorted(item.name for item in os.scandir(handle) if _counts(item.name))
        files, faults, left = [], [], FOLDER_MAX
        for name in names[:FILES_MAX]:
            read = _read(handle, name, left)
            if isinstance(read, bytes):
                files.append((_shown(name), read))
                left -= len(read)
            else:
                faults.append(_fault(_shown(name), read))
        if len(names) > FILES_MAX:
            faults.append(_fault(folder.name, f"only the first {FILES_MAX} of {len(names)} files are read"))
    finally:
        os.close(handle)
    return LocalFiles(tuple(files), tuple(faults))


def entries_of(local: LocalFiles) -> tuple[tuple[LocalEntry, ...], tuple[CatalogFault, ...]]:
    """The sound entries of all files, and what is wrong with the others."""
    entries: list[LocalEntry] = []
    faults = list(local.faults)
    for name, data in local.files:
        read = read_entries(data)
        entries += [LocalEntry(name, pointer, entry) for pointer, entry in read.entries]
        faults += [CatalogFault(file=name, pointer=pointer, reason=reason) for pointer, reason in read.faults]
    return tuple(entries), tuple(faults)


def _counts(name: str) -> bool:
    return name.endswith(SUFFIX) and not name.startswith(".")


def _read(folder: int, name: str, left: int) -> bytes | str:
    """The content, of at most `left` bytes, or why there is none. Never waits: a pipe of that name does not
    hold us up."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            return "a symbolic link is not followed; put the file itself here"
        return f"cannot be read: {error.strerror}"
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return "not a regular file"
        if (reason := _distrust(status)) is not None:
            return f"the file {reason}"
        if status.st_size > FILE_MAX:
            return f"the file is larger than {FILE_MAX // 1024**2} MiB"
        if status.st_size > left:
            return f"the files before it have {(FOLDER_MAX - left) // 1024**2} MiB already, so it is not read"
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(FILE_MAX + 1)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    finally:
        os.close(handle)


def _distrust(status: os.stat_result) -> str | None:
    if status.st_uid not in (os.geteuid(), 0):
        return "belongs to another user, so it does not count"
    if status.st_mode & stat.S_IWOTH:
        return "can be written by everybody, so it does not count; take that right away (chmod o-w)"
    return None


def _shown(name: str) -> str:
    return printable(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _fault(file: str, reason: str) -> CatalogFault:
    return CatalogFault(file=file, pointer="", reason=reason)
