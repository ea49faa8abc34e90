"""How fast bytes may come: a token bucket. Pure but for the moment that is handed in."""

BURST_S = 0.1
LEAST_BUFFER, MOST_BUFFER = 1024, 256 * 1024


class Bucket:
    """Lets through `rate` bytes per second (None: any number).

    It may be overdrawn by one taking; the debt is paid back before the next. So a series of takings keeps
    the rate to within its largest one, whatever their sizes.
    """

    def __init__(self, rate: int | None, now: float) -> None:
        self._rate = rate
        self._tokens = 0.0
        self._filled_at = now

    @property
    def rate(self) -> int | None:
        return self._rate

    def change(self, rate: int | None, now: float) -> None:
        """Another rate from now on. Neither credit nor debt of the old one is carried over."""
        if rate != self._rate:
            self._rate = rate
            self._tokens = 0.0
            self._filled_at = now

    def wait_s(self, now: float) -> float:
        """Seconds until something may be taken; 0.0 for now."""
        if self._rate is None:
            return 0.0
        self._tokens = min(self._tokens + (now - self._filled_at) * self._rate, self._rate * BURST_S)
        self._filled_at = now
        return max(-self._tokens / self._rate, 0.0)

    def take(self, count: int) -> None:
        if self._rate is not None:
            self._tokens -= count


def buffer_bytes(rate: int | None) -> int:
    """How much one reading may bring at a rate: a fiftieth of a second's worth."""
    if rate is None:
        return MOST_BUFFER
    return max(LEAST_BUFFER, min(rate // 50, MOST_BUFFER))
