"""The bus: tells readers what has changed; never makes a publisher wait.

State events carry a whole new value, are numbered, kept in a ring and can be replayed. Gauges are
latest-wins numbers per resource, never replayed. A reader that falls behind is told so and starts again
from a snapshot. Nothing that must happen depends on an event being seen.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Struct

from modelhubd.errors import TooManyRequests
from modelhubd.wire.events import ALSO, TOPIC_OF_PREFIX, TOPICS

RING = 2048
QUEUE = 256
SUBSCRIBERS = 32


class Event(Struct, frozen=True):
    """A state event, its value encoded once for all readers."""

    seq: int
    type: str
    data: bytes


class Batch(Struct, frozen=True):
    """What a reader gets at a time. `lagged`: events were lost, read a snapshot; `closed`: the end."""

    events: tuple[Event, ...]
    gauges: tuple[tuple[str, bytes], ...]
    lagged: bool
    closed: bool


def topics_of(event_type: str) -> frozenset[str]:
    """The topics that carry this type of event; a type of an unknown prefix is its own topic."""
    prefix = event_type.partition(".")[0]
    return frozenset({TOPIC_OF_PREFIX.get(prefix, prefix), *ALSO.get(event_type, ())})


class Subscription:
    """One reader's queue. Made by `Bus.subscribe`."""

    def __init__(self, topics: frozenset[str]) -> None:
        self.topics = topics
        self._events: deque[Event] = deque()
        self._gauges: dict[tuple[str, str], bytes] = {}
        self._lagged = False
        self._closed = False
        self._wake = asyncio.Event()

    def wants(self, event_type: str) -> bool:
        """Whether one of its topics carries this type."""
        return not self.topics.isdisjoint(topics_of(event_type))

    def offer(self, event: Event, resource: str) -> None:
        """Queue a state event; it takes the place of the resource's pending gauges."""
        if not self.wants(event.type):
            return
        for key in [key for key in self._gauges if key[1] == resource]:
            del self._gauges[key]
        if self._lagged:
            return
        if len(self._events) >= QUEUE:
            self._events.clear()
            self._lagged = True
        else:
            self._events.append(event)
        self._wake.set()

    def offer_gauge(self, event_type: str, resource: str, data: bytes) -> None:
        if self.wants(event_type):
            self._gauges[event_type, resource] = data
            self._wake.set()

    def overtake(self) -> None:
        """What is queued counts no more: the reader shall read a snapshot."""
        self._events.clear()
        self._lagged = True
        self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()

    async def take(self, *, within_s: float, gauges: bool = True) -> Batch:
        """What has gathered, waiting up to `within_s` seconds for the first of it; empty when nothing came.

        With `gauges=False` pending gauges stay and do not end the wait. After a lag none are given: the
        snapshot that is read then is newer.
        """
        try:
            async with asyncio.timeout(within_s):
                while not (self._events or self._lagged or self._closed or (gauges and self._gauges)):
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            pass
        batch = Batch(
            events=tuple(self._events),
            gauges=tuple((key[0], data) for key, data in self._gauges.items())
            if gauges and not self._lagged
            else (),
            lagged=self._lagged,
            closed=self._closed,
        )
        self._events.clear()
        if gauges or self._lagged:
            self._gauges.clear()
        self._lagged = False
        return batch


class Bus:
    """Publishing never waits and never fails. Use from the event loop's thread."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self._seq = 0
        self._ring: deque[Event] = deque(maxlen=RING)
        self._subscriptions: set[Subscription] = set()
        self._observers: list[Callable[[str, str, Any], None]] = []
        self._closed = False

    @property
    def readers(self) -> int:
        """How many there are."""
        return len(self._subscriptions)

    def observe(self, observer: Callable[[str, str, Any], None]) -> None:
        """Have `observer` called with type, resource and value of each state event. It counts and returns; it
        must not fail."""
        self._observers.append(observer)

    @property
    def cursor(self) -> str:
        return f"{self.epoch}-{self._seq}"

    def publish(self, event_type: str, resource: str, value: Any) -> None:
        """Tell that `resource` has the whole new `value`."""
        self._seq += 1
        event = Event(self._seq, event_type, msgspec.json.encode(value))
        self._ring.append(event)
        for subscription in self._subscriptions:
            subscription.offer(event, resource)
        for observer in self._observers:
            observer(event_type, resource, value)

    def overtake(self, topic: str) -> None:
        """More has changed in `topic` at once than can be told one by one: its readers get a snapshot, and no
        cursor of before can be resumed."""
        self._seq += 1
        self._ring.clear()
        for subscription in self._subscriptions:
            if topic in subscription.topics:
                subscription.overtake()

    def gauge(self, event_type: str, resource: str, value: Any) -> None:
        """Tell a passing number; only the latest per resource reaches a reader."""
        if not self._subscriptions:
            return
        data = msgspec.json.encode(value)
        for subscription in self._subscriptions:
            subscription.offer_gauge(event_type, resource, data)

    def subscribe(self, topics: Iterable[str] = TOPICS) -> Subscription:
        """A reader of `topics` from the present `cursor` on; give it back with `unsubscribe`.

        Raises:
            TooManyRequests: 32 readers are there already.
        """
        if len(self._subscriptions) >= SUBSCRIBERS:
            raise TooManyRequests(
                f"{SUBSCRIBERS} event streams are open already. Close one, or share a stream.",
                retry_after_s=5,
            )
        subscription = Subscription(frozenset(topics))
        if self._closed:
            subscription.close()
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)

    def since(self, cursor: str | None) -> tuple[str | None, tuple[Event, ...]]:
        """(None, events after `cursor`), or (why it cannot be resumed, ()).

        The reason is `fresh` (no cursor), `restarted` (another daemon's), `expired` (left the ring) or
        `unknown` (not a cursor, or ahead of us).
        """
        if not cursor:
            return "fresh", ()
        epoch, separator, number = cursor.rpartition("-")
        if not separator or not number.isascii() or not number.isdigit() or len(number) > 18:
            return "unknown", ()
        if epoch != self.epoch:
            return "restarted", ()
        seq = int(number)
        if seq > self._seq:
            return "unknown", ()
        oldest = self._ring[0].seq if self._ring else self._seq + 1
        if seq + 1 < oldest:
            return "expired", ()
        return None, tuple(event for event in self._ring if event.seq > seq)

    def close(self) -> None:
        """End every stream; later subscriptions end at once."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.close()
