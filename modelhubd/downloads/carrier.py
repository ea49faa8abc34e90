"""One download from its turn to its end. Each runs in a task of its own, which alone moves its files."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from modelhubd.downloads import staging, store
from modelhubd.downloads.admission import refuse_forbidden
from modelhubd.downloads.faults import worst
from modelhubd.downloads.following import Following
from modelhubd.downloads.orders import order_of
from modelhubd.downloads.plan import (
    Fault,
    TransferEnded,
    after_fault,
    disk_full,
    permanent,
    storage_fault,
)
from modelhubd.downloads.process import TransferWorker
from modelhubd.downloads.progress import Live, shown
from modelhubd.downloads.rows import NOTHING, PLACED, STAGED, StoredDownload, StoredFile
from modelhubd.downloads.sharing import share_what_has_come, take_what_is_here
from modelhubd.downloads.sources import next_place
from modelhubd.downloads.states import RUNNING, Event, advance, allows
from modelhubd.downloads.surroundings import OFFLINE, Superseded, Surroundings
from modelhubd.full_disk import is_full
from modelhubd.storage.database import Transaction
from modelhubd.storage.room import has_room
from modelhubd.tasks import in_thread, uninterrupted
from modelhubd.wire.base import rfc3339
from modelhubd.wire.downloads import Download, DownloadState
from modelhubd.wire.library import ArtifactFile, Finished
from modelhubd.wire.units import human_bytes

log = logging.getLogger(__name__)
UNRECORDED_S = 1.0
STORAGE_AWAY = Fault(
    code="storage_offline",
    detail="The models directory is away. Plug its drive in; the download then goes on. If it was emptied on "
    "purpose, make the folder again and scan it (modelhub scan).",
    passing=True,
    waits_for="storage",
)
FILES_AT_ONCE = 4
"""Of one download; they share its connections."""


class Carrier:
    def __init__(self, around: Surroundings, worker: TransferWorker) -> None:
        self._around = around
        self._worker = worker
        self._lives: dict[str, Live] = {}
        self._ending = asyncio.Lock()
        """Of two with the same bytes, the later sees what the earlier has installed."""

    def live(self, id: str) -> Live | None:
        return self._lives.get(id)

    @property
    def rate_bytes_per_s(self) -> float:
        return sum(live.progress().rate_bytes_per_s for live in self._lives.values())

    async def carry(self, id: str) -> None:
        """Work on it until it is completed, has failed, waits, or is taken away by a verb."""
        try:
            await self._carried_or_settled(id)
        except Exception:
            log.exception("what became of download %s cannot be recorded; it is tried again", id)
            await asyncio.sleep(UNRECORDED_S)
        finally:
            self._lives.pop(id, None)

    async def _carried_or_settled(self, id: str) -> None:
        try:
            await self._carry(id)
        except TransferEnded as ended:
            await uninterrupted(self._settle(id, ended.fault))
        except OSError as error:
            await uninterrupted(self._settle(id, storage_fault(error)))
        except Superseded:
            pass
        except Exception as error:
            if is_full(error):
                await uninterrupted(self._settle(id, disk_full()))
                return
            log.exception("download %s met an unexpected fault", id)
            detail = f"The daemon met an unexpected fault ({type(error).__name__}); it tries again."
            await uninterrupted(self._settle(id, Fault(code="http_error", detail=detail, passing=True)))

    async def tell(self, tx: Transaction, id: str, event: str = "download.changed") -> Download:
        """The download as of this transaction, to be published when it is committed."""
        row = await store.get(tx, id)
        assert row is not None
        positions = await store.positions(tx, [row])
        value = shown(row, positions.get(id, 0), self._lives.get(id))
        tx.after_commit(lambda: self._around.bus.publish(event, id, value))
        return value

    async def tell_all(self, tx: Transaction, ids: Sequence[str]) -> tuple[Download, ...]:
        """Several at once, each published when this transaction is committed."""
        rows = await store.get_all(tx, ids)
        positions = await store.positions(tx, rows)
        values = tuple(shown(row, positions.get(row.id, 0), self._lives.get(row.id)) for row in rows)
        for value in values:
            tx.after_commit(partial(self._around.bus.publish, "download.changed", value.id, value))
        return values

    async def clean(self, id: str) -> bool:
        """Give back the space of a download that is over. False: what cannot be removed now is at the next
        start."""
        row = await store.get(self._around.database.reader, id)
        if row is None or row.staged == NOTHING:
            return True
        if not await self._around.storage_present():
            log.warning("the partial files of download %s are on a drive that is away", id)
            return False
        placed = row.staged == PLACED and not await self._around.is_installed(
            row.model, row.version, row.option
        )
        try:
            await in_thread(lambda: staging.clean(self._around.root, row, placed=placed))
        except OSError as error:
            log.warning("the partial files of download %s cannot be removed now: %s", id, error.strerror)
            return False
        async with self._around.database.transaction() as tx:
            await store.set_staged(tx, id, NOTHING)
        return True

    async def _carry(self, id: str) -> None:
        row = await self._read(id)
        staging.check_names(row)
        self._lives[id] = Live(row)
        await refuse_forbidden(self._around.forbidden, row)
        await self._check_storage()
        await self._check_space(row)
        while True:
            await self._get_all(row)
            await refuse_forbidden(self._around.forbidden, row)
            async with self._ending:
                missing = await self._install(id)
            if not missing:
                return
            await self._check_storage()
            row = await self._lost(id, missing)

    async def _install(self, id: str) -> tuple[int, ...]:
        """Have it in the library; the places of files that are gone, and then it is not."""
        row = await self._advance_to_installing(id)
        await in_thread(lambda: staging.check_beginnings(self._around.root, row))
        await self._check_storage()
        await share_what_has_come(self._around, self._lives[id], row)
        if missing := await in_thread(lambda: staging.place(self._around.root, row)):
            return missing
        await self._complete(row)
        return ()

    async def _check_storage(self) -> None:
        """Look before what would take an empty mount point for a models directory that lost its files."""
        if not await self._around.storage_present():
            raise TransferEnded(STORAGE_AWAY)

    async def _check_space(self, row: StoredDownload) -> None:
        if row.state is not DownloadState.ACTIVE:
            return
        reader = self._around.database.reader
        others = [
            found
            for other in self._lives
            if other != row.id and (found := await store.get(reader, other)) is not None
        ]
        needed = row.missing_bytes + sum(other.missing_bytes for other in others)
        free = await in_thread(lambda: staging.free_bytes(self._around.root))
        reserve = self._around.reserve_bytes
        if row.missing_bytes and not has_room(needed, reserve=reserve, free=free):
            raise TransferEnded(
                permanent(
                    "disk_full",
                    f"{human_bytes(needed)} are still to come and {human_bytes(free)} are free, of which "
                    f"{human_bytes(reserve)} are kept in reserve. Free some space, then retry.",
                )
            )

    async def _get_all(self, row: StoredDownload) -> None:
        """Every file that is not here yet, some at a time; the fault of one is the end of all."""
        slots = asyncio.Semaphore(FILES_AT_ONCE)

        async def one(place: int) -> None:
            async with slots:
                await self._get(row.id, place)

        try:
            async with asyncio.TaskGroup() as group:
                for file in row.files:
                    if file.found_sha256 is None:
                        group.create_task(one(file.place))
        except BaseExceptionGroup as faults:
            raise worst(faults.exceptions) from None

    async def _get(self, id: str, place: int) -> None:
        """One file, from its URLs, or from what is installed."""
        while True:
            row = await self._read(id)
            file = row.files[place]
            if await take_what_is_here(self._around, self._lives[id], row, file):
                return
            following = await self._fetch(row, file)
            if following.ended is None:
                return
            fault = following.ended
            url_place = None
            if not fault.passing:
                url_place = next_place(
                    len(file.urls),
                    file.url_place,
                    promised=file.promised,
                    code=fault.code,
                    used=following.used,
                )
            if url_place is None:
                raise TransferEnded(fault)
            log.info("download %s: %s The next address is tried.", id, fault.detail)
            async with self._around.database.transaction() as tx:
                await self._still(tx, id)
                await store.start_file_afresh(tx, row.number, place, url_place)
            self._lives[id].restart(place)

    async def _fetch(self, row: StoredDownload, file: StoredFile) -> Following:
        if not file.urls:
            raise TransferEnded(
                permanent(
                    "http_error", f"The catalog names no address of {file.name}. Choose another option."
                )
            )
        around = self._around
        if around.offline():
            raise TransferEnded(OFFLINE)
        await self._check_storage()
        have = file.trusted(around.boot_id)
        if row.staged == NOTHING:
            async with around.database.transaction() as tx:
                await store.set_staged(tx, row.id, STAGED)
        carried = await self._worker.begin(order_of(around, self._worker.next_number(), row, file))
        following = Following(around, self._lives[row.id], self.turn, row, file, have)
        try:
            await following.through(carried)
        except TransferEnded as ended:
            following.ended = ended.fault
        finally:
            # Whatever ended it: nothing writes any more, and what was written is known. What is known already
            # is saved first, in case the worker has to be killed.
            await uninterrupted(following.catch_up(carried))
            await uninterrupted(carried.halt())
            await uninterrupted(following.catch_up(carried))
        return following

    async def _advance_to_installing(self, id: str) -> StoredDownload:
        await self._check_storage()
        before = await self._read(id)
        free = await in_thread(lambda: staging.names_are_free(self._around.root, before))
        async with self._around.database.transaction() as tx:
            row = await self._still(tx, id)
            state = row.state
            for event in (Event.RECEIVED, Event.VERIFIED):
                if allows(state, event):
                    state = advance(state, event)
            if state is not row.state:
                await store.set_state(tx, id, state, self._around.clock())
                if free:
                    await store.set_staged(tx, id, PLACED)
                await self.tell(tx, id)
        return await self._read(id)

    async def _lost(self, id: str, places: tuple[int, ...]) -> StoredDownload:
        """Files that were there are gone: they are fetched again."""
        async with self._around.database.transaction() as tx:
            row = await self._still(tx, id)
            for place in places:
                await store.start_file_afresh(tx, row.number, place, row.files[place].url_place)
                self._lives[id].restart(place)
            await store.set_state(tx, id, advance(row.state, Event.BYTES_MISSING), self._around.clock())
            await self.tell(tx, id)
        return await self._read(id)

    async def _complete(self, row: StoredDownload) -> None:
        now = self._around.clock()
        verified = all(file.sha256 is not None for file in row.files)
        finished = Finished(
            model=row.model,
            version=row.version,
            option=row.option,
            format=row.format,
            quantization=row.quantization,
            digest=row.digest,
            directory=row.directory,
            files=tuple(
                ArtifactFile(
                    name=file.name, role=file.role, size_bytes=file.total_bytes or 0, sha256=file.sha256
                )
                for file in row.files
            ),
            verified_at=rfc3339(now) if verified else None,
        )
        async with self._around.database.transaction(durable=True) as tx:
            current = await self._still(tx, row.id)
            await store.set_state(tx, row.id, advance(current.state, Event.INSTALLED), now, attempts=0)
            await store.set_staged(tx, row.id, NOTHING)
            await self._around.install(tx, finished)
            await self.tell(tx, row.id)

    async def _settle(self, id: str, fault: Fault) -> None:
        try:
            await self._record(id, fault)
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise
            await self._record(id, disk_full())

    async def _record(self, id: str, fault: Fault) -> None:
        around = self._around
        online = fault.reached or await in_thread(around.online)
        if fault.code == "disk_full":
            await self._make_room(id)
        async with around.database.transaction() as tx:
            row = await store.get(tx, id)
            if row is None or row.state not in RUNNING:
                return
            verdict = after_fault(fault, row.attempts, online)
            event = Event.PERMANENT_FAULT if verdict.failed else Event.PASSING_FAULT
            now = around.clock()
            delay = around.backoff.delay_s(fault, verdict.attempts, around.chance())
            await store.set_state(
                tx,
                id,
                advance(row.state, event),
                now,
                attempts=verdict.attempts,
                next_retry_at=None if verdict.failed else now + timedelta(seconds=delay),
                waits_for=verdict.waits_for or ("origin" if fault.retry_after_s else None),
                error=(fault.code, verdict.detail),
            )
            await self.tell(tx, id)
        log.info("download %s: %s %s", id, "failed." if verdict.failed else "waits.", verdict.detail)
        if verdict.failed:
            await self.clean(id)

    async def _make_room(self, id: str) -> None:
        """Give the space back before the books say so: the database may be on the disk that is full."""
        row = await store.get(self._around.database.reader, id)
        if row is not None and row.state in RUNNING:
            with contextlib.suppress(OSError):
                await in_thread(lambda: staging.clean(self._around.root, row, placed=False))

    async def _read(self, id: str) -> StoredDownload:
        row = await store.get(self._around.database.reader, id)
        if row is None or row.state not in RUNNING:
            raise Superseded
        return row

    async def _still(self, tx: Transaction, id: str) -> StoredDownload:
        row = await store.get(tx, id)
        if row is None or row.state not in RUNNING:
            raise Superseded
        return row

    async def turn(self, id: str, event: Event) -> None:
        """Record that `event` has happened, if it still can."""
        async with self._around.database.transaction() as tx:
            row = await self._still(tx, id)
            if allows(row.state, event):
                await store.set_state(tx, id, advance(row.state, event), self._around.clock())
                await self.tell(tx, id)
