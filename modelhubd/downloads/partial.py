"""A partial file: one writer, spans that grow, and a thread that makes them durable."""

import fcntl
import os
import threading
import time
from collections.abc import Iterable, Sequence

from modelhubd.downloads.messages import Limits
from modelhubd.downloads.plan import Fault, TransferEnded, permanent, storage_fault
from modelhubd.downloads.spans import Span, Spans
from modelhubd.storage.confined import ConfinedRoot

LOOK_S = 1.0
MOST_VECTORS = 512

_sync_data = getattr(os, "fdatasync", os.fsync)


class Partial:
    """Opened, locked and trimmed to what can be trusted. One thread writes; any one may close it.

    Raises:
        TransferEnded: another process writes to it.
        OSError: as the system says.
    """

    def __init__(
        self,
        root: ConfinedRoot,
        relative: str,
        have: Iterable[Span],
        synced: Iterable[Span],
        limits: Limits,
    ) -> None:
        self._root = root
        self._relative = relative
        self._limits = limits
        self.fd = root.open(relative, os.O_RDWR | os.O_CREAT)
        try:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TransferEnded(
                    Fault(
                        code="storage_offline",
                        detail="Another process still writes to the file.",
                        passing=True,
                    )
                ) from None
            facts = os.fstat(self.fd)
            self._inode = (facts.st_dev, facts.st_ino)
            self.written = Spans(have).within(facts.st_size)
            self.synced = Spans(synced).within(facts.st_size)
            self._looked_at = time.monotonic()
            self._error: OSError | None = None
            self._changed = threading.Condition()
            self._closing = False
            self._finishing = False
            self.finished = False
            """Every byte and the file's size are on the disk."""
            self._restarted = False
            self._reserve_bytes: int | None = None  # to be left alone by a file of unknown size
            self._syncer = threading.Thread(target=self._sync, name="sync", daemon=True)
            self._syncer.start()
        except BaseException:
            os.close(self.fd)
            raise

    def close(self, *, keep_all: bool = True) -> None:
        """Let go of it, once a sync that is under way is over. Without `keep_all`, as after trouble with the
        disk, only what is surely on it counts."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._syncer.join()
        if not keep_all:
            # A failed sync is told once; the next one would claim that all is well.
            if self._error is None:
                try:
                    _sync_data(self.fd)
                    self.synced = self.written
                except OSError as error:
                    self._error = error
            self.written = self.synced
        os.close(self.fd)

    def make_room(self, total: int | None, reserve_bytes: int) -> None:
        """Give the file its final size, without taking the space yet.

        One that was started afresh keeps no more than it has: until the books know of it they trust bytes
        that are gone, and the length of the file is what tells the next writer.

        Raises:
            TransferEnded: the disk has not enough left.
        """
        self._reserve_bytes = reserve_bytes if total is None else None
        self._check_space(max((total or 0) - self.written.total, 0) + reserve_bytes)
        if total is not None and not self._restarted and os.fstat(self.fd).st_size != total:
            os.ftruncate(self.fd, total)

    def _check_space(self, wanted: int) -> None:
        disk = os.fstatvfs(self.fd)
        if disk.f_bavail * disk.f_frsize < wanted:
            raise TransferEnded(
                permanent(
                    "disk_full",
                    "The disk has not enough space for the rest of the file and the reserve. The partial "
                    "file was removed; free some space, then retry the download.",
                )
            )

    def restart(self) -> None:
        """Forget every byte."""
        with self._changed:
            self.written, self.synced = Spans(), Spans()
        self._restarted = True
        os.ftruncate(self.fd, 0)

    def write(self, at: int, blocks: Sequence[bytes]) -> int:
        """Put them there; how many bytes that was."""
        start = at
        left = list(blocks)
        while left:
            count = os.pwritev(self.fd, left[:MOST_VECTORS], at)
            at += count
            while left and count >= len(left[0]):
                count -= len(left.pop(0))
            if count:
                left[0] = left[0][count:]
        with self._changed:
            self.written.add(start, at)
            if self.written.total - self.synced.total >= self._limits.sync_bytes:
                self._changed.notify_all()
        return at - start

    def end_here(self) -> None:
        """The file ends where nothing more is."""
        if os.fstat(self.fd).st_size != self.written.end:
            os.ftruncate(self.fd, self.written.end)

    def finish(self) -> None:
        """Have every byte and the file's size on the disk; `finished` when that is so."""
        with self._changed:
            self._finishing = True
            self._changed.notify_all()

    def spans(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """(written, of these on the disk)"""
        with self._changed:
            return tuple(self.written), tuple(self.synced)

    def check(self) -> None:
        """Raise what went wrong behind the scenes, such as the directory being gone.

        Raises:
            TransferEnded, OSError
        """
        if self._error is not None:
            raise self._error
        now = time.monotonic()
        if now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        facts = self._root.stat(self._relative)
        if (facts.st_dev, facts.st_ino) != self._inode:
            raise TransferEnded(storage_fault(OSError(0, "the partial file was replaced")))
        if self._reserve_bytes is not None:
            self._check_space(self._reserve_bytes)

    def _sync(self) -> None:
        limits = self._limits
        synced_at = time.monotonic()
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: (
                        self._closing
                        or self._finishing
                        or self.written.total - self.synced.total >= limits.sync_bytes
                    ),
                    timeout=limits.sync_s,
                )
                if self._closing or self.finished:
                    return
                finishing = self._finishing
                snapshot, owner = Spans(self.written), self.written
                waiting = snapshot.total - self.synced.total
            due = time.monotonic() - synced_at >= limits.sync_s
            if not finishing and waiting < limits.sync_bytes and not (waiting and due):
                continue
            try:
                (os.fsync if finishing else _sync_data)(self.fd)
            except OSError as error:
                self._error = error
                return
            synced_at = time.monotonic()
            with self._changed:
                if self.written is owner:  # and not started afresh meanwhile
                    self.synced = snapshot
                self.finished = finishing
