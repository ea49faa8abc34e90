"""Getting models: the queue that other parts of the daemon ask."""

import asyncio
import contextlib
import logging
import random
import secrets
import weakref
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec import UNSET
from msgspec.structs import replace

from modelhubd.downloads import queue_store, store
from modelhubd.downloads.admission import installed_already, no_addresses, reference_of, refuse_unless_room
from modelhubd.downloads.carrier import Carrier
from modelhubd.downloads.leftovers import Leftovers
from modelhubd.downloads.limits import Configured, Limiter, local_time
from modelhubd.downloads.listing import Listing, found
from modelhubd.downloads.many import Many
from modelhubd.downloads.messages import Limits
from modelhubd.downloads.network_watch import NetworkWatch
from modelhubd.downloads.plan import Backoff
from modelhubd.downloads.process import TransferWorker
from modelhubd.downloads.queue import Spot
from modelhubd.downloads.reachability import has_network, ways_out
from modelhubd.downloads.repairs import Repairs
from modelhubd.downloads.rows import StoredDownload
from modelhubd.downloads.schedule import Local
from modelhubd.downloads.scheduler import Scheduler
from modelhubd.downloads.states import Event, advance, allows
from modelhubd.downloads.surroundings import (
    Choose,
    Forbidden,
    Surroundings,
    nothing_forbidden,
    nothing_installed,
)
from modelhubd.errors import Conflict, NotFound
from modelhubd.events import Bus
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.storage.database import Database, Transaction
from modelhubd.tasks import TaskOwner, in_thread
from modelhubd.trust.digests import option_digest
from modelhubd.trust.names import Reference
from modelhubd.wire.base import Page, rfc3339
from modelhubd.wire.catalog import Option
from modelhubd.wire.downloads import ChangeDownload, CreateDownload, Download, DownloadState
from modelhubd.wire.events import Removed
from modelhubd.wire.library import Finished
from modelhubd.wire.policy import App
from modelhubd.wire.status import QueueSummary

log = logging.getLogger(__name__)


