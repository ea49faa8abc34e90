"""The books of one file while the worker carries it."""

import contextlib
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable

from modelhubd.downloads import store
from modelhubd.downloads.messages import (
    Alive,
    Began,
    Dialled,
    Done,
    Faulted,
    Halted,
    HeaderRead,
    Looked,
    Moved,
    Received,
)
from modelhubd.downloads.plan import MAX_CHANGES, Fault, TransferEnded, permanent
from modelhubd.downloads.process import Carried
from modelhubd.downloads.progress import Live
from modelhubd.downloads.rows import Durable, StoredDownload, StoredFile
from modelhubd.downloads.spans import Span
from modelhubd.downloads.states import Event
from modelhubd.downloads.surroundings import Superseded, Surroundings
from modelhubd.wire.downloads import DownloadState

log = logging.getLogger(__name__)
GAUGE_S = 0.1
MAP_S = 0.8


class Following:
    """Keeps the books of one file while the worker carries it."""

    def __init__(
        self,
        around: Surroundings,
        live: Live,
        turn: Callable[[str, Event], Awaitable[None]],
        row: StoredDownload,
        file: StoredFile,
        have: tuple[Span, ...],
    ) -> None:
        self._turn = turn
        self._around = around
        self._row = row
        self._file = file
        self._etag = file.etag
        self._changes = file.changes
        self._moved: Moved | None = None
        self._saved = (have, file.synced)
        self._saved_at = time.monotonic()
        self._gauged_at = 0.0
        self._further = False
        self._live = live
        self.ended: Fault | None = None
        """What ended it early."""
        self.used: tuple[int, ...] = ()
        """Places of the URLs whose bytes were in the file when it ended with a fault."""
        live.move(file.place, count(have))

    async def through(self, carried: Carried) -> None:
        """Return when the file is whole, right and durable.

        Raises:
            TransferEnded, Superseded
        """
        while True:
            report = await carried.report()
            match report:
                case Dialled(host=host):
                    self._around.outbound(host, "download")
                case Began():
                    await self._begin(report)
                case Moved():
                    await self._move(report)
                case Received():
                    await self._save()
                    await self._received()
                case Done():
                    async with self._around.database.transaction(durable=True) as tx:
                        await store.set_whole(
                            tx, self._row.number, self._file.place, report.size, report.sha256
                        )
                    self._moved = None
                    return
                case Faulted(fault=fault, used=used):
                    self.used = used
                    raise TransferEnded(fault)
                case Alive() | HeaderRead() | Looked():
                    pass
                case Halted():
                    raise Superseded

    async def catch_up(self, carried: Carried) -> None:
        """Save how far it came, from what was said and not read yet."""
        for report in carried.reports_left():
            match report:
                case Began():
                    with contextlib.suppress(TransferEnded, Superseded):
                        await self._begin(report)
                case Moved():
                    self._note(report)
                case _:
                    pass
        await self._save()

    async def _begin(self, report: Began) -> None:
        have = self._moved.written if self._moved is not None else self._saved[0]
        kept = not report.afresh
        changed = bool(have) and not kept and self._etag is not None and report.etag != self._etag
        self._changes += int(changed)
        self._etag = report.etag
        async with self._around.database.transaction() as tx:
            await store.set_answer(
                tx,
                self._row.number,
                self._file.place,
                total=report.total,
                etag=report.etag,
                kept=kept,
                changed=changed,
            )
            row = await store.get(tx, self._row.id)
        assert row is not None
        self._live.learn_total(row.files)
        if not kept:
            self._moved = None
            self._saved = ((), ())
            self._live.restart(self._file.place)
        if self._changes >= MAX_CHANGES:
            raise TransferEnded(
                permanent(
                    "origin_changed",
                    "The file at the origin keeps changing. Retry later, or choose another one.",
                )
            )
        if row.state is not DownloadState.ACTIVE:
            await self._turn(row.id, Event.BYTES_MISSING)

    async def _move(self, report: Moved) -> None:
        self._note(report)
        now = time.monotonic()
        limits = self._around.limits
        if (
            count(report.written) - count(self._saved[0]) >= limits.report_bytes
            or now - self._saved_at >= MAP_S
            or report.synced != self._saved[1]
        ):
            await self._save()
        if now - self._gauged_at >= GAUGE_S:
            self._gauged_at = now
            self._around.bus.gauge("download.progress", self._row.id, self._live.gauge())

    def _note(self, report: Moved) -> None:
        self._moved = report
        self._further = (
            self._live.move(self._file.place, count(report.written), report.hashed) or self._further
        )

    async def _save(self) -> None:
        if self._moved is None or (self._moved.written, self._moved.synced) == self._saved:
            return
        durable = Durable(self._moved.written, self._moved.synced, self._around.boot_id)
        # A map of what is on the disk is of use after a power failure if it is there itself.
        on_disk = self._moved.synced != self._saved[1]
        try:
            async with self._around.database.transaction(durable=on_disk) as tx:
                await store.set_durable(tx, self._row.number, self._file.place, durable, self._further)
        except sqlite3.OperationalError as error:
            # A map that is behind costs bytes, a transfer that ends here costs the download.
            log.warning("the progress of download %s cannot be saved now: %s", self._row.id, error)
            return
        self._saved = (durable.written, durable.synced)
        self._saved_at = time.monotonic()
        self._further = False

    async def _received(self) -> None:
        self._live.received(self._file.place)
        if self._live.all_received:
            await self._turn(self._row.id, Event.RECEIVED)


def count(spans: tuple[Span, ...]) -> int:
    return sum(end - start for start, end in spans)
