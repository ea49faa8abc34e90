"""How many connections a file is fetched over. Pure."""

FIRST = 4
FIRST_OF_LARGE = 8
LARGE_BYTES = 128 << 20
"""On a long line such a file is through before doubling twice has come to anything."""
WORTH_IT = 1.15
MEASURE_S = 0.1
PROBE_AGAIN_S = 3.0
AGAIN_S = 30.0


def first_for(size: int | None) -> int:
    """Over how many connections a file of `size` bytes begins."""
    return FIRST_OF_LARGE if size is not None and size >= LARGE_BYTES else FIRST


class Width:
    """From `first` connections, doubled while that brings 15 % more, up to `most`; halved again where it
    brought nothing, and tried anew after a while or when the rate has fallen by half."""

    def __init__(self, most: int, first: int = FIRST) -> None:
        self.most = most
        self._width = first
        self._rate_before = 0.0
        self._window: tuple[float, int] | None = None
        self._probe_at = 0.0
        self._on_trial = True
        """Whether the last doubling is yet to be judged; the first ones are judged against nothing."""
        self._cap: int | None = None
        self._again_at = 0.0

    @property
    def now(self) -> int:
        wanted = self._width if self._cap is None else min(self._width, self._cap)
        return max(1, min(wanted, self.most))

    def measure(self, now: float, received: int, active: int) -> None:
        """`received` bytes in all at the monotonic moment `now`, over `active` connections."""
        if self._cap is not None and now >= self._again_at:
            self._cap += 1
            self._again_at = now + AGAIN_S
        if active < self.now or self._window is None:
            self._window = (now, received)
            return
        began, before = self._window
        if now - began < MEASURE_S or (self._on_trial and received == before):
            return  # silence judges nothing: some origins let a burst through each second
        rate = (received - before) / (now - began)
        self._window = (now, received)
        if self._on_trial:
            self._judge(rate, now)
        elif self._width < self.most and (now >= self._probe_at or rate < self._rate_before / 2):
            # As after a burst that an origin lets through at first: what was learnt counts no more.
            self._try_more(rate)

    def _judge(self, rate: float, now: float) -> None:
        if rate > self._rate_before * WORTH_IT and self._width < self.most:
            self._try_more(rate)
            return
        if rate <= self._rate_before:
            self._width //= 2
        self._rate_before = max(rate, self._rate_before)
        self._on_trial, self._probe_at = False, now + PROBE_AGAIN_S

    def _try_more(self, rate: float) -> None:
        self._rate_before, self._on_trial = rate, True
        self._width *= 2

    def refused(self, active: int, now: float, for_s: float | None = None) -> None:
        """The origin turned a connection away: no more than the `active` ones, one more after a while."""
        self._cap = max(1, active)
        self._again_at = now + max(for_s or 0.0, AGAIN_S)
