"""What passes the gateway: who waits, who is being answered, and what it has come to."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import TypeVar

from modelhubd.errors import Unavailable
from modelhubd.gateway.usage import Usage
from modelhubd.trust.text import printable

K = TypeVar("K")

RETRY_S = 5.0


class Traffic:
    """Counts requests. At most `max_waiting` may wait for one model at a time, to be loaded or to answer."""

    def __init__(self, max_waiting: int) -> None:
        self._max_waiting = max_waiting
        self.waiting: Counter[str] = Counter()
        """By the name that was asked for."""
        self.answering: Counter[tuple[str, str]] = Counter()
        """Answers that have begun and not ended, by model and server's name."""
        self.answered: Counter[tuple[str, int]] = Counter()
        """Every answer there was, by model (empty where none was reached) and status."""
        self.cut_off: Counter[str] = Counter()
        """Answers that broke off, by model: the server died or was stopped, or the client did not read."""
        self.tokens: Counter[tuple[str, str]] = Counter()
        """By model and kind (`prompt`, `generated`)."""

    @contextlib.contextmanager
    def wait(self, name: str) -> Iterator[None]:
        """Around the time until an answer begins.

        Raises:
            Unavailable: too many wait for this model already.
        """
        if self.waiting[name] >= self._max_waiting:
            raise Unavailable(
                f"{self._max_waiting} requests wait for {printable(name)[:130]} already. Try again later.",
                code="too_many_waiting",
                retry_after_s=RETRY_S,
            )
        with _counted(self.waiting, name):
            yield

    @contextlib.contextmanager
    def answer(self, model: str, server: str, status: int) -> Iterator[None]:
        """Around an answer that has begun."""
        self.answered[model, status] += 1
        with _counted(self.answering, (model, server)):
            yield

    def took(self, model: str, usage: Usage) -> None:
        """An answer has ended and took so many tokens."""
        self.tokens[model, "prompt"] += usage.prompt
        self.tokens[model, "generated"] += usage.generated


@contextlib.contextmanager
def _counted(counter: Counter[K], key: K) -> Iterator[None]:
    counter[key] += 1
    try:
        yield
    finally:
        counter[key] -= 1
        if not counter[key]:
            del counter[key]
