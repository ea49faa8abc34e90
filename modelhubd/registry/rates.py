"""How often one principal may ask: a token bucket each, held by this process."""

from collections import OrderedDict
from collections.abc import Callable

from modelhubd.errors import TooManyRequests

PRINCIPALS_MAX = 10_000
"""Buckets held; the one that was used longest ago is forgotten first."""


class Rates:
    """`per_s` requests a second in the long run, `at_once` after a pause; `clock` gives seconds that only go
    forward."""

    def __init__(self, *, per_s: float, at_once: int, clock: Callable[[], float]) -> None:
        self._per_s = per_s
        self._at_once = float(at_once)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self.refused = 0

    def take(self, principal: str, cost: float = 1.0) -> None:
        """Count a request.

        Raises:
            TooManyRequests: not yet; `retry_after_s` says when.
        """
        now = self._clock()
        left, since = self._buckets.pop(principal, (self._at_once, now))
        left = min(self._at_once, left + (now - since) * self._per_s)
        allowed = left >= cost
        self._buckets[principal] = (left - cost if allowed else left, now)
        while len(self._buckets) > PRINCIPALS_MAX:
            self._buckets.popitem(last=False)
        if not allowed:
            self.refused += 1
            raise TooManyRequests(
                "This token's owner asks too often. Wait as long as Retry-After says.",
                retry_after_s=max(1.0, (cost - left) / self._per_s),
            )
