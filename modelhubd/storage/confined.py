"""Files beneath one folder, and never outside it.

Every path is opened one segment at a time from the folder's own descriptor, without following a symbolic
link, so that no name and no planted link leads out. Errors name no path outside the root.
"""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from modelhubd.storage.no_replace import rename_no_replace

_ROOT_UID = 0
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class UnsafePath(OSError):
    """A name that leads out of the root, or something in its way that is no plain file or folder."""

    def __init__(self, relative: str, reason: str) -> None:
        super().__init__(errno.EPERM, reason, relative)
        self.reason = reason


class ConfinedRoot:
    """The one way to touch files beneath `root`. Relative paths are joined by `/`.

    The root is opened anew for each operation: it may sit on a disk that comes and goes. Every method
    raises `UnsafePath` for a name that is not a plain relative path or that meets a symbolic link, and
    `OSError` as the system reports it: `FileNotFoundError` where a file is missing, not where the root is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def present(self) -> bool:
        """Whether the root is there."""
        return self.root.is_dir()

    def free_bytes(self) -> int:
        """What this user may still write beneath the root.

        Raises:
            OSError: it is not there.
        """
        disk = os.statvfs(self.root)
        return disk.f_bavail * disk.f_frsize

    def fault(self) -> str | None:
        """Why files here are not safe from other users of this machine; None where they are."""
        try:
            facts = self.root.stat()
        except OSError:
            return "the folder is not there"
        if facts.st_uid not in (os.geteuid(), _ROOT_UID):
            return "the folder belongs to another user"
        if facts.st_mode & stat.S_IWOTH and not facts.st_mode & stat.S_ISVTX:
            return "other users can write to the folder"
        return None

    def open(self, relative: str, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
        """A descriptor of a regular file, for the caller to close.

        Where `flags` allow writing, a file with a second name (hard link) is refused: its bytes are
        somebody else's too.
        """
        truncate = flags & os.O_TRUNC
        with self._parent(relative) as (parent, name):
            try:
                fd = os.open(
                    name,
                    (flags & ~os.O_TRUNC) | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK,
                    mode,
                    dir_fd=parent,
                )
            except OSError as error:
                raise _explained(error, relative) from None
        try:
            facts = os.fstat(fd)
            if not stat.S_ISREG(facts.st_mode):
                raise UnsafePath(relative, "it is not a regular file")
            if flags & os.O_ACCMODE != os.O_RDONLY and facts.st_nlink > 1:
                raise UnsafePath(relative, "it is a hard link: its bytes have another name too")
            if truncate:
                os.ftruncate(fd, 0)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def make_dirs(self, relative: str) -> None:
        """The folder and those above it, made with mode 0700 where missing."""
        segments = _segments(relative)
        fd = self._open_root()
        for segment in segments:
            fd = _descend(fd, segment, relative, make=True)
        os.close(fd)

    def rename(self, source: str, target: str) -> None:
        """Move a file or folder in one step. The target's folder must exist; nothing is overwritten.

        Raises:
            FileExistsError: something has the target's name already.
        """
        with (
            self._parent(source) as (source_parent, source_name),
            self._parent(target) as (target_parent, target_name),
        ):
            rename_no_replace(source_parent, source_name, target_parent, target_name)

    def link(self, source: str, target: str) -> None:
        """Give a regular file a second name. Nothing is overwritten.

        Raises:
            FileExistsError: something has the target's name already.
        """
        with (
            self._parent(source) as (source_parent, source_name),
            self._parent(target) as (target_parent, target_name),
        ):
            facts = os.stat(source_name, dir_fd=source_parent, follow_symlinks=False)
            if not stat.S_ISREG(facts.st_mode):
                raise UnsafePath(source, "it is not a regular file")
            os.link(
                source_name,
                target_name,
                src_dir_fd=source_parent,
                dst_dir_fd=target_parent,
                follow_symlinks=False,
            )

    def replace(self, source: str, target: str) -> None:
        """Rename a file over another one, in one step: always one of the two is there."""
        with (
            self._parent(source) as (source_parent, source_name),
            self._parent(target) as (target_parent, target_name),
        ):
            os.rename(source_name, target_name, src_dir_fd=source_parent, dst_dir_fd=target_parent)

    def link_from(self, source: Path, target: str) -> None:
        """Give the file `source`, which is outside, a second name here (a hard link); nothing is overwritten.
        A symbolic link in its place is not followed: compare the result with the file that was meant."""
        with self._parent(target) as (parent, name):
            os.link(source, name, dst_dir_fd=parent, follow_symlinks=False)

    def link_across(self, source: str, other: "ConfinedRoot", target: str) -> None:
        """Give a file here a second name beneath another root on the same disk; nothing is overwritten."""
        with self._parent(source) as (parent, name), other._parent(target) as (target_parent, target_name):
            os.link(name, target_name, src_dir_fd=parent, dst_dir_fd=target_parent, follow_symlinks=False)

    def unlink(self, relative: str) -> None:
        """Remove a file, or a symbolic link itself."""
        with self._parent(relative) as (parent, name):
            os.unlink(name, dir_fd=parent)

    def remove_tree(self, relative: str) -> None:
        """Remove a folder and what is in it; links are removed, not followed. A missing one is fine."""
        try:
            with self._parent(relative) as (parent, name):
                facts = os.stat(name, dir_fd=parent, follow_symlinks=False)
                if not stat.S_ISDIR(facts.st_mode):
                    raise UnsafePath(relative, "it is not a folder")
                shutil.rmtree(name, dir_fd=parent)
        except FileNotFoundError:
            return

    def remove_empty_parents(self, relative: str) -> None:
        """Remove the folders above `relative` that are empty, nearest first; never the root."""
        segments = _segments(relative)
        for depth in range(len(segments) - 1, 0, -1):
            try:
                with self._parent("/".join(segments[:depth])) as (parent, name):
                    os.rmdir(name, dir_fd=parent)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    return
                raise

    def stat(self, relative: str) -> os.stat_result:
        """What is at `relative`; a symbolic link is described itself, not followed."""
        with self._parent(relative) as (parent, name):
            return os.stat(name, dir_fd=parent, follow_symlinks=False)

    def exists(self, relative: str) -> bool:
        """Whether anything, a dangling link too, is at `relative`."""
        try:
            self.stat(relative)
        except FileNotFoundError:
            return False
        return True

    def names(self, relative: str) -> list[str]:
        """What is directly in the folder, in order; names that are not UTF-8 are left out."""
        return [path.rpartition("/")[2] for path, _ in self._list(relative)]

    def walk(self, relative: str = "") -> Iterator[tuple[str, os.stat_result]]:
        """Everything beneath but folders: (path relative to the root, its facts), in order of name.

        Links are reported (`S_ISLNK`, `st_nlink`), never followed. What vanishes meanwhile, cannot be
        entered or has a name that is not UTF-8 is left out.
        """
        pending = [relative]
        while pending:
            folder = pending.pop()
            try:
                listed = self._list(folder)
            except OSError:
                if folder == relative:
                    raise
                continue
            below = []
            for path, facts in listed:
                if stat.S_ISDIR(facts.st_mode):
                    below.append(path)
                else:
                    yield path, facts
            pending.extend(reversed(below))

    def listing(self, relative: str = "") -> list[tuple[str, os.stat_result]]:
        """What is directly in the folder, as `walk` reports it, and its folders too."""
        return self._list(relative)

    def _list(self, folder: str) -> list[tuple[str, os.stat_result]]:
        found = []
        fd = self._open_directory(folder)
        try:
            with os.scandir(fd) as entries:
                names = sorted(entry.name for entry in entries)
            for name in names:
                with contextlib.suppress(FileNotFoundError, UnicodeEncodeError):
                    name.encode()
                    facts = os.stat(name, dir_fd=fd, follow_symlinks=False)
                    found.append((f"{folder}/{name}" if folder else name, facts))
        finally:
            os.close(fd)
        return found

    def fsync_dir(self, relative: str = "") -> None:
        """Make the names in a folder survive a power loss; the root where `relative` is empty."""
        fd = self._open_directory(relative)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _open_root(self) -> int:
        try:
            return os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            # A drive that is away is not a file that was deleted.
            raise OSError(errno.ENODEV, "the folder is not there") from None
        except OSError as error:
            raise OSError(error.errno, "the folder cannot be opened") from None

    def pinned(self) -> "ConfinedRoot":
        """The same as long as the root is the very folder that it is now. Where its drive is unplugged, what
        is left is the mount point, an empty folder of another disk: every method that opens it raises
        `OSError` (ENODEV) then, so that nothing is taken for deleted or written to the wrong disk.

        Raises:
            OSError: it is not there.
        """
        fd = self._open_root()
        try:
            return _Pinned(self.root, _place(fd))
        finally:
            os.close(fd)

    def _open_directory(self, relative: str) -> int:
        segments = _segments(relative) if relative else []
        fd = self._open_root()
        for segment in segments:
            fd = _descend(fd, segment, relative)
        return fd

    @contextlib.contextmanager
    def _parent(self, relative: str) -> Iterator[tuple[int, str]]:
        *above, name = _segments(relative)
        fd = self._open_directory("/".join(above))
        try:
            yield fd, name
        finally:
            os.close(fd)


class _Pinned(ConfinedRoot):
    def __init__(self, root: Path, place: tuple[int, int]) -> None:
        super().__init__(root)
        self._place = place

    def _open_root(self) -> int:
        fd = super()._open_root()
        if _place(fd) != self._place:
            os.close(fd)
            raise OSError(errno.ENODEV, "the folder's drive is away")
        return fd


def _place(fd: int) -> tuple[int, int]:
    facts = os.fstat(fd)
    return facts.st_dev, facts.st_ino


def identity_of(facts: os.stat_result) -> str:
    """Which file one is, and in which state, as text."""
    return f"{facts.st_ino}:{facts.st_mtime_ns}:{facts.st_size}"


def _segments(relative: str) -> list[str]:
    segments = relative.split("/")
    if any(segment in ("", ".", "..") or "\0" in segment or "\\" in segment for segment in segments):
        raise UnsafePath(relative.replace("\0", ""), "it is not a plain relative path")
    return segments


def _descend(fd: int, segment: str, relative: str, *, make: bool = False) -> int:
    """The folder `segment` of `fd`, which is closed."""
    try:
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(segment, 0o700, dir_fd=fd)
        return os.open(segment, _DIRECTORY, dir_fd=fd)
    except OSError as error:
        raise _explained(error, relative) from None
    finally:
        os.close(fd)


def _explained(error: OSError, relative: str) -> OSError:
    if error.errno in (errno.ELOOP, errno.EMLINK):
        return UnsafePath(relative, "a symbolic link is in the way")
    if error.errno == errno.ENOTDIR:
        return UnsafePath(relative, "a file or a symbolic link is where a folder should be")
    return OSError(error.errno, os.strerror(error.errno or 0), relative)
