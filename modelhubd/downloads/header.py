"""The header of a GGUF file at its origin, over ranges. Lives in the loop of the worker process.

The same rules as for a download: every address is judged before it is resolved and when it is dialled, that
of a redirect too; a token goes to its own origin alone. At most 32 MiB are asked for.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from modelhubd.downloads.connection import Exchange, Wire
from modelhubd.downloads.credentials import CredentialsRefused, authorization
from modelhubd.downloads.lane import EnoughRead
from modelhubd.downloads.messages import Dialled, HeaderRead, Look, Looked, ReadHeader, Report
from modelhubd.downloads.mirror import Mirror
from modelhubd.downloads.plan import (
    Fault,
    Follow,
    Head,
    Meaning,
    Take,
    TransferEnded,
    Wanted,
    passing,
    permanent,
    read_head,
)
from modelhubd.downloads.proxies import proxy_for
from modelhubd.errors import BadModelFile
from modelhubd.formats import NeedMoreBytes
from modelhubd.formats.gguf import read_gguf
from modelhubd.trust.urls import fault_in_url, origin_of, origins_of

FIRST_BYTES = 1 << 20
GROWTH = 4
MOST_BYTES = 32 << 20
WITHIN_S = 60.0
BUFFER_BYTES = 64 * 1024


class HeaderTransfer:
    """Asks for what `order` names and tells `send`. The worker's loop calls it as it calls a `Transfer`."""

    def __init__(self, order: ReadHeader | Look, wire: Wire, send: Callable[[Report], None]) -> None:
        self.order = order
        self._wire = wire
        self._send = send
        self._allowed = frozenset(order.allow_origins)
        self._trusted = origins_of(order.allow_origins)
        self._data = bytearray()
        self._size = order.size
        self._asked_to = 0
        self._hops = 0
        self._mirror: Mirror | None = None
        self._exchange: Exchange | None = None
        self._meaning: Meaning | None = None
        self._read: HeaderRead | Looked | None = None
        self._until = time.monotonic() + WITHIN_S

    @property
    def first_bytes(self) -> int:
        """How many to ask for first."""
        return FIRST_BYTES

    def begin(self) -> None:
        """Raises TransferEnded for an address that is not fetched from."""
        if (reason := fault_in_url(self.order.url, self._allowed)) is not None:
            raise TransferEnded(
                permanent("forbidden_url", f"The catalog names a URL that is not fetched: {reason}.")
            )
        self._mirror = Mirror(self.order.url, self._allowed)
        self._ask(self.first_bytes)

    def step(self, now: float) -> HeaderRead | Looked | None:
        """The facts once they are there. Raises TransferEnded when the origin is too slow."""
        if self._exchange is not None and (fault := self._exchange.check_pace(now)) is not None:
            raise TransferEnded(fault)
        if now > self._until:
            raise TransferEnded(Fault(code="timeout", detail="The origin is too slow.", passing=True))
        return self._read

    def holds(self, exchange: Exchange) -> bool:
        return exchange is self._exchange

    def ended(self, exchange: Exchange, _now: float) -> None:
        """The request is through: follow, parse, or ask for more."""
        assert self._mirror is not None
        asked, meaning, self._exchange = self._mirror.at, self._meaning, None
        if isinstance(exchange.error, TransferEnded):
            raise exchange.error
        if exchange.error is not None and not isinstance(exchange.error, EnoughRead):
            raise exchange.error
        match meaning:
            case Follow(location):
                if (fault := self._mirror.follow(asked, location, self._hops)) is not None:
                    raise TransferEnded(fault)
                self._hops += 1
                self._ask(self._asked_to)
            case Take():
                self._parse()
            case Fault():
                raise TransferEnded(meaning)
            case _:
                raise TransferEnded(passing("The origin does not serve parts of this file."))

    def unpause(self, _now: float) -> float | None:
        """It is never held back: what it asks for is little."""
        return None

    def close(self, last: Report) -> None:
        """Let go of everything, then tell `last`."""
        if self._exchange is not None:
            self._wire.drop(self._exchange)
            self._exchange = None
        self._data.clear()
        self._send(last)

    def _parse(self) -> None:
        if self._size is None:
            raise TransferEnded(passing("The origin does not say how large the file is."))
        try:
            facts = read_gguf(bytes(self._data), self._size)
        except BadModelFile as bad:
            raise TransferEnded(permanent("wrong_content", f"The file cannot be used: {bad}.")) from bad
        except NeedMoreBytes as need:
            if len(self._data) < self._asked_to:
                raise TransferEnded(passing("The connection ended before the header did.")) from need
            if need.wanted > MOST_BYTES:
                text = f"Its header is longer than {MOST_BYTES >> 20} MiB."
                raise TransferEnded(permanent("wrong_content", text)) from need
            self._hops = 0
            self._ask(max(need.wanted, GROWTH * self._asked_to))
            return
        self._read = HeaderRead(transfer=self.order.transfer, facts=facts)

    def _ask(self, wanted: int) -> None:
        assert self._mirror is not None
        mirror = self._mirror
        end = min(wanted, MOST_BYTES, self._size or MOST_BYTES)
        self._asked_to, self._meaning = end, None
        try:
            known = authorization(mirror.at, self._wire.environ, self.order.config_dir)
        except CredentialsRefused as refused:
            raise TransferEnded(Fault(code="http_error", detail=refused.detail, passing=True)) from refused
        fields = {"Accept": "*/*", "Accept-Encoding": "identity"}
        fields["Range"] = f"bytes={len(self._data)}-{end - 1}"
        if mirror.etag is not None:
            fields["If-Range"] = mirror.etag
        if known is not None:
            fields["Authorization"] = known
        self._exchange = Exchange(
            mirror.at,
            fields,
            proxy=proxy_for(mirror.at, self._wire.environ),
            limits=self.order.limits,
            any_address=origin_of(mirror.at) in self._trusted,
            buffer_bytes=BUFFER_BYTES,
            on_head=self._read_head,
            on_body=self._take,
            dialled=lambda: self._send(Dialled(transfer=self.order.transfer, host=mirror.host)),
        )
        self._wire.ask(self._exchange)

    def _read_head(self, head: Head) -> None:
        assert self._mirror is not None
        at = len(self._data)
        wanted = Wanted(at, self._mirror.etag, self._size, self._asked_to)
        self._meaning = read_head(head, wanted, datetime.now(UTC))
        if isinstance(self._meaning, Take) and self._meaning.offset != at:
            self._meaning = None  # the whole file, from its beginning, where its rest was asked for
        if not isinstance(self._meaning, Take):
            raise EnoughRead
        self._mirror.etag = self._meaning.etag
        self._size = self._meaning.total if self._size is None else self._size

    def _take(self, data: bytes) -> bool:
        assert self._exchange is not None
        left = self._asked_to - len(self._data)
        self._data += data[:left]
        self._exchange.body_bytes += len(data)
        if len(data) >= left:
            raise EnoughRead
        return True
