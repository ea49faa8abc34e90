"""Reads an installed file to its end, a piece at a time, and hashes what it reads. Blocking."""

import hashlib
import os
import stat
from pathlib import Path

from msgspec import Struct

from modelhubd.library.pieces import PIECE_BYTES, piece_digest
from modelhubd.library.states import Trace
from modelhubd.storage.confined import ConfinedRoot, UnsafePath, identity_of

BLOCK = 1 << 20
_forget = getattr(os, "posix_fadvise", None)


class Outcome(Struct, frozen=True, kw_only=True):
    """What a reading found. `sha256` and `pieces` are None where they were not asked for."""

    size_bytes: int
    mtime_ns: int
    trace: Trace
    sha256: str | None
    pieces: bytes | None
    steady: bool
    """Whether nobody wrote to the file meanwhile."""


class Examination:
    """Use as a context. `step` until it answers 0, then ask for the `outcome`.

    With `first_piece` it begins there, and only pieces can be asked for. With `aside` what was read does not
    stay in the system's cache, where it would push out what others need.

    Raises:
        OSError: it cannot be read.
    """

    def __init__(
        self,
        root: ConfinedRoot,
        path: str,
        *,
        whole: bool,
        pieces: bool,
        first_piece: int = 0,
        aside: bool = False,
    ) -> None:
        self._root = root
        self._path = path
        self._fd = open_file(root, path)
        self._before = os.fstat(self._fd)
        self._at = first_piece * PIECE_BYTES
        self._sha256 = hashlib.sha256() if whole else None
        self._pieces = bytearray() if pieces else None
        self._aside = aside
        self._buffer = bytearray(PIECE_BYTES if pieces else BLOCK)

    def __enter__(self) -> "Examination":
        return self

    def __exit__(self, *_: object) -> None:
        self.rest()

    def rest(self) -> None:
        """Let go of the file until the next step: its drive can be unmounted meanwhile."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def pieces(self) -> bytes:
        """Digests of the pieces read so far."""
        return bytes(self._pieces or b"")

    def step(self) -> int:
        """Read on; how many bytes that was, 0 at the end."""
        if self._fd < 0:
            self._fd = open_file(self._root, self._path)
        view = memoryview(self._buffer)
        filled = 0
        while filled < len(view):
            count = os.preadv(self._fd, [view[filled : filled + BLOCK]], self._at + filled)
            if not count:
                break
            if self._sha256 is not None:
                self._sha256.update(view[filled : filled + count])
            filled += count
        if filled and self._pieces is not None:
            self._pieces += piece_digest(view[:filled])
        if filled and self._aside and _forget is not None:
            _forget(self._fd, self._at, filled, os.POSIX_FADV_DONTNEED)
        self._at += filled
        return filled

    def outcome(self) -> Outcome:
        """What was found, once `step` has answered 0."""
        now = os.fstat(self._fd)
        return Outcome(
            size_bytes=self._at,
            mtime_ns=now.st_mtime_ns,
            trace=trace_of(now),
            sha256=None if self._sha256 is None else self._sha256.hexdigest(),
            pieces=None if self._pieces is None else bytes(self._pieces),
            steady=identity_of(now) == identity_of(self._before) and now.st_size == self._at,
        )


def open_file(root: ConfinedRoot, path: str) -> int:
    """A descriptor of a regular file beneath `root`, or of one whose `path` is absolute; no link is followed.

    Raises:
        OSError
    """
    if not path.startswith("/"):
        return root.open(path)
    fd = os.open(Path(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise UnsafePath(Path(path).name, "it is not a regular file")
    return fd


def trace_of(facts: os.stat_result) -> Trace:
    return Trace(facts.st_ino, facts.st_ctime_ns, facts.st_nlink)
