"""What others may ask of the organisation's registry: its catalog, how fresh that is, what was withdrawn."""

import asyncio
import dataclasses
import logging
import random
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from modelhubd.catalog.registry import keeping, store
from modelhubd.catalog.registry.address import fault_in_address
from modelhubd.catalog.registry.asking import Asking
from modelhubd.catalog.registry.carried import Carried, Taken, files_of, judge_carried
from modelhubd.catalog.registry.document import Document, Head, Known
from modelhubd.catalog.registry.freshness import delay_s, fresh_s, stale_since
from modelhubd.catalog.registry.look import Before, look, understood
from modelhubd.catalog.registry.popularity import Popularity
from modelhubd.catalog.registry.refresh import ROLES, Refreshed, trusted_root
from modelhubd.catalog.registry.refusals import NotTaken
from modelhubd.catalog.registry.shower import Shown
from modelhubd.catalog.registry.shown import shown_alarm, shown_audit, shown_freshness
from modelhubd.catalog.registry.witness import Alarm, Seen
from modelhubd.catalog.sync import Base, Changes, Served
from modelhubd.catalog.view import let_go
from modelhubd.errors import Conflict
from modelhubd.settings import CatalogConfig
from modelhubd.storage.database import Database, Transaction
from modelhubd.tasks import TaskOwner
from modelhubd.trust.text import printable
from modelhubd.trust.urls import origin_of
from modelhubd.wire.base import rfc3339
from modelhubd.wire.catalog import AuditAlarm, CatalogInfo, SyncError
from modelhubd.wire.registry import CatalogTemplate, PublisherKey, SignedCatalog, Tombstone

log = logging.getLogger(__name__)
WAIT_S = 120.0
"""The longest that somebody who asked for a sync waits for its end; it goes on."""
LOOK_S = 60.0
"""How often it is looked whether the catalog has become stale: a clock jumps when a machine wakes up."""


