"""Which bytes of a file there are: sorted, disjoint `[start, end)` spans. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

Span = tuple[int, int]


class Spans:
    """A set of byte positions that grows."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._spans: list[Span] = []
        self.total = 0
        for start, end in spans:
            self.add(start, end)

    def add(self, start: int, end: int) -> None:
        """`[start, end)` too; what is known already counts once."""
        if start >= end:
            return
        first = bisect_left(self._spans, start, key=lambda span: span[1])
        last = first
        while last < len(self._spans) and self._spans[last][0] <= end:
            start, end = min(start, self._spans[last][0]), max(end, self._spans[last][1])
            self.total -= self._spans[last][1] - self._spans[last][0]
            last += 1
        self._spans[first:last] = [(start, end)]
        self.total += end - start

    def clear(self) -> None:
        self._spans.clear()
        self.total = 0

    def holes(self, size: int) -> list[Span]:
        """What is missing of a file of that size, in order."""
        found, at = [], 0
        for start, end in self._spans:
            if start >= size:
                break
            if start > at:
                found.append((at, start))
            at = end
        if at < size:
            found.append((at, size))
        return found

    @property
    def frontier(self) -> int:
        """Everything before it is there."""
        return self._spans[0][1] if self._spans and self._spans[0][0] == 0 else 0

    @property
    def end(self) -> int:
        """Nothing from it on is there."""
        return self._spans[-1][1] if self._spans else 0

    def within(self, size: int) -> "Spans":
        """Those before `size`."""
        return Spans((start, min(end, size)) for start, end in self._spans if start < size)

    def __iter__(self) -> Iterator[Span]:
        return iter(tuple(self._spans))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spans) and self._spans == other._spans

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Spans({self._spans})"
