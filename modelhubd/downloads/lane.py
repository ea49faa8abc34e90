"""One request under way: a piece of the file, from one mirror."""

import time
from collections.abc import Callable

from modelhubd.downloads.connection import Exchange
from modelhubd.downloads.hashed import HashedPartial
from modelhubd.downloads.mirror import Mirror
from modelhubd.downloads.pieces import Piece
from modelhubd.downloads.plan import Head, Meaning, TransferEnded, a_page, looks_like_a_page, size_fault
from modelhubd.downloads.traffic import Traffic


class EnoughRead(Exception):
    """Raised by a callback that wants no more of this answer."""


class Lane:
    def __init__(self, piece: Piece, mirror: Mirror, asked_end: int | None, hops: int = 0) -> None:
        self.piece = piece
        self.mirror = mirror
        self.asked = mirror.at
        self.asked_end = asked_end
        """None: to the end of the file."""
        self.hops = hops
        """Redirects that led to this request."""
        self.exchange: Exchange
        self.head: Head | None = None
        self.meaning: Meaning | None = None
        self.pending = 0
        """Bytes that wait to be written: the last before `piece.at`."""
        self.written_at = time.monotonic()
        self._blocks: list[bytes] = []

    @property
    def shared(self) -> bool:
        """Whether another took over the end of what was asked for."""
        return self.asked_end is not None and self.piece.end < self.asked_end

    def write(self, file: HashedPartial) -> None:
        """Put what waits into the file."""
        self.written_at = time.monotonic()
        if self.pending:
            file.write(self.piece.at - self.pending, self._blocks)
            self.forget()

    def forget(self) -> None:
        """What waits is of no use."""
        self._blocks.clear()
        self.pending = 0

    def reader(self, file: HashedPartial, traffic: Traffic, download: str) -> Callable[[bytes], bool]:
        """What takes the bytes of the answer; it says False where the rate limit has them wait. It is called
        for every 16 KiB, so it does little."""
        piece, blocks = self.piece, self._blocks

        def read(data: bytes) -> bool:
            count = len(data)
            if traffic.limited and not traffic.may_take(download, count, time.monotonic()):
                return False
            self.exchange.body_bytes += count
            at = piece.at + count
            if at >= piece.end or not piece.at:
                self._read_edge(data, file)
                return True
            piece.at = at
            blocks.append(data)
            self.pending += count
            if self.pending >= traffic.block_bytes:
                self.write(file)
            return True

        return read

    def _read_edge(self, data: bytes, file: HashedPartial) -> None:
        """The first bytes of the file, or the last of a piece."""
        piece = self.piece
        if piece.at == 0 and looks_like_a_page(data):
            raise TransferEnded(a_page())
        if piece.at + len(data) > piece.end:
            if not self.shared:
                raise TransferEnded(size_fault(piece.at + len(data), piece.end))
            data = data[: piece.end - piece.at]
        piece.at += len(data)
        self._blocks.append(data)
        self.pending += len(data)
        if piece.at == piece.end:
            self.write(file)
            if self.shared:
                raise EnoughRead
