"""What others may ask of the catalog."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelhubd.catalog import store
from modelhubd.catalog.changing import changed_view, little_changes
from modelhubd.catalog.choosing import Chosen, choice
from modelhubd.catalog.detail import detail_of, history_page
from modelhubd.catalog.headers import RemoteHeaders
from modelhubd.catalog.index import NO_COUNTERS, NONE_COUNTED
from modelhubd.catalog.local import signature
from modelhubd.catalog.merge import Sourced
from modelhubd.catalog.missing import no_model, version_of, withdrawn_words
from modelhubd.catalog.nearest import nearest_ids
from modelhubd.catalog.permits import Permits
from modelhubd.catalog.recent import Recent
from modelhubd.catalog.search import SearchQuery, ranked_queries
from modelhubd.catalog.sync import Base, Changes, Gathered, described, gather, understand
from modelhubd.catalog.verdicts import InstalledKey, judge_options
from modelhubd.catalog.view import View, counted_again, entries_kept, judged_again, let_go, view_of
from modelhubd.catalog.watch import watch_folder
from modelhubd.errors import Conflict
from modelhubd.events import Bus
from modelhubd.storage.database import Database, Transaction
from modelhubd.tasks import TaskOwner, gently
from modelhubd.wire.base import Page, rfc3339
from modelhubd.wire.catalog import (
    CatalogEntry,
    CatalogFault,
    CatalogInfo,
    CatalogPage,
    Counters,
    ModelDetail,
    VersionNote,
)
from modelhubd.wire.device import Device
from modelhubd.wire.policy import App

log = logging.getLogger(__name__)

Also = Callable[[Transaction], Awaitable[None]]
"""Writes in the transaction in which the catalog changes."""


class Catalog:
    """The models that can be had, judged for this device. Call `start` before anything else.

    `device` and `installed` answer what this machine is and which (model, version, option) it has;
    `on_changed` is called after a commit that changed the entries; `headers` are asked where an entry that is
    looked at or chosen does not state its model's shape. A search that begins after
    `installed_changed` finds what was installed.

    Of a registry it knows by callables: `base` is what it serves (None: the floor is the catalog), `about`
    adds what there is to say of it, `withdrawn` tells why a model was, and `counters` are by model id.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        local_dir: Path,
        local_entries: Callable[[], bool] = lambda: True,
        device: Callable[[], Device],
        installed: Callable[[], Awaitable[frozenset[InstalledKey]]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_changed: Callable[[], None] = lambda: None,
        headers: RemoteHeaders | None = None,
        base: Callable[[], Base | None] = lambda: None,
        about: Callable[[CatalogInfo], CatalogInfo] = lambda info: info,
        withdrawn: Callable[[str], str | None] = lambda model: None,
        counters: Callable[[], Mapping[str, Counters]] = lambda: NO_COUNTERS,
        permits: Permits | None = None,
    ) -> None:
        self._headers = headers
        self._base = base
        self._about = about
        self._withdrawn = withdrawn
        self._counters = counters
        self._permits = permits
        self._on_changed = on_changed
        self._database = database
        self._bus = bus
        self._folder = local_dir
        self._local_entries = local_entries
        self._counted = True
        self._device = device
        self._installed = installed
        self._clock = clock
        self._changing = asyncio.Lock()
        self._tasks: TaskOwner | None = None
        self._view: View | None = None
        self._changes = self._changes_judged = 0
        self._recent = Recent(lambda: self._seen.index)
        self._info = CatalogInfo(source="floor", revision="", models=0, local_entries=0)

    async def start(self, tasks: TaskOwner) -> None:
        """Index what has changed since the last time, then watch the folder of one's own entries."""
        seen = await asyncio.to_thread(signature, self._folder)
        await self.sync()
        self._tasks = tasks
        tasks.start(watch_folder(self._folder, seen, self.sync), name="catalog.d")

    async def sync(self) -> CatalogInfo:
        """Read all sources again, and tell readers."""
        async with self._changing:
            with gently():
                return await self._synced(self._base(), None)

    async def adopt(self, base: Base, also: Also) -> None:
        """Stand on `base` from now on; what `also` writes is committed together with its entries."""
        async with self._changing:
            with gently():
                await self._synced(base, also)

    async def _synced(self, base: Base | None, also: Also | None) -> CatalogInfo:
        self._counted = self._local_entries()
        imported = await store.imported(self._database.reader) if self._counted else []
        gathered = await asyncio.to_thread(gather, self._folder if self._counted else None, base, imported)
        known, present = await store.source(self._database.reader), self._view
        if known is None or known.fingerprint != gathered.fingerprint:
            if (changes := little_changes(known, gathered, present)) is not None:
                await self._change(changes, gathered, also)
            else:
                await self._make_anew(1 if known is None else known.generation + 1, gathered, also)
            if present is not None:
                await let_go(present.index.summaries, present.verdicts.judged)
        else:
            view = present or await self._view_as_kept(known.generation)
            info = self._described(view, gathered, known.faults)
            if also is not None:
                async with self._database.transaction(durable=True) as tx:
                    await also(tx)
            self._show(view, info)
        return await self.info()

    async def _change(self, changes: Changes, gathered: Gathered, also: Also | None) -> None:
        """Make the few changes to what is shown."""
        assert gathered.base is not None
        shown, source = self._seen, gathered.base.source
        gone = shown.index.positions.keys() - changes.unchanged - {entry.id for entry in changes.entries}
        entries = [Sourced(entry, source) for entry in changes.entries]
        changed = await changed_view(
            shown, entries, gone, self._device(), await self._installed(), self._counters()
        )
        await self._keep(
            changed.view,
            gathered,
            changes.faults,
            lambda tx, made: store.replace_some(tx, changed.gone, changed.placed, made),
            also,
        )

    async def _make_anew(self, generation: int, gathered: Gathered, also: Also | None) -> None:
        served = ((), ()) if gathered.base is None else await gathered.base.read()
        merged = await asyncio.to_thread(understand, gathered, served)
        view = await self._view_of(merged.entries, generation)
        await self._keep(
            view, gathered, merged.faults, lambda tx, made: store.replace_all(tx, merged.entries, made), also
        )
        await let_go(merged.entries)

    async def _keep(
        self,
        view: View,
        gathered: Gathered,
        faults: tuple[CatalogFault, ...],
        write: Callable[[Transaction, store.Source], Awaitable[None]],
        also: Also | None,
    ) -> None:
        """Commit what `write` and `also` write, and show the view from then on."""
        for fault in faults:
            log.warning("%s %s: %s", fault.file, fault.pointer or "(whole file)", fault.reason)
        info = self._described(view, gathered, faults)
        async with self._database.transaction(durable=gathered.base is not None) as tx:
            await write(tx, store.Source(view.index.generation, gathered.fingerprint, faults))
            if also is not None:
                await also(tx)
            tx.after_commit(lambda: self._show(view, info))
            tx.after_commit(self._on_changed)

    async def info(self) -> CatalogInfo:
        """Where the catalog comes from, how fresh it is, and which entries are faulty."""
        return self._about(self._info)

    def served_ids(self) -> Collection[str]:
        """The ids of all entries, if all of them are a registry's; else none."""
        alone = self._view is not None and self._info.source == "registry" and not self._seen.index.n_local
        return self._seen.index.positions.keys() if alone else ()

    def tell(self, event: str) -> None:
        """Tell readers under this type of event what `info` says now."""
        self._bus.publish(event, "catalog", self._about(self._info))

    async def counters_changed(self) -> None:
        """Show the counters as they are now; before `start` there is nothing to show them with."""
        async with self._changing:
            if (view := self._view) is None:
                return
            with gently():
                self._view = await counted_again(view, self._counters())
                await let_go(view.index.summaries)

    async def device_changed(self) -> None:
        """Judge everything again for the device as it is now; before `start` there is nothing to judge."""
        async with self._changing:
            if (view := self._view) is None:
                return
            await self._judge_again(view, view.index.positions)

    async def policies_changed(self) -> None:
        """Read the sources again if entries of one's own count now and did not, or the other way round."""
        if self._counted != self._local_entries():
            await self.sync()

    def installed_changed(self) -> None:
        """Something was installed or removed: the next search judges it again before it answers."""
        self._changes += 1

    async def search(self, query: SearchQuery, app: App | None = None) -> CatalogPage:
        """The page that `query` asks for, with its facets; `app` is the program that asks.

        Raises:
            InvalidInput: at `?after`, which is no cursor of such a search.
        """
        await asyncio.sleep(0)  # many answered from memory in a row leave everybody else a turn
        if self._changes_judged != self._changes:
            await self._judge_installed()
        expressions = ranked_queries(query.q)
        if not expressions:
            nothing = bytes(self._seen.index.count) if query.q.strip() else None
            return await self._permitted(self._seen.index.page(query, nothing, self._seen.verdicts), app)
        asked = expressions if query.sort == "relevance" else expressions[-1:]
        found = await self._recent.matches(self._database.reader, asked)
        return await self._permitted(self._seen.index.page(query, found, self._seen.verdicts), app)

    async def _permitted(self, page: CatalogPage, app: App | None) -> CatalogPage:
        if self._permits is None:
            return page
        reader, index = self._database.reader, self._seen.index
        return await self._permits.of_page(page, reader, index, self._device(), await self._installed(), app)

    async def detail(self, model: str, app: App | None = None, ctx: int | None = None) -> ModelDetail:
        """The entry, its options judged with a context of `ctx` tokens if named.

        Raises:
            NotFound: there is no such model; the nearest ids are named, or why the registry has withdrawn it.
        """
        item = await self._with_shape(await self._sourced(model))
        counters = self._counters().get(model, NONE_COUNTED)
        device, installed = self._device(), await self._installed()
        found = detail_of(item, device, installed, counters, ctx)
        if self._permits is None:
            return found
        judged = judge_options(item.entry, device, installed, ctx)
        return await self._permits.of_detail(found, item, judged, app)

    async def versions(self, model: str, limit: int = 50, after: str | None = None) -> Page[VersionNote]:
        """The version history, newest first.

        Raises:
            NotFound: there is no such model.
            InvalidInput: at `?after`, which is no cursor of this list.
        """
        return history_page((await self._sourced(model)).entry, limit, after)

    async def entry(self, model: str) -> CatalogEntry | None:
        """The entry as its source states it; None where there is none."""
        found = await self.listed(model)
        return None if found is None else found.entry

    async def listed(self, model: str) -> Sourced | None:
        """The same with where it comes from."""
        return await store.one_entry(self._database.reader, model)

    async def listed_of(self, models: Sequence[str]) -> Mapping[str, Sourced]:
        """The same of several models, those that there are."""
        return await store.sourced_of(self._database.reader, models)

    async def is_from(self, source: str, model: str) -> bool:
        """Whether the entry of that model is of this source: `registry`, `floor` or `local`."""
        found = await self.listed(model)
        return found is not None and found.source == source

    async def with_files(self, digests: Iterable[str]) -> list[Sourced]:
        """The entries that have a file of one of these SHA-256."""
        return await store.with_files(self._database.reader, digests)

    async def sizes_of_files(self, sizes: Iterable[int]) -> frozenset[int]:
        """Those among `sizes`, in bytes, that a file of an entry may have: others need not be hashed."""
        return await store.sizes_of_files(self._database.reader, sizes)

    async def put_imported(self, tx: Transaction, entry: CatalogEntry) -> None:
        """Keep an entry that was made of what was imported; `sync` shows it as one of one's own."""
        await store.put_imported(tx, entry, rfc3339(self._clock()))

    async def forget_imported(self, tx: Transaction, model: str) -> None:
        """Such an entry goes, if there is one, and soon from what is shown."""
        if await store.forget_imported(tx, model) and (tasks := self._tasks) is not None:
            tx.after_commit(lambda: _start(tasks, self.sync()))

    async def choose(
        self,
        model: str,
        version: int | None = None,
        option: str | None = None,
        force: bool = False,
        app: App | None = None,
    ) -> Chosen:
        """What a download of `model` by `app` fetches: without a `version` the newest that it can use,
        without an `option` the one of those that policies allow that fits this device best.

        Raises:
            NotFound: there is no such model, version or option; what there is gets named.
            NotAllowed: `refused_by_policy`; nothing overrides it.
            Conflict: `does_not_fit`: it would not run here, with the figures; `requirement_not_met`: it is
                for other programs; `force` takes it nonetheless. `model_withdrawn`: the registry has
                withdrawn it, and nothing takes it.
        """
        item = await store.one_entry(self._database.reader, model)
        if item is None and (reason := self._withdrawn(model)) is not None:
            raise Conflict(withdrawn_words(model, reason), code="model_withdrawn")
        item = item or await self._sourced(model)
        if version is not None:
            item = version_of(item, version)
        elif self._permits is not None and not force:
            item = self._permits.usable(item, app)
        entry = (item if force else await self._with_shape(item)).entry
        judged = judge_options(entry, self._device(), await self._installed())
        if self._permits is None:
            return choice(entry, judged, option, force)
        allowed = await self._permits.to_choose(item, judged, option, force=force, app=app)
        return choice(entry, allowed if option is None else judged, option, force)

    async def _with_shape(self, item: Sourced) -> Sourced:
        """The entry, with the shape that a file's header states where it states none."""
        return item if self._headers is None else await self._headers.complete(item)

    async def _sourced(self, model: str) -> Sourced:
        found = await store.one_entry(self._database.reader, model)
        if found is not None:
            return found
        reason = self._withdrawn(model)
        raise no_model(model, reason, () if reason else await nearest_ids(self._database.reader, model))

    @property
    def _seen(self) -> View:
        assert self._view is not None, "start() comes first"
        return self._view

    async def _view_of(
        self, entries: Sequence[Sourced], generation: int, slots: Sequence[int] | None = None
    ) -> View:
        device, installed = self._device(), await self._installed()
        return await view_of(entries, generation, device, installed, self._counters(), slots)

    async def _view_as_kept(self, generation: int) -> View:
        entries, slots = await entries_kept(self._database.reader)
        view = await self._view_of(entries, generation, slots)
        await let_go(entries)
        return view

    async def _judge_installed(self) -> None:
        async with self._changing:
            changes, view = self._changes, self._seen
            models = frozenset(model for model, _, _ in view.installed ^ await self._installed())
            if models:
                await self._judge_again(view, models)
            self._changes_judged = changes

    async def _judge_again(self, view: View, models: Collection[str]) -> None:
        installed = await self._installed()
        with gently():
            self._view = await judged_again(self._database.reader, view, models, self._device(), installed)
            await let_go(view.verdicts.judged)

    def _show(self, view: View, info: CatalogInfo) -> None:
        self._view, self._info = view, info
        self.tell("catalog.synced")

    def _described(self, view: View, gathered: Gathered, faults: tuple[CatalogFault, ...]) -> CatalogInfo:
        models, own = view.index.count, view.index.n_local
        return described(gathered, faults, models=models, local_entries=own, at=self._clock())


def _start(tasks: TaskOwner, sync: Coroutine[Any, Any, Any]) -> None:
    tasks.start(sync, name="forget what was imported")
