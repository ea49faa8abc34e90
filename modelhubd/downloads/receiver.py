"""The bytes of one file from the network: who asks which mirror for what, and what the answers mean."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from modelhubd.downloads.connection import Exchange, Wire
from modelhubd.downloads.credentials import CredentialsRefused, authorization
from modelhubd.downloads.hashed import HashedPartial
from modelhubd.downloads.lane import EnoughRead, Lane
from modelhubd.downloads.messages import Began, Dialled, Fetch, Report
from modelhubd.downloads.mirror import Mirror
from modelhubd.downloads.pieces import SEGMENTED_FROM, Pieces
from modelhubd.downloads.plan import (
    AskWhole,
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
    size_fault,
    strong_etag,
)
from modelhubd.downloads.proxies import proxy_for
from modelhubd.downloads.spans import Spans
from modelhubd.downloads.traffic import Traffic
from modelhubd.downloads.width import FIRST, Width, first_for
from modelhubd.trust.urls import fault_in_url, origin_of, origins_of

WRITE_S = 0.1
UNKNOWN = 1 << 62
"""The end of a file whose size nobody has told yet."""
SOME_PROGRESS = 64 * 1024
_TOO_MANY = frozenset({401, 403})
"""What some origins answer to one connection too many."""


class Receiver:
    """Fills `file` with what `order` asks for. What any method raises (TransferEnded, OSError) is the end."""

    def __init__(
        self,
        order: Fetch,
        file: HashedPartial,
        wire: Wire,
        traffic: Traffic,
        send: Callable[[Report], None],
    ) -> None:
        self._order = order
        self._file = file
        self._wire = wire
        self._traffic = traffic
        self._send = send
        self._allowed = frozenset(order.allow_origins)
        self._allowed_normal = origins_of(order.allow_origins)
        self._mirrors = [Mirror(url, self._allowed) for url in order.urls]
        self._lanes: dict[Exchange, Lane] = {}
        self._total = order.total if order.total is not None else order.size
        self._width = Width(most=1, first=first_for(self._total))
        self._in_order = False
        """Started afresh: until the books know, only bytes behind the end of the file may be missing."""
        self._bounded = self._total is not None and self._total >= SEGMENTED_FROM
        """Whether to ask for pieces before an answer has shown that there are any."""
        self._parallel = False
        self._asked_whole = False
        self._began = False
        mixed = order.sha256 is not None and len(order.urls) > 1
        if file.written.total and order.etag is None and not (mixed or order.proven):
            file.restart()  # nothing tells whether the origin still has the same file
            self._in_order = True
        self._pieces = Pieces(UNKNOWN if self._total is None else self._total, file.written)
        if file.written.total:
            self._mirrors[0].etag = order.etag

    @property
    def done(self) -> bool:
        """Every byte is in the file."""
        return self._pieces.done

    @property
    def _received(self) -> int:
        return self._file.written.total + sum(lane.pending for lane in self._lanes.values())

    @property
    def used(self) -> tuple[int, ...]:
        """Places of the mirrors whose bytes are in the file."""
        return tuple(place for place, mirror in enumerate(self._mirrors) if mirror.used)

    def judge_addresses(self) -> None:
        """Leave out what this daemon does not fetch from."""
        for mirror in self._mirrors:
            reason = fault_in_url(mirror.url, self._allowed)
            if reason is not None:
                mirror.fault = permanent(
                    "forbidden_url", f"The catalog names a URL that is not fetched: {reason}."
                )
        self._go_on_without(None)

    def step(self, now: float) -> None:
        """Whatever is due."""
        for lane in list(self._lanes.values()):
            if (fault := lane.exchange.check_pace(now)) is not None:
                self._take_away(lane)
                self._lost(lane, fault, now)
            elif lane.pending and now - lane.written_at >= WRITE_S:
                lane.write(self._file)
        if not self._pieces.done:
            self._replace_slow(now)
            self._fill(now)
            self._width.measure(now, self._received, len(self._lanes))

    def close(self) -> None:
        """Drop every connection; what came is written if it can be."""
        for lane in list(self._lanes.values()):
            try:
                self._take_away(lane)
            except OSError:
                lane.forget()

    def ended(self, exchange: Exchange, now: float) -> None:
        """One of its requests is through."""
        lane = self._lanes[exchange]
        self._take_away(lane)
        error = exchange.error
        if isinstance(error, TransferEnded):
            self._lost(lane, error.fault, now)
            return
        if error is not None and not isinstance(error, EnoughRead):
            raise error
        match lane.meaning:
            case None:
                self._lost(lane, passing("The origin sent no answer."), now)
            case Follow(location):
                if (fault := lane.mirror.follow(lane.asked, location, lane.hops)) is not None:
                    self._pieces.give_back(lane.piece, now)
                    self._leave(lane.mirror, fault)
                else:
                    self._ask(Lane(lane.piece, lane.mirror, lane.asked_end, lane.hops + 1))
            case AskWhole():
                self._pieces.give_back(lane.piece, now)
                self._changed(lane.mirror)
            case Fault() as fault:
                assert lane.head is not None
                if lane.mirror.find_again(lane.head, lane.asked):
                    self._pieces.give_back(lane.piece, now)
                elif lane.head.status in _TOO_MANY and any(
                    other.exchange.body_bytes for other in self._beside(lane)
                ):
                    self._pieces.give_back(lane.piece, now)
                    self._width.refused(len(self._lanes), now)
                else:
                    self._lost(lane, fault, now)
            case Take():
                self._answered(lane, lane.meaning, now)

    def holds(self, exchange: Exchange) -> bool:
        return exchange in self._lanes

    def unpause(self, now: float) -> float | None:
        """Take what had to wait for the rate limit; seconds until there is more, None where none waits."""
        waiting = [lane for lane in self._lanes.values() if lane.exchange.paused]
        for lane in waiting:
            wait_s = self._traffic.wait_s(self._order.download, now)
            if wait_s > 0:
                return wait_s
            # Whoever was served comes last the next time.
            self._lanes[lane.exchange] = self._lanes.pop(lane.exchange)
            if not lane.exchange.go_on():
                self.ended(lane.exchange, now)
        return 0.0 if waiting else None

    # Connections

    def _fill(self, now: float) -> None:
        download = self._order.download
        self._width.most = self._traffic.most_connections(download) if self._parallel else 1
        while len(self._lanes) < self._width.now and (not self._lanes or self._traffic.has_room(download)):
            mirror = self._next_mirror()
            if mirror is None:
                return
            pieces = (self._bounded or self._parallel) and not self._in_order
            piece = self._pieces.claim(self._width.now, now, whole=not pieces)
            if piece is None:
                return
            self._ask(Lane(piece, mirror, piece.end if pieces else None))

    def _next_mirror(self) -> Mirror | None:
        """The first has as many connections as a file begins with; all share the others."""
        usable = [mirror for mirror in self._mirrors if mirror.fault is None]
        counts = {mirror: sum(lane.mirror is mirror for lane in self._lanes.values()) for mirror in usable}
        free = [mirror for mirror in usable if mirror.serves_ranges or not counts[mirror]]
        if not self._parallel or len(self._lanes) < FIRST:
            return usable[0] if usable[0] in free else None
        return min(free, key=counts.__getitem__, default=None)

    def _ask(self, lane: Lane) -> None:
        order, mirror, start = self._order, lane.mirror, lane.piece.at
        try:
            known = authorization(mirror.at, self._wire.environ, order.config_dir)
        except CredentialsRefused as refused:
            self._pieces.give_back(lane.piece, time.monotonic())
            # Said at once where nothing is here yet; what is here is kept until the file is put right.
            begun = self._file.written.total > 0
            self._leave(mirror, Fault(code="http_error", detail=refused.detail, passing=begun))
            return
        fields = {"Accept": "*/*", "Accept-Encoding": "identity"}
        last = "" if lane.asked_end is None else lane.asked_end - 1
        fields["Range"] = f"bytes={start}-{last}"
        if mirror.etag is not None:
            fields["If-Range"] = mirror.etag
        if known is not None:
            fields["Authorization"] = known
        lane.exchange = Exchange(
            mirror.at,
            fields,
            proxy=proxy_for(mirror.at, self._wire.environ),
            limits=order.limits,
            any_address=origin_of(mirror.at) in self._allowed_normal,
            buffer_bytes=self._traffic.buffer_bytes(order.download),
            on_head=lambda head: self._read_head(lane, head),
            on_body=lane.reader(self._file, self._traffic, order.download),
            dialled=lambda: self._send(Dialled(transfer=order.transfer, host=mirror.host)),
        )
        self._lanes[lane.exchange] = lane
        self._traffic.opened(order.download)
        self._wire.ask(lane.exchange)

    def _take_away(self, lane: Lane) -> None:
        """Its request is over; what it brought is written, its piece is still claimed."""
        del self._lanes[lane.exchange]
        self._traffic.opened(self._order.download, -1)
        self._wire.drop(lane.exchange)
        lane.write(self._file)

    def _replace_slow(self, now: float) -> None:
        if len(self._lanes) < 2:
            return
        slow = self._pieces.slow(now)
        for lane in [
            lane for lane in self._lanes.values() if lane.piece in slow and not lane.exchange.paused
        ]:
            self._take_away(lane)
            self._pieces.give_back(lane.piece, now)

    # What answers mean

    def _read_head(self, lane: Lane, head: Head) -> None:
        lane.head = head
        size = self._order.size if self._order.size is not None or not self._parallel else self._total
        wanted = Wanted(lane.piece.at, lane.mirror.etag, size, lane.asked_end)
        lane.meaning = meaning = read_head(head, wanted, datetime.now(UTC))
        if not isinstance(meaning, Take):
            raise EnoughRead
        whole = head.status == 200
        if whole and self._parallel:
            lane.meaning = self._ranges_ignored(lane, head)
            raise EnoughRead
        if not whole and meaning.etag is None and lane.asked_end is not None:
            other = self._without_validator(lane, meaning)
            if other is not None:
                lane.meaning = other
                raise EnoughRead
        afresh = whole and self._file.written.total > 0
        if afresh:
            self._start_afresh()
        if whole:
            self._pieces.whole(lane.piece)
            lane.asked_end = None
        self._learn(lane, meaning, whole, afresh)

    def _learn(self, lane: Lane, meaning: Take, whole: bool, afresh: bool) -> None:
        lane.mirror.answers(meaning.etag, serves_ranges=not whole)
        if meaning.total is not None:
            self._total = meaning.total
            self._pieces.learn_size(meaning.total)
        if not self._began or afresh:
            self._began = True
            self._file.make_room(meaning.total)
            first = lane.mirror is self._mirrors[0]
            self._send(
                Began(
                    transfer=self._order.transfer,
                    afresh=afresh or self._in_order,
                    total=meaning.total,
                    etag=meaning.etag if first else None,
                )
            )
        enough = self._total is not None and self._total >= SEGMENTED_FROM
        self._parallel = (
            enough and not whole and meaning.etag is not None and not self._in_order and self._bounded
        )

    def _without_validator(self, lane: Lane, taken: Take) -> Meaning | None:
        """What to do with a part of a file that does not say of which: nothing can be added to it."""
        if lane.mirror is not self._mirrors[0]:
            return permanent("wrong_content", "A mirror does not say which file it has.")
        if taken.offset > 0:
            return AskWhole()
        if lane.asked_end == taken.total:
            return None
        self._bounded = False  # ask again, for all of it
        return Take(offset=0, length=0, total=None, etag=None)

    def _ranges_ignored(self, lane: Lane, head: Head) -> Meaning:
        """A whole file for an answer where others were parts: it has changed, or this connection leads to a
        server that knows no ranges."""
        etag = strong_etag(head.fields.get("etag"))
        if len(self._lanes) == 1 or (etag is not None and etag != lane.mirror.etag):
            return AskWhole()
        return passing("The origin answers some requests for a part with the whole file.")

    def _answered(self, lane: Lane, taken: Take, now: float) -> None:
        """An answer came whole."""
        piece = lane.piece
        if piece.end == UNKNOWN and self._total is None and lane.exchange.body_bytes:
            self._total = piece.at  # the end of a framed body is the end of the file
            self._pieces.learn_size(piece.at)
        short = piece.left > 0
        self._pieces.give_back(piece, now)
        if not short:
            return
        assert lane.head is not None
        if taken.length is None and self._total is not None:
            fault = (
                size_fault(piece.at, self._total)
                if lane.head.framed
                else passing("The connection ended before the file did.")
            )
            self._fail_or_go_on(lane, fault, now)
        elif not lane.exchange.body_bytes and taken.length != 0:
            self._fail_or_go_on(lane, passing("The origin sent no byte."), now)

    # What goes wrong

    def _lost(self, lane: Lane, fault: Fault, now: float) -> None:
        self._pieces.give_back(lane.piece, now)
        self._fail_or_go_on(lane, fault, now)

    def _fail_or_go_on(self, lane: Lane, fault: Fault, now: float) -> None:
        """A fault of one connection is the file's only where no other is left, to this mirror or another."""
        if not fault.passing or not self._beside(lane):
            self._leave(lane.mirror, fault)
        elif lane.exchange.body_bytes < SOME_PROGRESS:
            self._width.refused(len(self._lanes), now, fault.retry_after_s)

    def _beside(self, lane: Lane) -> list[Lane]:
        """The others that ask the same mirror."""
        return [other for other in self._lanes.values() if other.mirror is lane.mirror]

    def _leave(self, mirror: Mirror, fault: Fault) -> None:
        """Use it no more."""
        mirror.fault = fault
        for lane in [lane for lane in self._lanes.values() if lane.mirror is mirror]:
            self._take_away(lane)
            self._pieces.give_back(lane.piece, time.monotonic())
        self._go_on_without(fault)

    def _go_on_without(self, fault: Fault | None) -> None:
        if any(mirror.fault is None for mirror in self._mirrors):
            return
        faults = [mirror.fault for mirror in self._mirrors if mirror.fault is not None]
        # What may pass is worth waiting for, whatever the others say.
        hopeful = [found for found in faults if found.passing]
        raise TransferEnded(hopeful[0] if hopeful else fault or faults[0])

    def _changed(self, mirror: Mirror) -> None:
        """The file at a mirror is another one than before."""
        changes = permanent("origin_changed", "The origin keeps changing the file. Retry later.")
        if mirror is not self._mirrors[0] or self._asked_whole:
            self._leave(mirror, changes)
            return
        self._asked_whole = True
        for lane in list(self._lanes.values()):
            lane.forget()
            self._take_away(lane)
        self._start_afresh()
        self._pieces = Pieces(
            UNKNOWN if self._order.size is None else self._order.size, Spans()
        )  # what it said of its size was of the file before
        self._total = self._order.size
        self._began = False

    def _start_afresh(self) -> None:
        self._file.restart()
        self._in_order, self._parallel = True, False
        self._mirrors[0].etag = None
