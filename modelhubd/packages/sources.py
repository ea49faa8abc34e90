"""Folders that applications and administrators provide: their models are in the library while they are
there."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from modelhubd.entries.bundles import BadBundle, Bundled
from modelhubd.errors import Conflict, InvalidInput, NotFound
from modelhubd.library import store as library_store
from modelhubd.library.jobs import Jobs, Progress
from modelhubd.library.outside import shown
from modelhubd.library.service import Library
from modelhubd.library.states import Outside
from modelhubd.library.store import Stored
from modelhubd.packages import store
from modelhubd.packages.bundles import absolute, finished_of
from modelhubd.packages.declared import (
    ADMINISTRATOR,
    APPLICATION,
    Declarations,
    Declared,
    app_file,
    read_declarations,
    signature_of,
)
from modelhubd.packages.looking import Seen, look_at_source, read_file, stamp_of
from modelhubd.places import private_dir
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner
from modelhubd.trust.digests import option_digest
from modelhubd.wire.base import Page, rfc3339
from modelhubd.wire.bundles import AddSource, Source, SourceState

log = logging.getLogger(__name__)
LOOK_S = 2.0
"""How often it is looked, cheaply, whether a declaration or a manifest has changed."""
WHOLE_LOOK_S = 60.0
"""How often each file is looked at."""
PATIENCE_S = 10.0
"""A network share that does not answer for so long counts as away."""


class Sources:
    """`load` it before the library starts, then `start` it. `on_first_run` is called when what is wanted for
    the first run may have changed."""

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        library: Library,
        *,
        bundles: Sequence[str],
        first_run: Sequence[str],
        bundles_d: Path,
        packages_d: Path,
        trusted_keys: Collection[bytes],
        home: Path,
        me: int,
        clock: Callable[[], datetime],
        on_first_run: Callable[[], None] = lambda: None,
        look_s: float = LOOK_S,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._library = library
        self._configured = (tuple(bundles), tuple(first_run))
        self._bundles_d = bundles_d
        self._packages_d = packages_d
        self._trusted = trusted_keys
        self._home = home
        self._me = me
        self._clock = clock
        self._on_first_run = on_first_run
        self._look_s = look_s
        self._again = asyncio.Event()
        self._one = asyncio.Lock()
        self._sources: dict[str, Source] = {}
        self._hanging: dict[str, asyncio.Task[Seen]] = {}
        self._tasks: TaskOwner | None = None
        self._faulty: dict[str, tuple[Seen, str]] = {}
        """Why the files of a source are not what they must be, as they were seen."""
        self._away: dict[str, frozenset[str]] = {}
        self.declarations = Declarations()

    async def start(self, tasks: TaskOwner) -> None:
        """Look at all of them from now on."""
        self._tasks = tasks
        self.declarations = await asyncio.to_thread(self._declared)
        tasks.start(self._keep(), name="sources")

    # What may be asked

    def all(self) -> Page[Source]:
        """Every declared folder, as it was found last."""
        found = tuple(
            self._sources.get(declared.id) or self._shown(declared, SourceState.CHECKING, "not looked at yet")
            for declared in self.declarations.sources
        )
        return Page(items=found, total=len(found))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people should know: folders that are refused, and declarations that do not count."""
        refused = [
            f"{source.id} provides no models: {source.detail}"
            for source in self._sources.values()
            if source.state is SourceState.REFUSED
        ]
        return (*self.declarations.faults, *refused)

    async def add(self, request: AddSource) -> Source:
        """An application says which bundle it ships; what it said before is replaced.

        Raises:
            InvalidInput: a path that is not absolute, a name that is none.
            Conflict: the configuration declares a bundle of that name.
        """
        path = absolute(request.path)
        if ".." in request.app:
            raise InvalidInput.at("/app", "not a name of lower-case letters, digits and . _ -")
        source = f"bundle:{request.app}"
        taken = next((known for known in self.declarations.sources if known.id == source), None)
        if taken is not None and taken.declared_by != APPLICATION:
            raise Conflict(f"{source} is declared by the configuration already.", code="declared_elsewhere")
        data = app_file(str(path), request.app, request.key)
        await asyncio.to_thread(self._write, f"{request.app}.json", data)
        await self.look()
        return self._one_of(source)

    async def remove(self, source: str) -> None:
        """An application takes its bundle back; its models leave the library, its files stay.

        Raises:
            NotFound: there is no such source.
            Conflict: it was declared by somebody else.
        """
        declared = next((known for known in self.declarations.sources if known.id == source), None)
        if declared is None:
            raise NotFound(
                "There is no such source. GET /library/sources lists them.", code="source_not_found"
            )
        if declared.declared_by != APPLICATION or declared.app is None:
            raise Conflict(
                f"{source} is declared by the {declared.declared_by}, and goes when it is taken out there.",
                code="declared_elsewhere",
            )
        path = self._bundles_d / f"{declared.app}.json"
        await asyncio.to_thread(path.unlink, missing_ok=True)
        await self.look()

    # How it is done

    async def look(self) -> None:
        """Bring the library in line with what is declared and there. Files that must be read are read in the
        background."""
        async with self._one:
            self.declarations = await asyncio.to_thread(self._declared)
            self._on_first_run()
            wanted = {declared.id: declared for declared in self.declarations.sources}
            known = await store.managed_sources(self._database.reader)
            for gone in (known | self._sources.keys()) - wanted.keys():
                await self._forget(gone)
                self._sources.pop(gone, None)
            for declared in wanted.values():
                seen = await self._seen(declared)
                self._sources[declared.id] = await self._settle(seen)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        stamp: object = None
        due = 0.0
        while True:
            present = await self._stamp()
            if present != stamp or loop.time() >= due or self._again.is_set():
                self._again.clear()
                stamp, due = present, loop.time() + WHOLE_LOOK_S
                try:
                    await self.look()
                except Exception:  # one bad look must not end all of them
                    log.exception("the sources of models could not be looked at")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._again.wait()

    async def _stamp(self) -> object:
        paths = [declared.path for declared in self.declarations.sources if declared.id not in self._hanging]

        def look() -> object:
            return (
                signature_of(self._bundles_d, self._packages_d),
                tuple(stamp_of(path) for path in paths),
            )

        try:
            async with asyncio.timeout(PATIENCE_S):
                return await asyncio.to_thread(look)
        except TimeoutError:
            return None

    async def _seen(self, declared: Declared) -> Seen:
        """What there is; a folder that does not answer counts as away until it does."""
        hanging = self._hanging.get(declared.id)
        if hanging is not None and not hanging.done():
            return Seen(declared=declared, state=SourceState.OFFLINE, detail="it does not answer")
        assert self._tasks is not None, "start() comes first"
        looking = asyncio.to_thread(look_at_source, declared, self._trusted, self._me)
        task = self._tasks.start(looking, name=f"look at {declared.id}")
        self._hanging[declared.id] = task
        try:
            async with asyncio.timeout(PATIENCE_S):
                seen: Seen = await asyncio.shield(task)
        except TimeoutError:
            return Seen(declared=declared, state=SourceState.OFFLINE, detail="it does not answer")
        del self._hanging[declared.id]
        return seen

    async def _settle(self, seen: Seen) -> Source:
        """The library as it follows from a look."""
        declared = seen.declared
        rows: Sequence[Stored] = await library_store.of_managed(self._database.reader, declared.id)
        away: frozenset[str] = frozenset()
        if seen.state is SourceState.OFFLINE and declared.declared_by == ADMINISTRATOR:
            # A share that is not mounted: what it held is shown, and waits.
            away = frozenset(file.path for row in rows for file in row.elsewhere)
        elif seen.state is not SourceState.OK:
            await self._forget(declared.id)
            rows = []
        else:
            seen, rows = await self._provide(seen, rows)
        self._away[declared.id] = away
        self._library.call_away(frozenset[str]().union(*self._away.values()))
        shown_models = tuple(f"{row.key}" for row in rows)
        return self._shown(declared, seen.state, seen.detail, models=shown_models, signed=seen.signed)

    async def _provide(self, seen: Seen, rows: Sequence[Stored]) -> tuple[Seen, Sequence[Stored]]:
        """Have in the library those models whose files were all read, and have the others read."""
        source = seen.declared.id
        reading = self._jobs.holding(source) is not None  # asked first: it may end before its books are read
        verified = await store.verified_of(self._database.reader, source)
        unread = set(seen.unread(verified))
        detail = None
        known = self._faulty.get(source)
        if known is not None and known[0].facts == seen.facts:
            await self._forget(source)
            return replace(seen, state=SourceState.REFUSED, detail=known[1]), []
        self._faulty.pop(source, None)
        ready = [item for item in seen.items if not any(file.path in unread for file in item.files)]
        keep, passed = await self._refer(seen, ready, rows, verified)
        await self._forget(source, keep=keep)
        if passed:
            detail = f"installed otherwise, so not taken from here: {', '.join(passed)}"
        if unread:
            if not reading:
                self._read(seen, sorted(unread))
            detail = "its files are being read"
            seen = replace(seen, state=SourceState.CHECKING)
        rows = await library_store.of_managed(self._database.reader, source)
        return replace(seen, detail=detail), rows

    async def _refer(
        self,
        seen: Seen,
        ready: Sequence[Bundled],
        rows: Sequence[Stored],
        verified: dict[str, store.Verified],
    ) -> tuple[list[str], list[str]]:
        """(ids of the rows that stand, references that are installed otherwise)."""
        keep, passed = [], []
        by_key = {(row.key.model, row.key.version, row.key.option): row for row in rows}
        for item in ready:
            places = seen.places(item)
            row = by_key.get(item.key)
            if row is not None and row.digest == option_digest(item.option.files) and _stands(row, places):
                keep.append(row.id)
                continue
            checked = max(verified[seen.facts[file.path].path].verified_at for file in item.files)
            try:
                async with self._database.transaction() as tx:
                    finished = finished_of(item, verified_at=checked)
                    keep.append(
                        await self._library.arrivals.refer(tx, finished, places, managed=seen.declared.id)
                    )
            except Conflict:
                passed.append(item.reference)
        return keep, passed

    def _read(self, seen: Seen, unread: Sequence[str]) -> None:
        """Have files read whole in the background."""
        source, opened = seen.declared.id, seen.opened
        assert opened is not None, "only what is there is read"
        sizes = {file.path: file.size_bytes for file in opened.bundle.files}

        async def work(progress: Progress) -> None:
            progress.expect(total_bytes=sum(sizes[path] for path in unread), total_files=len(unread))
            try:
                for path in unread:
                    facts = seen.facts[path]
                    await progress.in_thread(partial(read_file, opened, path, facts, progress.add))
                    progress.add(0, 1)
                    found = replace(facts, verified_at=rfc3339(self._clock()))
                    async with self._database.transaction() as tx:
                        await store.put_verified(tx, source, [found])
            except BadBundle as error:
                self._faulty[source] = (seen, str(error))
                raise Conflict(f"{source} provides no models: {error}.", code="bad_bundle") from None
            finally:
                self._again.set()

        self._jobs.start(kind="source check", work=work, model=source, holds=source)

    async def _forget(self, source: str, *, keep: Collection[str] = ()) -> None:
        rows = await library_store.of_managed(self._database.reader, source)
        if all(row.id in keep for row in rows):
            return
        async with self._database.transaction() as tx:
            await self._library.arrivals.forget_managed(tx, source, keep=keep)

    def _shown(
        self,
        declared: Declared,
        state: SourceState,
        detail: str | None,
        *,
        models: tuple[str, ...] = (),
        signed: bool = False,
    ) -> Source:
        return Source(
            id=declared.id,
            app=declared.app,
            declared_by=declared.declared_by,
            where=shown(str(declared.path), self._home),
            state=state,
            detail=detail,
            models=models,
            signed=signed,
        )

    def _one_of(self, wanted: str) -> Source:
        return next(source for source in self.all().items if source.id == wanted)

    def _declared(self) -> Declarations:
        bundles, first_run = self._configured
        return read_declarations(bundles, first_run, self._bundles_d, self._packages_d, self._me)

    def _write(self, name: str, data: bytes) -> None:
        private_dir(self._bundles_d)
        staged = self._bundles_d / f".{name}"
        fd = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(self._bundles_d / name)


def _stands(row: Stored, places: Mapping[str, Outside]) -> bool:
    """Whether the row is of these very files, and they were checked."""
    known = {file.name: other for file, other in zip(row.files, row.outside, strict=True)}
    return row.verified_at is not None and all(
        (other := known.get(name)) is not None
        and (other.path, other.inode, other.mtime_ns) == (place.path, place.inode, place.mtime_ns)
        for name, place in places.items()
    )
