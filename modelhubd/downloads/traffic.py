"""What all transfers of the worker share: rate limits and the number of connections."""

from collections import Counter

from modelhubd.downloads.messages import Rates
from modelhubd.downloads.rate import Bucket, buffer_bytes

BUFFERED = 32 << 20
"""Bytes that wait to be written, of all connections together."""
MOST_BLOCK = 1 << 20
BYTES_PER_CONNECTION = 256 * 1024
"""A limited download has a connection for each so many bytes per second: more would only fill buffers."""


class Traffic:
    def __init__(self, now: float) -> None:
        self._rates = Rates()
        self._all = Bucket(None, now)
        self._each: dict[str, Bucket] = {}
        self._open: Counter[str] = Counter()
        self.limited = False
        """Whether anything may have to wait; where not, nobody needs to ask."""
        self.block_bytes = MOST_BLOCK
        """So much is written at once."""

    def change(self, rates: Rates, now: float) -> None:
        """At once in force."""
        self._rates = rates
        self._all.change(rates.max_bytes_per_s, now)
        for download in self._each.keys() - rates.downloads.keys():
            del self._each[download]
        for download, rate in rates.downloads.items():
            self._each.setdefault(download, Bucket(None, now)).change(rate, now)
        self.limited = self._all.rate is not None or bool(self._each)

    def wait_s(self, download: str, now: float) -> float:
        """Seconds until this download may take something; 0.0 for now."""
        own = self._each.get(download)
        return max(self._all.wait_s(now), own.wait_s(now) if own is not None else 0.0)

    def may_take(self, download: str, count: int, now: float) -> bool:
        """Take so many bytes now, or none."""
        if self.wait_s(download, now) > 0:
            return False
        self._all.take(count)
        if (own := self._each.get(download)) is not None:
            own.take(count)
        return True

    def most_connections(self, download: str) -> int:
        """How many this download may have in all."""
        rate = self._rate(download)
        most = self._rates.connections
        return most if rate is None else max(1, min(most, rate // BYTES_PER_CONNECTION))

    def has_room(self, download: str) -> bool:
        """Whether this download may open another connection."""
        return self._open[download] < self.most_connections(download)

    def opened(self, download: str, count: int = 1) -> None:
        """So many more; less than none where they are closed."""
        self._open[download] += count
        if not self._open[download]:
            del self._open[download]
        self.block_bytes = min(MOST_BLOCK, BUFFERED // max(self._open.total(), 1))

    def buffer_bytes(self, download: str) -> int:
        """How much one reading may bring."""
        return buffer_bytes(self._rate(download))

    def _rate(self, download: str) -> int | None:
        own = self._each.get(download)
        rates = [rate for rate in (self._all.rate, own.rate if own is not None else None) if rate is not None]
        return min(rates, default=None)
