"""Writes what has ended in batches, off the requests' way. What cannot be written is counted as a gap."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from modelhubd.errors import NotFound, Unavailable
from modelhubd.records import content, store
from modelhubd.records.keeping import Keeping
from modelhubd.records.rows import Kept, Waiting, millis, row_of
from modelhubd.wire.library import Artifact
from modelhubd.wire.records import AuditRule

log = logging.getLogger(__name__)

QUEUE = 4096
"""Exchanges that wait to be written; more are missed."""
QUEUE_BYTES = 64 * 1024 * 1024
"""Content that waits to be written; of more, the records are written without."""
BATCH = 256
GATHER_S = 0.25
RETRY_S = 5.0


class Missing(Struct, kw_only=True):
    """A gap that is being counted."""

    since: int
    until: int
    requests: int
    reason: str


class Writer:
    """`put` is for the request's way, `run` for a task. `artifact` gives an installed option by its id."""

    def __init__(
        self,
        keeping: Keeping,
        *,
        artifact: Callable[[str], Awaitable[Artifact]],
        preview_chars: int,
        clock: Callable[[], datetime],
        written: Callable[[], Awaitable[None]],
    ) -> None:
        self._keeping = keeping
        self._artifact = artifact
        self._preview_chars = preview_chars
        self._clock = clock
        self._written = written
        self._queue: deque[Waiting] = deque()
        self._queue_bytes = 0
        self._gaps: dict[str, Missing] = {}
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()
        self.missed = 0
        """Since the start."""

    def put(self, waiting: Waiting) -> None:
        """Take it over; returns at once."""
        if len(self._queue) >= QUEUE:
            self._miss([waiting], "queue_full")
            return
        self._queue_bytes += _size(waiting)
        self._queue.append(waiting)
        self._wake.set()

    def has_room(self) -> bool:
        """Whether more content may wait."""
        return self._queue_bytes < QUEUE_BYTES

    async def run(self) -> None:
        """Write what comes, until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            try:
                await self.flush()
            except Unavailable as error:
                log.warning("records wait to be written: %s", error)
                await asyncio.sleep(RETRY_S)
                self._wake.set()
            else:
                await self._written()

    async def flush(self) -> None:
        """Write all that waits.

        Raises:
            Unavailable: it cannot be written just now; it goes on waiting.
        """
        async with self._flushing:
            while self._queue or self._gaps:
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                self._queue_bytes -= sum(map(_size, batch))
                try:
                    await self._write_twice(batch)
                except (Unavailable, asyncio.CancelledError):
                    self._queue.extendleft(reversed(batch))
                    self._queue_bytes += sum(map(_size, batch))
                    raise
                except Exception as error:
                    log.error("%d records could not be written (%s)", len(batch), type(error).__name__)
                    self._miss(batch, "not_written")
                    if not batch:
                        self._gaps.clear()

    def give_up(self) -> None:
        """What waits is not written any more."""
        if self._queue:
            log.warning("%d records could not be written before the end", len(self._queue))
            self._queue.clear()

    async def _write_twice(self, batch: Sequence[Waiting]) -> None:
        """A database that turns out to be unreadable is set aside; then a new one is there."""
        if self._keeping.just_set_aside:
            self._note_set_aside()
        try:
            await self._write(batch)
        except Unavailable:
            if not self._keeping.just_set_aside:
                raise
            self._note_set_aside()
            await self._write(batch)

    def _note_set_aside(self) -> None:
        self._keeping.just_set_aside = False
        now = millis(self._clock())
        self._gaps["set_aside"] = Missing(since=0, until=now, requests=0, reason="set_aside")

    async def _write(self, batch: Sequence[Waiting]) -> None:
        digests: dict[str, str | None] = {}
        for server in (waiting.exchange.server for waiting in batch):
            if server is not None and server.library_id not in digests:
                digests[server.library_id] = await self._digest_of(server.library_id)
        rows = await asyncio.to_thread(lambda: [self._row(waiting, digests) for waiting in batch])
        gaps = tuple(self._gaps.values())
        async with self._keeping.using() as database, database.transaction() as tx:
            if rows:
                await store.insert(tx, rows)
            for gap in gaps:
                await store.note_gap(tx, gap.since, gap.until, gap.requests, gap.reason)
        for gap in gaps:
            if self._gaps.get(gap.reason) is gap:
                del self._gaps[gap.reason]

    async def _digest_of(self, library_id: str) -> str | None:
        """Of an option; None where it is not installed any more."""
        try:
            return (await self._artifact(library_id)).digest
        except NotFound:
            return None

    def _row(self, waiting: Waiting, digests: Mapping[str, str | None]) -> tuple[dict[str, Any], Kept | None]:
        server = waiting.exchange.server
        digest = None if server is None else digests[server.library_id]
        return row_of(waiting.exchange, digest), self._kept(waiting)

    def _kept(self, waiting: Waiting) -> Kept | None:
        rule, exchange = waiting.rule, waiting.exchange
        if rule is None:
            return None
        expires = self._clock() + timedelta(days=rule.max_age_days)
        request = answer = None
        if exchange.request is not None and exchange.answer is not None:
            request, answer = _texts(rule, exchange.request, exchange.answer, self._preview_chars)
        return Kept(
            keep=rule.keep,
            request=request,
            answer=answer,
            too_long=exchange.too_long,
            expires_at=millis(expires),
        )

    def _miss(self, missed: Sequence[Waiting], reason: str) -> None:
        if not missed:
            return
        self.missed += len(missed)
        times = [millis(waiting.exchange.started_at) for waiting in missed]
        before = self._gaps.get(reason)
        self._gaps[reason] = Missing(
            since=min(times if before is None else [before.since, *times]),
            until=max(times if before is None else [before.until, *times]),
            requests=len(missed) + (0 if before is None else before.requests),
            reason=reason,
        )


def _texts(rule: AuditRule, request: bytes, answer: bytes, length: int) -> tuple[str, str]:
    if rule.keep == "whole":
        return content.whole(request), content.whole(answer)
    return content.preview_of_request(request, length), content.preview_of_answer(answer, length)


def _size(waiting: Waiting) -> int:
    exchange = waiting.exchange
    return len(exchange.request or b"") + len(exchange.answer or b"")
