"""What the daemon has connected to: nothing leaves the machine without standing here."""

from collections import Counter

from modelhubd.wire.status import Outbound


class OutboundLog:
    """Counts connections by host and purpose since the start."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def note(self, host: str, purpose: str) -> None:
        """One connection to `host` (name and port) for `purpose`, such as `download`."""
        self._counts[host, purpose] += 1

    def all(self) -> tuple[Outbound, ...]:
        return tuple(
            Outbound(host=host, purpose=purpose, connections=count)
            for (host, purpose), count in sorted(self._counts.items())
        )
