"""What others may ask of the library."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

from modelhubd.errors import CannotStart, Conflict, InvalidInput, NotFound
from modelhubd.events import Bus
from modelhubd.library import store
from modelhubd.library.arrivals import Arrivals
from modelhubd.library.contents import bytes_on_disk, path_of_content
from modelhubd.library.due import EVERY
from modelhubd.library.integrity import Integrity, Refetch, nobody_refetches
from modelhubd.library.jobs import Jobs
from modelhubd.library.layout import Key, folder_of, main_file, projector_file
from modelhubd.library.looking import Looking
from modelhubd.library.naming import Naming, no_artifact
from modelhubd.library.outside import hidden
from modelhubd.library.removal import Removals
from modelhubd.library.scan import look_at
from modelhubd.library.scrub import Scrub
from modelhubd.library.search import Position, matches, position
from modelhubd.library.states import THERE, UNUSABLE
from modelhubd.library.telling import INSTALLED, Telling
from modelhubd.library.watch import keep_watching
from modelhubd.paging import page_of
from modelhubd.settings import LibraryConfig
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.storage.database import Database, Reader, Transaction
from modelhubd.tasks import TaskOwner, freed, in_thread, unhurried
from modelhubd.wire.base import Page
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.device import Device
from modelhubd.wire.library import (
    Artifact,
    ArtifactState,
    RemovedArtifact,
    ScanResult,
)


async def nothing_staged() -> bool:
    return False


class Library:
    """Knows what is installed and keeps it true. `start` it once; its task ends with its owner.

    `entry` gives the catalog's entry of a model id, `loaded` the ids of the servers that run each artifact,
    `staged` whether downloads have files in the models directory that are not the library's yet, `withdrawn`
    why a model was withdrawn, `refetch` has damaged ranges downloaded.
    `on_keys_changed` is called after a commit that changed what `keys` answers, `before_look` is awaited when
    the models directory is there and about to be looked at, `forgotten` when a model's last artifact goes.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        models_dir: Path,
        entry: Callable[[str], Awaitable[CatalogEntry | None]],
        device: Callable[[], Device],
        loaded: Callable[[], Mapping[str, tuple[str, ...]]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_keys_changed: Callable[[], None] = lambda: None,
        staged: Callable[[], Awaitable[bool]] = nothing_staged,
        withdrawn: Callable[[str], str | None] = lambda model: None,
        jobs: Jobs | None = None,
        refetch: Refetch = nobody_refetches,
        home: Path | None = None,
        before_look: Callable[[], Awaitable[None]] | None = None,
        forgotten: Callable[[Transaction, str], Awaitable[None]] | None = None,
    ) -> None:
        self._also_before_look = before_look
        self._home = home or Path.home()
        self._database = database
        self._root = ConfinedRoot(models_dir)
        self._entry = entry
        self._clock = clock
        self._staged = staged
        self._naming = Naming(entry, device, loaded, withdrawn, self._home)
        self._telling = Telling(bus, self._naming, on_keys_changed)
        jobs = jobs or Jobs(bus, clock=clock)
        self._removals = Removals(
            database,
            self._root,
            self._telling,
            lambda: self._looking.storage_present(),
            loaded,
            forgotten,
            jobs.holding,
        )
        self._looking = Looking(
            database,
            self._root,
            self._telling,
            entry,
            clock,
            before_look=self._before_look,
            staged=staged,
            look_again=self.look_again,
        )
        self._again = asyncio.Event()
        self.arrivals = Arrivals(self._telling, self._looking, clock, self.look_again)
        self._tasks: TaskOwner | None = None
        self._watching: asyncio.Task[None] | None = None
        self.integrity = Integrity(
            database,
            self._root,
            telling=self._telling,
            looking=self._looking,
            jobs=jobs,
            clock=clock,
            refetch=refetch,
            show=self.resolve,
        )

    async def start(self, tasks: TaskOwner) -> None:
        """Look at the models directory, and again whenever it changes.

        Raises:
            CannotStart: other users of this machine could put models into it.
        """
        rows = await store.all_artifacts(self._database.reader)
        empty = not (any(row.inside for row in rows) or await self._staged())
        fault = await asyncio.to_thread(self._made_ready, make=empty)
        if fault is not None:
            raise CannotStart(
                f"The models directory cannot be used: {fault}. Give it to the user who runs the daemon and "
                "close it to others (chmod o-w), or choose another one with [models] dir."
            )
        self._tasks = tasks
        self._watch()

    def _watch(self) -> None:
        assert self._tasks is not None, "start() comes first"
        if self._watching is not None:
            self._watching.cancel()
        work = keep_watching(self._root.root, self._look, again=self._again)
        self._watching = self._tasks.start(work, name="models directory")

    @contextlib.asynccontextmanager
    async def still(self) -> AsyncIterator[None]:
        """Nothing is looked for or removed in the models directory meanwhile."""
        async with self._looking.alone(), self._removals.alone():
            yield

    async def stamp(self, tx: Transaction, folder: Path) -> None:
        """The files of this folder are, name by name, copies of those in the models directory, or those
        themselves: what is known of the one holds for the other from now on."""
        rows = await store.all_artifacts(tx)
        paths = [path for row in rows for path in row.inside]
        old = await asyncio.to_thread(look_at, self._root, paths)
        new = await asyncio.to_thread(look_at, ConfinedRoot(folder), paths)
        for row in rows:
            if row.state in INSTALLED and (stamped := row.stamped(old, new)) is not None:
                await store.set_checks(tx, stamped)
                if stamped.verified_at != row.verified_at:
                    await store.set_state(tx, row.id, row.state, stamped.verified_at)

    def moved(self, folder: Path) -> None:
        """The models directory is another folder from now on, with the same files."""
        self._root.root = folder
        self._watch()

    def scrub(self, config: LibraryConfig, is_idle: Callable[[], Awaitable[bool]], tasks: TaskOwner) -> None:
        """Have what is installed read again from time to time, as `config` says, while `is_idle`."""
        if (every := EVERY[config.scrub]) is None:
            return
        scrub = Scrub(
            self._database,
            self._root,
            self.integrity,
            every=every,
            bytes_per_s=config.scrub_bytes_per_s,
            is_idle=is_idle,
            clock=self._clock,
        )
        tasks.start(scrub.run(), name="scrub")

    async def _before_look(self) -> None:
        await self._removals.finish_all()
        if self._also_before_look is not None:
            await self._also_before_look()

    def look_again(self) -> None:
        """Look at the models directory soon: the catalog may know files now that it did not know before."""
        self._again.set()

    def call_away(self, paths: frozenset[str]) -> None:
        """Have these outside files, and no others, count as away, not as deleted, while they are missing."""
        if self._looking.call_away(paths):
            self.look_again()

    async def list(
        self,
        *,
        q: str = "",
        format: Collection[str] = (),  # the filter's name on the wire
        capability: Collection[str] = (),
        state: Collection[str] = (),
        limit: int = 50,
        after: str | None = None,
    ) -> Page[Artifact]:
        """A page of what has every word of `q` and one of each filter's values.

        Raises:
            InvalidInput: `after` is no cursor of this list.
        """
        artifacts = await self.all()
        models = {artifact.model for artifact in artifacts} if q or capability else ()
        entries = {model: await self._entry(model) async for model in unhurried(models)}

        def page() -> Page[Artifact]:
            found = (
                artifact
                for artifact in artifacts
                if matches(
                    artifact,
                    entries.get(artifact.model),
                    q=q,
                    format=format,
                    capability=capability,
                    state=state,
                )
            )
            return page_of(found, position, Position, limit, after)

        return page() if len(artifacts) <= store.FEW else await asyncio.to_thread(page)

    async def all(self) -> tuple[Artifact, ...]:
        return tuple((await self._naming.artifacts(self._database.reader)).values())

    async def get(self, library_id: str) -> Artifact:
        """
        Raises:
            NotFound: no such artifact.
        """
        row = await store.get(self._database.reader, library_id)
        found = await self._naming.artifacts(self._database.reader, row.key.model) if row else {}
        if library_id not in found:
            raise no_artifact()
        return found[library_id]

    async def keys(self) -> frozenset[tuple[str, int, str]]:
        """(model, version, option) of what is installed and whole, or on a drive that is away."""
        rows = await store.all_artifacts(self._database.reader)

        def found() -> frozenset[tuple[str, int, str]]:
            keys = (row.key for row in rows if row.state in INSTALLED)
            told = frozenset((key.model, key.version, key.option) for key in keys)
            freed(rows)
            return told

        return await in_thread(found)

    @property
    def root(self) -> ConfinedRoot:
        """The models directory."""
        return self._root

    async def paths(self) -> Mapping[str, tuple[str, ...]]:
        """By library id, where the files of each artifact are, relative to the models directory."""
        rows = await store.all_artifacts(self._database.reader)
        return await asyncio.to_thread(lambda: {row.id: row.paths for row in rows})

    async def has(self, model: str, version: int, option: str) -> bool:
        """Whether it is among `keys`."""
        return (model, version, option) in await self.keys()

    async def storage_present(self) -> bool:
        """Whether the models directory is really there, and not the empty mount point of a drive that is
        away: its marker or a known file is in it, or nothing was ever put there. Then it is marked."""
        return await self._looking.storage_present()

    async def used_bytes(self) -> int:
        """Of the models directory, by artifacts that are there; what they share counts once."""
        rows = await store.all_artifacts(self._database.reader)
        return await asyncio.to_thread(bytes_on_disk, [row for row in rows if row.state in THERE])

    async def installed_at(self, sha256: str, size_bytes: int) -> str | None:
        """The path, relative to the models directory, of a whole file with this digest and size; None where
        there is none."""
        rows = await store.with_content(self._database.reader, sha256)
        return path_of_content(rows, sha256, size_bytes)

    async def resolve(self, text: str) -> Artifact:
        """The artifact that a library id or `publisher/name[@version][:option]` means; its files were there,
        with their sizes, a moment ago.

        Raises:
            InvalidInput: neither an id nor a reference.
            NotFound: nothing of the kind is installed.
            Conflict: it is installed, and its files are gone, damaged or on a drive that is away.
        """
        row = await self._looking.check(await self._naming.meant(self._database.reader, text))
        if row.state is not ArtifactState.OK:
            code, what = UNUSABLE[row.state]
            raise Conflict(f"{row.key} cannot be used: {what}", code=code)
        return await self.get(row.id)

    def model_path(self, artifact: Artifact) -> tuple[Path, Path | None]:
        """Where a server finds the model, and its projector if there is one.

        Raises:
            Conflict: the artifact holds no file that a server could be given.
        """
        main, projector = main_file(artifact.files), projector_file(artifact.files)
        if main is None:
            key = f"{artifact.model}@{artifact.version}:{artifact.option}"
            raise Conflict(f"{key} has no model file to load. Choose another option.", code="not_loadable")
        places = self.places(artifact)
        return places[main.name], places[projector.name] if projector else None

    def places(self, artifact: Artifact) -> dict[str, Path]:
        """Where its files are, by their names in it."""
        folder = self._root.root / folder_of(Key(artifact.model, artifact.version, artifact.option))
        return {
            file.name: folder / file.name if file.where is None else hidden(file.where, self._home)
            for file in artifact.files
        }

    async def state_of(self, key: Key) -> ArtifactState | None:
        """Of the artifact there is of `key`; None where there is none."""
        rows = await store.of_model(self._database.reader, key.model)
        return next((row.state for row in rows if row.key == key), None)

    async def set_active(self, model: str, library_id: str) -> Artifact:
        """Have the bare model id mean this artifact until it is removed.

        Raises:
            NotFound: no such artifact.
            InvalidInput: it is another model's.
        """
        async with self._database.transaction() as tx:
            row = await store.get(tx, library_id)
            if row is None:
                raise NotFound(f"{library_id} is not in the library.", code="artifact_not_found")
            if row.key.model != model:
                raise InvalidInput.at("/library_id", f"it belongs to {row.key.model}, not to {model}")
            async with self._telling.of(tx, model):
                await store.choose(tx, model, library_id)
        return await self.get(library_id)

    async def of_model(self, reader: Reader, model: str) -> Mapping[str, Artifact]:
        """By id, what is installed of one model, as of the transaction that is given."""
        return await self._naming.artifacts(reader, model)

    async def make_active(self, tx: Transaction, model: str, library_id: str) -> None:
        """The same as `set_active`, for an artifact of the model, as a part of a transaction."""
        async with self._telling.of(tx, model):
            await store.choose(tx, model, library_id)

    async def remove(self, library_id: str) -> RemovedArtifact:
        """Delete the artifact's files and its row; where the files are gone already, only the row.

        Raises:
            NotFound: no such artifact.
            Conflict: a server runs it, a job works on it, its drive is away, a file cannot be deleted, or
                another source answers for it.
        """
        return await self._removals.remove(library_id)

    async def servers_changed(self, library_id: str) -> None:
        """Tell readers that other servers run this artifact now. Call it outside a transaction."""
        async with self._database.transaction() as tx:
            row = await store.get(tx, library_id)
            if row is not None:
                artifacts = await self._naming.artifacts(tx, row.key.model)
                self._telling.changed(tx, artifacts[library_id])

    async def scan(self) -> ScanResult:
        """Look at the models directory now and take it as it is: what is not in it is missing."""
        result, _ = await self._looking.look(accept=True)
        return result

    def _made_ready(self, *, make: bool) -> str | None:
        """What is wrong with the models directory, once it is made if it is to be.

        While something is installed or being downloaded it is not made: a mount point without its drive is no
        place for models.
        """
        if make:
            with contextlib.suppress(OSError):
                self._root.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._root.fault() if self._root.present() else None

    async def _look(self, changed: frozenset[str] | None = None) -> frozenset[str]:
        if changed is not None and (known := await self._looking.look_in(changed)) is not None:
            return known
        _, folders = await self._looking.look(accept=False)
        return folders
