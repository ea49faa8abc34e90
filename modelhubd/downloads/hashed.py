"""A partial file that is hashed as it grows."""

import contextlib
from collections.abc import Sequence

from modelhubd.downloads.messages import Fetch
from modelhubd.downloads.partial import Partial
from modelhubd.downloads.spans import Span, Spans
from modelhubd.downloads.verify import Hasher
from modelhubd.storage.confined import ConfinedRoot


class HashedPartial:
    """Opened with what `order` says can be trusted; that is read and hashed while more comes in.

    Raises:
        TransferEnded: another process writes to it.
        OSError: as the system says.
    """

    def __init__(self, root: ConfinedRoot, order: Fetch) -> None:
        self._partial = Partial(root, order.partial, order.have, order.synced, order.limits)
        self._reserve_bytes = order.reserve_bytes
        self._hasher = Hasher(self._partial.fd)
        self._hasher.advance(self.written.frontier)

    @property
    def written(self) -> Spans:
        return self._partial.written

    @property
    def hashed(self) -> int:
        """Bytes from the beginning that are hashed."""
        return self._hasher.hashed

    @property
    def finished(self) -> bool:
        """Every byte and the file's size are on the disk, after `finish`."""
        return self._partial.finished

    def spans(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """(written, of these on the disk)"""
        return self._partial.spans()

    def make_room(self, total: int | None) -> None:
        """
        Raises:
            TransferEnded: the disk has not enough left.
        """
        self._partial.make_room(total, self._reserve_bytes)

    def write(self, at: int, blocks: Sequence[bytes]) -> None:
        self._partial.write(at, blocks)
        self._hasher.advance(self.written.frontier)

    def restart(self) -> None:
        """Forget every byte."""
        self._hasher.close()
        self._partial.restart()
        self._hasher = Hasher(self._partial.fd)

    def check(self) -> None:
        """Raise what went wrong behind the scenes.

        Raises:
            TransferEnded, OSError
        """
        self._partial.check()

    def finish(self) -> None:
        """No more is written: have it hashed to its end, and on the disk."""
        self._partial.end_here()
        self._partial.finish()

    def digest(self) -> str | None:
        """Hex SHA-256 of all before the frontier; None while it is not ready.

        Raises:
            OSError: it cannot be read back.
        """
        return self._hasher.result()

    def close(self, *, keep_all: bool) -> None:
        """Let go of it. Blocks while a sync is under way."""
        self._hasher.close()
        with contextlib.suppress(OSError):
            self._partial.close(keep_all=keep_all)
