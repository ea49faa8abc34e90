"""How far reading large files has come: one line that changes on a terminal, else a line per ten percent."""

import sys
import time
from collections.abc import Callable

from modelhub_cli import words
from modelhub_cli.output import Output

LEAST = 64 * 1024 * 1024
"""Bytes below which it is over before anybody looks."""
STEP = 10
EVERY_S = 0.2


class Steps:
    """Tells whole tens of percent, each once and never backwards."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._step = 0

    def reached(self, share: float) -> None:
        """`share` is 0 to 1."""
        step = min(100, int(share * 100)) // STEP * STEP
        if step > self._step:
            self._step = step
            self._tell(step)


class ReadingProgress:
    """Told of bytes as they are read, says so on stderr."""

    def __init__(self, out: Output, total: int) -> None:
        self._out = out
        self._total = total
        self._done = 0
        self._steps = Steps(lambda step: out.say(f"{step} % read"))
        self._shown_at = 0.0

    def advance(self, count: int) -> None:
        """`count` more bytes have been read."""
        self._done += count
        if self._total < LEAST or self._out.quiet:
            return
        percent = min(100, self._done * 100 // self._total)
        if self._out.draws:
            self._draw(percent)
        else:
            self._steps.reached(self._done / self._total)

    def _draw(self, percent: int) -> None:
        ended = self._done >= self._total
        now = time.monotonic()
        if not ended and now - self._shown_at < EVERY_S:
            return
        self._shown_at = now
        text = f"{percent:3} % of {words.size(self._total)} read"
        sys.stderr.write(f"\r{text}" + ("\r" + " " * len(text) + "\r" if ended else ""))
        sys.stderr.flush()
