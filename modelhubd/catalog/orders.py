"""Orders of the catalog's entries, made for putting any set of them in order at once."""

from collections.abc import Iterator, Sequence
from itertools import compress
from operator import itemgetter

TIERS = 8
"""Tiers are less than this."""
_ONLY = tuple(bytes(value == tier for value in range(256)) for tier in range(TIERS))


class Order:
    """The positions of all entries in one order."""

    def __init__(self, positions: Sequence[int]) -> None:
        self.positions = positions
        self._along = itemgetter(*positions) if len(positions) > 1 else tuple

    def select(self, tiers: bytes) -> Iterator[int]:
        """The positions whose tier is not 0: those of the lowest tier first, within a tier in this order."""
        in_order = bytes(self._along(tiers))
        for tier in range(1, TIERS):
            if tier in in_order:
                yield from compress(self.positions, in_order.translate(_ONLY[tier]))
