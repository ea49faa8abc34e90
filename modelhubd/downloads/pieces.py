"""Which part of a file each connection fetches. Pure.

Pieces are claimed in order and shrink towards the end (guided self-scheduling); what is left at the tail is
taken over from whoever is slowest.
"""

import statistics
from collections.abc import Sequence

from modelhubd.downloads.spans import Span, Spans

MIB = 1 << 20
SEGMENTED_FROM = 8 * MIB
"""A smaller file comes over one connection."""
FIRST = 4 * MIB
LEAST, MOST = 1 * MIB, 16 * MIB
WORTH_S = 0.4
"""A piece is what one connection brings in that time, so that few are far ahead of the frontier."""
LEAST_STOLEN = 64 * 1024
YOUNG_S = 0.5
STEAL_FROM_S = 0.1
"""What will be there sooner is not worth a request."""
SLOW_SHARE = 10
SLOW_AFTER_S = 2.0


class Piece:
    """A claim: `at` moves from `start` to `end`; `end` may come nearer when another takes over the rest."""

    def __init__(self, start: int, end: int, now: float) -> None:
        self.start = start
        self.at = start
        self.end = end
        self.began = now

    @property
    def left(self) -> int:
        return self.end - self.at

    def rate(self, now: float) -> float:
        """Bytes per second since it was claimed."""
        return (self.at - self.start) / max(now - self.began, 1e-3)


class Pieces:
    """The claims on a file of `size` bytes, of which `have` are there."""

    def __init__(self, size: int, have: Spans) -> None:
        self._size = size
        self._holes: list[Span] = have.holes(size)
        self.claimed: list[Piece] = []
        self._rates: list[float] = []

    @property
    def done(self) -> bool:
        return not self._holes and not self.claimed

    @property
    def unclaimed_bytes(self) -> int:
        return sum(end - start for start, end in self._holes)

    def claim(self, width: int, now: float, *, whole: bool = False) -> Piece | None:
        """The next piece for one of `width` connections, all of the first hole with `whole`.

        None: nothing is left that is worth a request of its own.
        """
        if self._holes:
            start, end = self._holes[0]
            size = end - start if whole else self._piece_bytes(width)
            if end - start - size < LEAST_STOLEN:
                size = end - start
            piece = Piece(start, start + size, now)
            self._holes[:1] = [(piece.end, end)] if piece.end < end else []
        else:
            taken = None if whole else self._take_over(now)
            if taken is None:
                return None
            piece = taken
        self.claimed.append(piece)
        return piece

    def give_back(self, piece: Piece, now: float) -> None:
        """A connection is through with it, or gives it up; what it has not fetched is free again."""
        self.claimed.remove(piece)
        if piece.at - piece.start >= LEAST_STOLEN:
            self._rates = [*self._rates[-63:], piece.rate(now)]
        if piece.left > 0:
            self._holes = merged([*self._holes, (piece.at, piece.end)])

    def slow(self, now: float) -> list[Piece]:
        """Claims that come at under a tenth of what is usual here: others should have them."""
        rates = [*self._rates, *(piece.rate(now) for piece in self.claimed)]
        if len(rates) < 3:
            return []
        usual = statistics.median(rates)
        return [
            piece
            for piece in self.claimed
            if now - piece.began >= SLOW_AFTER_S and piece.rate(now) * SLOW_SHARE < usual
        ]

    def _piece_bytes(self, width: int) -> int:
        usual = statistics.median(self._rates) if self._rates else 0.0
        worth = max(FIRST, min(int(usual * WORTH_S), MOST))
        return max(LEAST, min(worth, self.unclaimed_bytes // (2 * width)))

    def whole(self, piece: Piece) -> None:
        """The answer holds the whole file: the piece becomes all of it, and the only one."""
        piece.start, piece.at, piece.end = 0, 0, self._size
        self._holes.clear()

    def learn_size(self, size: int) -> None:
        """The file ends there."""
        self._size = size
        self._holes = [(start, min(end, size)) for start, end in self._holes if start < size]
        for piece in self.claimed:
            piece.end = min(piece.end, size)

    def _take_over(self, now: float) -> Piece | None:
        victim = slowest(self.claimed, statistics.median(self._rates) if self._rates else 0.0, now)
        if victim is None:
            return None
        middle = victim.at + victim.left // 2
        piece = Piece(middle, victim.end, now)
        victim.end = middle
        return piece


def merged(holes: Sequence[Span]) -> list[Span]:
    """In order, and one where they touch."""
    found: list[Span] = []
    for start, end in sorted(holes):
        if found and found[-1][1] == start:
            start = found.pop()[0]
        found.append((start, end))
    return found


def slowest(claimed: Sequence[Piece], usual: float, now: float) -> Piece | None:
    """Whose rest takes longest, if that is long enough to share it. A young claim is thought to come at the
    `usual` rate."""

    def left_s(piece: Piece) -> float:
        rate = piece.rate(now)
        if now - piece.began < YOUNG_S:
            rate = max(rate, usual)
        return piece.left / max(rate, 1.0)

    shared = [piece for piece in claimed if piece.left >= 2 * LEAST_STOLEN and left_s(piece) >= STEAL_FROM_S]
    return max(shared, key=left_s, default=None)