class Registry:
    """Keeps the catalog of the registry that is set up, if one is; one sync at a time. `load` it before the
    catalog starts and `start` it after.

    `catalog` is whom it hands what it took; `folder` is its own; `offline` says whether nothing may be asked.
    """

    def __init__(
        self,
        database: Database,
        *,
        config: CatalogConfig,
        allow_origins: tuple[str, ...],
        folder: Path,
        asking: Asking,
        popularity: Popularity,
        catalog: Callable[[], Shown],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._config = config
        self._folder = folder
        self._asking = asking
        self._catalog = catalog
        self._clock = clock
        self._chance = chance
        self.popularity = popularity
        url = config.registry_url
        self._origin = None
        self._fault: NotTaken | None = None
        if url:
            reason = fault_in_address(url, allow_origins)
            self._fault = None if reason is None else NotTaken("bad_url", reason)
            self._origin = origin_of(url) if reason is None else printable(url)[:100]
        self._kept: store.Kept | None = None
        self._tombstones: dict[str, Tombstone] = {}
        self._digests = ("", b"")
        self._seen: Seen | None = None
        self._alarm: AuditAlarm | None = None
        self._last_error: SyncError | None = None
        self._clock_ahead_s: float | None = None
        self._failures = 0
        self._retry_after_s: float | None = None
        self._told: tuple[str | None, bool] = (None, False)
        self._tasks: TaskOwner | None = None
        self._running: asyncio.Task[None] | None = None
        self._syncs = 0

    # What may be asked

    @property
    def configured(self) -> bool:
        """Whether a registry is set."""
        return self._origin is not None

    @property
    def signed(self) -> SignedCatalog | None:
        """The document of the snapshot in use, without its entries: templates, publishers, tombstones. None
        until the first."""
        return None if self._kept is None else self._kept.head.catalog

    @property
    def in_use(self) -> str | None:
        """The revision of the snapshot in use; None until the first."""
        return None if self.signed is None else str(self.signed.revision)

    def publisher_keys(self, publisher: str) -> tuple[PublisherKey, ...]:
        """The keys that the signed catalog pins for a publisher, revoked ones too."""
        known = () if self.signed is None else self.signed.publishers
        return next((found.keys for found in known if found.name == publisher), ())

    def templates(self) -> tuple[CatalogTemplate, ...]:
        """The workflow templates of the signed catalog."""
        return () if self.signed is None else self.signed.templates

    def tombstones(self) -> tuple[Tombstone, ...]:
        """What is left of models that the registry has withdrawn."""
        return () if self.signed is None else self.signed.tombstones

    def withdrawn(self, model: str) -> str | None:
        """Why the registry has withdrawn the model; None where it has not."""
        found = self._tombstones.get(model)
        return None if found is None else printable(found.reason)

    def base(self) -> Base | None:
        """What the catalog stands on; None until the first verified snapshot."""
        return None if self._kept is None else self._base_of(self._kept.head, self._read_kept)

    def about(self, info: CatalogInfo) -> CatalogInfo:
        """`info` with what there is to say of the registry."""
        if self._origin is None:
            return info
        info = replace(
            info,
            registry=self._origin,
            last_error=self._last_error,
            clock_ahead_s=self._clock_ahead_s,
            audit=shown_audit(self._seen, self._alarm) or info.audit,
        )
        return shown_freshness(info, self._kept, self._clock())

    async def sync(self, *, wait: bool) -> CatalogInfo:
        """Have everything looked at again, at once; with `wait` the answer comes when that has ended."""
        info = await self._catalog().sync()
        if not self.configured or self._tasks is None:
            return info
        running = self._begin(self._tasks)
        if wait:
            await asyncio.wait({running}, timeout=WAIT_S)
        return await self._catalog().info()

    async def acknowledge(self) -> CatalogInfo:
        """End the alarm over the audit log; the log that the registry shows next is taken as it is.

        Raises:
            Conflict: there is none.
        """
        async with self._database.transaction(durable=True) as tx:
            if not await store.acknowledge(tx):
                raise Conflict("There is no alarm over the audit log to acknowledge.", code="no_alarm")
        self._seen = self._alarm = None
        return await self.sync(wait=True)

    async def to_carry(self) -> dict[str, bytes]:
        """Name → content of the files that prove the catalog in use to a machine that cannot ask.

        Raises:
            NotTaken: there is none, or no trusted root.
        """
        if self._kept is None:
            raise NotTaken("incomplete")
        root = await asyncio.to_thread(trusted_root, self._config.registry_root)
        return files_of(root, self._kept.signatures, await store.target(self._database.reader))

    async def judge(self, carried: Carried) -> Taken | None:
        """See `judge_carried`."""
        path, kept, seen, now = self._config.registry_root, self._kept, self._seen, self._clock()
        return await asyncio.to_thread(judge_carried, carried, root_path=path, kept=kept, seen=seen, now=now)

    async def take(self, carried: Carried) -> bool:
        """Have a carried catalog in use if it is newer than the one that is; whether it was.

        Raises:
            NotTaken: it is not to be trusted, or older.
        """
        kept = self._kept
        taken = await self.judge(carried)
        if taken is not None:
            await self._adopt(taken.document, taken.refreshed, taken.seen, instead_of=kept)
        return taken is not None

    # Its life

    async def load(self) -> None:
        """Take up what was kept, verified again without a network; then what was shipped with the root."""
        if not self.configured:
            return
        root_path = self._config.registry_root
        kept, seen, alarm = await keeping.load(self._database, root_path, self._folder)
        self._seen, self._alarm = seen, None if alarm is None else shown_alarm(*alarm)
        if kept is not None:
            self._use(kept, seen)
        elif (bundle := await keeping.shipped(root_path)) is not None:
            await self._adopt(bundle.document, bundle.refreshed, bundle.seen, instead_of=None)
        await self.popularity.load()

    def start(self, tasks: TaskOwner) -> None:
        """Look at the registry now and from time to time, and tell it of installs."""
        if not self.configured:
            return
        self._tasks = tasks
        tasks.start(self._keep(tasks), name="registry")
        if self._fault is None:
            tasks.start(self.popularity.tell_of_installs(), name="installs")

    def close(self) -> None:
        """End what is being asked."""
        self._asking.close()

    async def _keep(self, tasks: TaskOwner) -> None:
        while True:
            await asyncio.wait({self._begin(tasks)})
            await self._pause()

    async def _pause(self) -> None:
        """Until the next look is due. A sync that somebody asks for meanwhile puts it off."""
        loop, syncs, due = asyncio.get_running_loop(), -1, 0.0
        while True:
            if syncs != self._syncs:
                syncs, interval_s = self._syncs, self._config.sync_interval_s
                due = loop.time() + delay_s(interval_s, self._failures, self._chance(), self._retry_after_s)
            left = due - loop.time()
            if left <= 0:
                return
            expires_at = None if self._kept is None else self._kept.expires_at
            await asyncio.sleep(min(left, LOOK_S, fresh_s(expires_at, self._clock())))
            self._look_at_the_clock()

    def _begin(self, tasks: TaskOwner) -> "asyncio.Task[None]":
        if self._running is None or self._running.done():
            self._running = tasks.start(self._once(), name="catalog sync")
        return self._running

    async def _once(self) -> None:
        try:
            await self._attempt()
        except NotTaken as refused:
            self._refused(refused)
        except (sqlite3.Error, OSError) as error:
            self._refused(NotTaken("storage", getattr(error, "strerror", None) or str(error)[:100]))
        except Exception as error:  # a sync that fails in a way nobody thought of must not end all of them
            log.exception("The catalog of the registry could not be taken in")
            self._refused(NotTaken("unexpected", type(error).__name__))
        else:
            await self.popularity.refresh()
        finally:
            self._syncs += 1

    async def _attempt(self) -> None:
        if self._fault is not None:
            raise self._fault
        kept, now = self._kept, self._clock()
        seeds = {} if kept is None else {role: getattr(kept.signatures, role) for role in ROLES}
        before = Before(
            root_path=self._config.registry_root,
            folder=self._folder / "metadata",
            now=now,
            head=None if kept is None else kept.head,
            root_version=0 if kept is None else kept.root_version,
            seeds=seeds,
            seen=self._seen,
        )
        refreshed = await self._asking.ask(lambda fetching: look(fetching, before))
        if (told := refreshed.told_at) is not None:
            self._clock_ahead_s = round((self._clock() - told).total_seconds(), 1)
        if (target := refreshed.target) is None:
            await self._renew(refreshed)
            return
        known = await self._known()
        found = await self._asking.ask(
            lambda fetching: understood(fetching, before, refreshed, target, known)
        )
        if found.alarm is not None:
            await self._raise(found.alarm)
            raise NotTaken("audit_alarm", found.alarm.detail)
        await self._adopt(found.document, refreshed, found.seen, instead_of=kept)

    async def _known(self) -> Callable[[], Known | None]:
        """What need not be read again, to be called in a thread."""
        shown = () if self._kept is None else self._catalog().served_ids()
        if not shown or self._kept is None:
            return lambda: None
        return await keeping.known(self._database, self._kept.head.sha256, self._digests, shown)

    async def _adopt(
        self, document: Document, refreshed: Refreshed, seen: Seen | None, *, instead_of: store.Kept | None
    ) -> None:
        """Show the document: its entries and what it is of are committed at once.

        Raises:
            NotTaken: another one than it was judged against has come into use meanwhile.
        """
        now = self._clock()
        kept = store.Kept(
            head=document.head,
            signatures=refreshed.signatures,
            root_version=refreshed.root_version,
            expires_at=refreshed.expires_at,
            synced_at=now,
            checked_at=now,
        )

        async def also(tx: Transaction) -> None:
            if self._kept is not instead_of:
                raise NotTaken("overtaken")
            await store.put_snapshot(tx, kept, refreshed.target or b"")
            if seen is not None:
                await store.put_seen(tx, seen)
            tx.after_commit(lambda: self._use(kept, seen))

        async def read() -> Served:
            if not document.unchanged:
                return document.entries, document.faults
            return await keeping.served(refreshed.target or b"", document.head.sha256)

        base = self._base_of(document.head, read)
        if document.unchanged and self._kept is not None:
            since = self._kept.head.sha256
            changes = Changes(since, document.entries, document.unchanged, document.faults)
            base = dataclasses.replace(base, changes=changes)
        await self._catalog().adopt(base, also)
        self._digests = document.head.sha256, document.digests
        await let_go(document.entries)
        log.info("the registry's catalog of revision %s is in use", document.head.catalog.revision)

    async def _renew(self, refreshed: Refreshed) -> None:
        """The registry vouches for what is in use, for longer."""
        assert self._kept is not None, "only what is kept is left out"
        kept = replace(
            self._kept,
            signatures=refreshed.signatures,
            root_version=refreshed.root_version,
            expires_at=refreshed.expires_at,
            checked_at=self._clock(),
        )
        async with self._database.transaction() as tx:
            await store.renew(tx, kept)
            tx.after_commit(lambda: self._use(kept, self._seen))
        self._catalog().tell("catalog.synced")

    def _use(self, kept: store.Kept, seen: Seen | None) -> None:
        self._kept, self._seen = kept, seen
        self._tombstones = kept.head.tombstones()
        self._last_error, self._failures, self._retry_after_s = None, 0, None
        self._told = (None, False)

    async def _raise(self, alarm: Alarm) -> None:
        at = self._clock()
        async with self._database.transaction(durable=True) as tx:
            await store.raise_alarm(tx, alarm, at)
        if self._alarm is None:
            log.error("ALARM: %s", alarm.detail)
            self._alarm = shown_alarm(alarm, at)
            self._told = (None, False)

    def _refused(self, refused: NotTaken) -> None:
        self._failures += 1
        self._retry_after_s = refused.retry_after_s
        if self._last_error is None or self._last_error.code != refused.code:
            log.warning("the registry's catalog is not taken: %s", refused.detail)
        self._last_error = SyncError(code=refused.code, detail=refused.detail, at=rfc3339(self._clock()))
        self._look_at_the_clock()

    def _look_at_the_clock(self) -> None:
        """Tell readers once when the catalog becomes stale, or why it is not renewed."""
        error = self._last_error
        expires_at = None if self._kept is None else self._kept.expires_at
        present = (None if error is None else error.code, stale_since(expires_at, self._clock()) is not None)
        if present != self._told:
            self._told = present
            if present != (None, False):
                self._catalog().tell("catalog.stale")

    def _base_of(self, head: Head, read: Callable[[], Awaitable[Served]]) -> Base:
        return Base(
            digest=head.sha256,
            revision=str(head.catalog.revision),
            closed=frozenset(head.tombstones()),
            read=read,
        )

    async def _read_kept(self) -> Served:
        assert self._kept is not None
        return await keeping.served(await store.target(self._database.reader), self._kept.head.sha256)