class Downloads:
    """The download queue. A download belongs to the daemon: it goes on over restarts until it has ended.

    `choose(model, version, option, force, app)` picks the option; `install` is called in the transaction that
    completes a download; `outbound(host, purpose)` is told of each connection; `storage_present` tells
    whether the models directory is really there, where a drive may have been unplugged; `local` shows an
    instant as the wall clock does; `forbidden` and `offline` say what policies refuse. `limits` are when a
    transfer counts as stuck; those that people set are `configured` and then in `limiter`. `resolve` says
    what an address means.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        models_dir: Path,
        configured: Configured | None = None,
        allow_origins: Sequence[str],
        reserve_bytes: int,
        boot_id: str,
        choose: Choose,
        is_installed: Callable[[str, int, str], Awaitable[bool]],
        install: Callable[[Transaction, Finished], Awaitable[None]],
        outbound: Callable[[str, str], None],
        storage_present: Callable[[], Awaitable[bool]] | None = None,
        online: Callable[[], bool] = has_network,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        local: Local = local_time,
        chance: Callable[[], float] = random.random,
        limits: Limits | None = None,
        config_dir: Path | None = None,
        backoff: Backoff | None = None,
        forbidden: Forbidden = nothing_forbidden,
        offline: Callable[[], bool] = lambda: False,
        resolve: Callable[[str], Awaitable[Reference]] = no_addresses,
        installed_at: Callable[[str, int], Awaitable[str | None]] = nothing_installed,
    ) -> None:
        root = self.root = ConfinedRoot(models_dir)
        self._database, self._bus = database, bus
        self._choose = choose
        self._resolve = resolve
        self._clock = clock
        self._around = Surroundings(
            database=database,
            bus=bus,
            root=root,
            allow_origins=tuple(allow_origins),
            reserve_bytes=reserve_bytes,
            is_installed=is_installed,
            install=install,
            installed_at=installed_at,
            outbound=outbound,
            clock=clock,
            chance=chance,
            online=lambda: not offline() and online(),
            forbidden=forbidden,
            offline=offline,
            storage_present=storage_present or (lambda: in_thread(root.present)),
            boot_id=boot_id,
            limits=limits or Limits(),
            config_dir=None if config_dir is None else str(config_dir),
            backoff=backoff or Backoff(),
        )
        self._tasks = TaskOwner("downloads")
        self._worker = TransferWorker(self._tasks, hung_s=self._around.limits.hung_s)
        self._carrier = Carrier(self._around, self._worker)
        self.listing = Listing(database.reader, self._carrier)
        self._many = Many(self._around, self._carrier)
        self.limiter = Limiter(
            database,
            bus,
            configured or Configured(),
            clock=clock,
            local=local,
            on_change=self._limits_changed,
        )
        self.leftovers = Leftovers(self._around, self._lock)
        self.scheduler = Scheduler(
            self._around,
            self._carrier,
            self._tasks,
            self._worker,
            self.limiter,
            self._many,
            self.storage_changed,
        )
        self.repairs = Repairs(self._around, self._carrier, choose, self._lock, self.scheduler.wake)
        self._network = NetworkWatch(
            self._network_has_changed, ways_out=lambda: () if offline() else ways_out()
        )
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def start(self) -> None:
        """Take up what was under way and go on from there."""
        await self.limiter.load()
        self._tasks.start(self._tidy(), name="clean up")
        self._tasks.start(self.scheduler.run(), name="queue")
        self._network.start()

    async def close(self) -> None:
        """Stop within 5 s. What was running keeps its state and goes on at the next start."""
        self._network.close()
        await self.scheduler.stop()
        await self._worker.close()
        await self._tasks.close()

    @property
    def worker_pid(self) -> int | None:
        """Of the transfer process; None while there is none."""
        return self._worker.pid

    # What may be asked

    async def create(self, request: CreateDownload, app: App | None = None) -> tuple[Download, bool]:
        """Enqueue for `app`; an equal download under way is answered instead (False).

        Raises:
            InvalidInput: as `reference_of` says.
            NotFound, NotAllowed, Conflict: as `choose` says, or installed already.
            NoSpace: the disk cannot hold it besides the reserve and what is under way.
        """
        wanted = await reference_of(request, self._resolve)
        chosen = await self._choose(wanted.model, wanted.version, wanted.option, request.force, app)
        key = (chosen.entry.id, chosen.version, chosen.option.id)
        async with self._lock("/".join(map(str, key))):
            present = await store.under_way(self._database.reader, *key)
            if present is not None:
                return await self.get(present), False
            if await self._around.is_installed(*key):
                raise installed_already(*key)
            await refuse_unless_room(self._around, chosen.option.files)
            id_ = secrets.token_hex(8)
            async with self._database.transaction(durable=True) as tx:
                await store.insert(
                    tx,
                    id=id_,
                    model=key[0],
                    version=key[1],
                    option=chosen.option,
                    digest=option_digest(chosen.option.files),
                    priority=request.priority,
                    max_bytes_per_s=request.max_bytes_per_s,
                    now=self._clock(),
                )
                value = await self._carrier.tell(tx, id_, "download.created")
        self.scheduler.wake()
        return value, True

    async def list(self, states: Sequence[DownloadState], limit: int, after: str | None) -> Page[Download]:
        """See `Listing.page`."""
        return await self.listing.page(states, limit, after)

    async def get(self, id: str) -> Download:
        """See `Listing.one`."""
        return await self.listing.one(id)

    async def recent(self) -> Sequence[bytes]:
        """See `Listing.recent`."""
        return await self.listing.recent()

    async def summary(self) -> QueueSummary:
        """How many there are in which state, what holds them, and what belongs to none."""
        held = self.limiter.held_until(self._clock())
        return replace(
            await self.listing.counts(),
            held_until=None if held is None else rfc3339(held),
            leftovers=self.leftovers.count,
            leftover_bytes=self.leftovers.total_bytes,
        )

    async def promised_bytes(self) -> int:
        """What is still to come for downloads that have not ended."""
        return await store.bytes_promised(self._database.reader)

    async def holds_files(self) -> bool:
        """Whether the models directory holds files of a download that are not installed or removed yet."""
        return await store.anything_staged(self._database.reader)

    async def pause(self, id: str) -> Download:
        """Raises NotFound, Conflict: no such download; not in a state that can be paused."""
        return await self._do(id, Event.PAUSE)

    async def resume(self, id: str) -> Download:
        """Raises NotFound, Conflict: no such download; not paused."""
        return await self._do(id, Event.RESUME)

    async def retry(self, id: str) -> Download:
        """Begin an ended one again from the first byte, with the addresses and digests that the catalog
        states now; with those of before where it has this version no more.

        Raises:
            NotAllowed: `refused_by_policy`.
            NotFound, Conflict: no such download; not failed or cancelled; installed or under way otherwise.
            NoSpace: the disk cannot hold it.
        """
        row = await found(self._database.reader, id)
        option = None
        if allows(row.state, Event.RETRY):
            if await self._around.is_installed(row.model, row.version, row.option):
                raise installed_already(row.model, row.version, row.option)
            with contextlib.suppress(NotFound):
                option = (await self._choose(row.model, row.version, row.option, True)).option
            await refuse_unless_room(self._around, row.files if option is None else option.files)
        return await self._do(id, Event.RETRY, option)

    async def cancel(self, id: str) -> Download:
        """End it and give its space back.

        Raises:
            NotFound, Conflict: no such download; it has ended.
        """
        return await self._do(id, Event.CANCEL)

    async def change(self, id: str, request: ChangeDownload) -> Download:
        """Priority, place in the line of those that wait to run, or a limit of its own.

        Raises:
            NotFound, Conflict: no such download; ended, or (for a position) running already.
        """
        async with self._database.transaction() as tx:
            row = await found(tx, id)
            if row.ended or (request.position is not None and self.scheduler.works_on(id)):
                doing = "has ended" if row.ended else "is running"
                raise Conflict(f"A download that {doing} has no place in the queue.", code="wrong_state")
            now = self._clock()
            before = (await store.positions(tx, [row])).get(id, 0)
            await queue_store.move(tx, id, Spot(row.priority, row.rank), request, now)
            if request.max_bytes_per_s is not UNSET:
                await queue_store.set_own_limit(tx, id, request.max_bytes_per_s, now)
            value = await self._carrier.tell(tx, id)
            if before != value.position:
                await self._many.moved(tx, id, before, value.position)
        self.scheduler.wake()
        return value

    async def forget(self, id: str) -> None:
        """Drop an ended download from the list; what was installed stays.

        Raises:
            NotFound, Conflict: no such download; it has not ended; its partial files cannot be removed now.
        """
        async with self._lock(id):
            row = await found(self._database.reader, id)
            if not row.ended:
                raise Conflict(
                    f"A download that is {row.state} cannot be forgotten. Cancel it first.",
                    code="wrong_state",
                )
            await self.scheduler.take_away(id)
            if not await self._carrier.clean(id):
                raise Conflict(
                    "The download's partial files cannot be removed now. Plug in the drive of the models "
                    "directory, or make it writable, then forget the download.",
                    code="storage_offline",
                )
            async with self._database.transaction() as tx:
                await store.delete(tx, id)
                tx.after_commit(lambda: self._bus.publish("download.removed", id, Removed(id=id)))

    async def pause_all(self) -> int:
        """Pause what can be paused; answers how many."""
        changed, receiving = await self._many.change(Event.PAUSE)
        await self.scheduler.take_away(*receiving)
        self.scheduler.wake()
        return changed

    async def resume_all(self) -> int:
        """Resume what is paused; answers how many."""
        changed, _ = await self._many.change(Event.RESUME)
        self.scheduler.wake()
        return changed

    async def network_changed(self) -> None:
        """Try again at once what waits because of a network; not what an origin has told to wait."""
        await self._many.wake(("network", None))
        self.scheduler.wake()

    async def policies_changed(self) -> None:
        """Look at each again: what is refused now ends or waits, and what waited for a policy goes on."""
        await self._many.wake(("policy",))
        await self.scheduler.begin_anew()
        if self._around.offline():
            await self._worker.close()  # with the connections that it keeps

    async def storage_changed(self) -> None:
        """Try again at once what waits for the models directory, and remove what could not be removed."""
        await self._many.wake(("storage",))
        self.scheduler.wake()
        await self._tidy()

    async def _do(self, id: str, event: Event, option: Option | None = None) -> Download:
        async with self._lock(id):
            async with self._database.transaction(durable=True) as tx:
                await self._apply(tx, await found(tx, id), event, option)
                value = await self._carrier.tell(tx, id)
            if event in (Event.PAUSE, Event.CANCEL):
                await self.scheduler.take_away(id)
                value = await self.get(id)
            if event is Event.CANCEL:
                await self._carrier.clean(id)
        self.scheduler.wake()
        return value

    async def _apply(self, tx: Transaction, row: StoredDownload, event: Event, option: Option | None) -> None:
        state = advance(row.state, event)
        if event is Event.RETRY:
            other = await store.under_way(tx, row.model, row.version, row.option)
            if other is not None:
                raise Conflict(
                    "The same model is being downloaded already; watch that download instead.",
                    code="already_under_way",
                )
            digest = None if option is None else option_digest(option.files)
            await store.enqueue_again(tx, row.id, option, digest)
        attempts = 0 if event in (Event.RESUME, Event.RETRY) else None
        await store.set_state(tx, row.id, state, self._clock(), attempts=attempts)

    def _network_has_changed(self) -> None:
        self._tasks.start(self.network_changed(), name="network")

    async def _limits_changed(self) -> None:
        await self.scheduler.tell_worker()
        self.scheduler.wake()

    async def _tidy(self) -> None:
        await self._clean_up()
        await self.leftovers.report()

    async def _clean_up(self) -> None:
        """Remove what ended downloads left behind when something was in the way."""
        for id_ in await store.staged_and_over(self._database.reader):
            async with self._lock(id_):
                row = await store.get(self._database.reader, id_)
                if row is not None and row.ended and not self.scheduler.works_on(id_):
                    await self._carrier.clean(id_)

    def _lock(self, key: str) -> asyncio.Lock:
        lock = self._locks.get(key)
        if lock is None:
            self._locks[key] = lock = asyncio.Lock()
        return lock
