"""Reads an installed file to its end, a piece at a time, and hashes what it reads. Blocking."""

import hashlib
import os
import stat
from collections import deque
from concurrent.futures import Future
from pathlib import Path

from msgspec import Struct

from modelhubd.library.pieces import PIECE_BYTES, piece_digest
from modelhubd.library.quiet import helpers
from modelhubd.library.states import Trace
from modelhubd.storage.confined import ConfinedRoot, UnsafePath, identity_of

BLOCK = 1 << 20
HELPERS = 2
"""BLAKE2b takes twice as long as SHA-256 where the processor helps with that."""
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
    stay in the system's cache, where it would push out what others need. With `helped` the pieces are hashed
    by threads beside this one, for somebody who waits; their digests are in the `outcome` alone.

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
        helped: bool = False,
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
        self._helpers = helpers(HELPERS) if helped and pieces and self._before.st_size > PIECE_BYTES else None
        self._being_hashed: deque[tuple[bytearray, Future[bytes]]] = deque()

    def __enter__(self) -> "Examination":
        return self

    def __exit__(self, *_: object) -> None:
        if self._helpers is not None:
            self._helpers.shutdown()
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
            if self._helpers is None:
                self._pieces += piece_digest(view[:filled])
            else:
                hashed = self._helpers.submit(piece_digest, view[:filled])
                self._being_hashed.append((self._buffer, hashed))
                self._buffer = self._take() if len(self._being_hashed) > HELPERS else bytearray(PIECE_BYTES)
        if filled and self._aside and _forget is not None:
            _forget(self._fd, self._at, filled, os.POSIX_FADV_DONTNEED)
        self._at += filled
        return filled

    def _take(self) -> bytearray:
        """Keep the digest of the oldest piece that is being hashed; its buffer is free again."""
        buffer, hashed = self._being_hashed.popleft()
        assert self._pieces is not None, "only pieces are hashed beside"
        self._pieces += hashed.result()
        return buffer

    def outcome(self) -> Outcome:
        """What was found, once `step` has answered 0."""
        while self._being_hashed:
            self._take()
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
