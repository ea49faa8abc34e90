"""What the fake origin serves: described files, how each answer differs from a plain one, how fast it is."""

import functools
import hashlib
import random
import threading
import time
from typing import Any, TypedDict

CHUNK = 64 * 1024
LARGE = 8 << 20


class Step(TypedDict, total=False):
    """What differs from a plain answer."""

    status: int
    fields: dict[str, str]
    """Header fields to add or, where empty, to leave out."""
    cut_after: int
    """Close the connection after so many body bytes."""
    cut_within: int
    """Close it after fewer body bytes than that, as chance has it."""
    reset: bool
    """Close it with RST."""
    stall_after: int
    """Send nothing more after so many body bytes."""
    rate: int
    """Bytes per second."""
    ranges: bool
    seed: int
    size: int
    etag: str
    chunked: bool
    close: bool
    """Neither length nor chunks: the end of the connection is the end of the body."""
    prefix: str
    """Text that takes the place of the first bytes."""
    wrong: list[int]
    """`[start, end)`: where the file's bytes are other ones."""
    endless_fields: bool
    endless_body: bool
    garbage: bool
    """Answer something that is not HTTP."""
    no_answer: bool
    """Read the request, close the connection."""
    silent: bool
    """Read the request, never answer."""


class Rule(Step, total=False):
    """Differs so only where all of these hold; of several that do, the later ones decide."""

    when: list[int]
    """`[start, end)`: the first byte asked for lies there."""
    nth: int
    """The nth request for this file, from 1."""
    every: int
    """Requests on every nth connection that asks for this file."""
    after_bytes: int
    """Once so many body bytes of this file have left."""
    times: int
    """So many requests at most."""


class Described(TypedDict, total=False):
    size: int
    seed: int
    etag: str
    content_type: str
    steps: list[Step]
    """One per request; the last one holds for all later ones."""
    rules: list[Rule]
    """Come on top of the steps."""
    total_rate: int
    """Bytes per second of all answers together."""
    pace: str
    """Files of the same pace share that rate."""
    most: int
    """So many answers at once; what is asked beyond that is answered `beyond`."""
    beyond: Step


@functools.lru_cache(maxsize=8)
def body(seed: int, size: int) -> bytes:
    """The bytes of a described file. They begin as a GGUF file does, and no two parts of it are alike."""
    return (b"GGUF" + hashlib.shake_128(b"%d" % seed).digest(max(size - 4, 0)))[:size]


@functools.lru_cache(maxsize=8)
def sha256(seed: int, size: int) -> str:
    return hashlib.sha256(body(seed, size)).hexdigest()


@functools.lru_cache(maxsize=4)
def spoiled(seed: int, size: int, start: int, end: int) -> bytes:
    """The same with other bytes from `start` to `end`."""
    data = body(seed, size)
    return data[:start] + bytes(byte ^ 0xFF for byte in data[start:end]) + data[end:]


class Pacer:
    """Shares a rate among whoever sends."""

    def __init__(self, rate: int) -> None:
        self.piece = max(min(CHUNK, rate // 100), 1)
        self._rate = rate
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self, count: int) -> None:
        """Return when so many bytes may leave."""
        with self._lock:
            at = max(self._next, time.monotonic() - 0.02)
            self._next = at + count / self._rate
        if (early := at - time.monotonic()) > 0:
            time.sleep(early)


class File:
    """A described file and what was asked of it. Its owner holds a lock around `take` and `let_go`."""

    def __init__(self, described: Described, pacers: dict[tuple[str, int], Pacer]) -> None:
        self.described = described
        self.pacer: Pacer | None = None
        if rate := described.get("total_rate"):
            self.pacer = Pacer(rate)
            if pace := described.get("pace"):
                self.pacer = pacers.setdefault((pace, rate), self.pacer)
        self.sent = 0
        if (size := described.get("size", 0)) >= LARGE:
            body(described.get("seed", 1), size)  # once, before many ask at once
        self._requests = 0
        self._connections: dict[Any, int] = {}
        self._applied: dict[int, int] = {}
        self._together = 0

    def take(self, connection: Any, first: int) -> tuple[Step, int]:
        """How to answer a request, on that connection, whose first byte is that; and how many are answered
        at once with it."""
        self._requests += 1
        self._together += 1
        place = self._connections.setdefault(connection, len(self._connections) + 1)
        steps = self.described.get("steps") or [{}]
        step: dict[str, Any] = dict(steps[min(self._requests, len(steps)) - 1])
        for number, rule in enumerate(self.described.get("rules", ())):
            if self._holds(rule, place, first) and self._applied.get(number, 0) < rule.get("times", 1 << 60):
                self._applied[number] = self._applied.get(number, 0) + 1
                step.update(rule)
        if self._together > self.described.get("most", 1 << 60):
            step = dict(self.described.get("beyond", {"status": 503}))
        if "cut_within" in step:
            step["cut_after"] = random.Random(self._requests).randrange(step["cut_within"])
        found: Any = step
        return found, self._together

    def let_go(self) -> None:
        self._together -= 1

    def _holds(self, rule: Rule, place: int, first: int) -> bool:
        start, end = rule.get("when", (0, 1 << 60))
        return (
            start <= first < end
            and rule.get("nth", self._requests) == self._requests
            and place % rule.get("every", 1) == 0
            and self.sent >= rule.get("after_bytes", 0)
        )
