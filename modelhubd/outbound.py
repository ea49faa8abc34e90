"""What the daemon has ever connected to: nothing leaves the machine without standing here."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import msgspec

from modelhubd.wire.base import rfc3339
from modelhubd.wire.status import Outbound

MOST = 10_000
"""Hosts that have a line each; further ones share one for each purpose."""
OTHERS = "others"
Key = tuple[str, str]


class OutboundLog:
    """Counts connections by host and purpose. `on_new` is called when one stands here for the first time."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._found: dict[Key, Outbound] = {}
        self._changed: set[Key] = set()
        self.on_new: Callable[[], None] = lambda: None

    def note(self, host: str, purpose: str) -> None:
        """One connection to `host` (name and port) for `purpose`, such as `download`."""
        if (host, purpose) not in self._found and len(self._found) >= MOST:
            host = OTHERS
        key, now = (host, purpose), rfc3339(self._clock())
        known = self._found.get(key)
        if known is None:
            known = Outbound(host=host, purpose=purpose, connections=0, first_at=now)
        self._found[key] = msgspec.structs.replace(known, connections=known.connections + 1, last_at=now)
        self._changed.add(key)
        if known.connections == 0:
            self.on_new()

    def recall(self, earlier: Iterable[Outbound]) -> None:
        """Add what was counted before this start."""
        for one in earlier:
            key = (one.host, one.purpose)
            now = self._found.get(key)
            if now is not None:
                one = msgspec.structs.replace(
                    one, connections=one.connections + now.connections, last_at=now.last_at
                )
            self._found[key] = one

    def changes(self) -> tuple[Outbound, ...]:
        """Those that have been counted since this was asked last."""
        found = tuple(self._found[key] for key in sorted(self._changed))
        self._changed.clear()
        return found

    def again(self, unkept: Iterable[Outbound]) -> None:
        """These count as changed still."""
        self._changed.update((one.host, one.purpose) for one in unkept)

    def all(self) -> tuple[Outbound, ...]:
        """By host and purpose."""
        return tuple(self._found[key] for key in sorted(self._found))
