"""Brings the rows in line with the models directory."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from modelhubd.library import store
from modelhubd.library.layout import Key, folder_of, key_of
from modelhubd.library.naming import no_artifact
from modelhubd.library.outside import Elsewhere, OutsideLook
from modelhubd.library.scan import Sight, is_marked, look, look_again, look_at, mark, respelled
from modelhubd.library.states import Found, Outside, Trace, adopted_files, is_offline
from modelhubd.library.store import Stored
from modelhubd.library.telling import Telling
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.storage.database import Database, Transaction
from modelhubd.tasks import freed, unhurried
from modelhubd.trust.digests import option_digest
from modelhubd.wire.base import rfc3339
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.library import ArtifactState, ScanResult

UNKNOWN_FILES_MAX = 1000
MODELS_AT_ONCE = 100
"""So many are written in one transaction, and told of after it: others wait for neither for long."""


class Looking:
    """One look at a time. `before_look` is awaited each time the models directory is there; `look_again` has
    everything looked at soon."""

    def __init__(
        self,
        database: Database,
        root: ConfinedRoot,
        telling: Telling,
        entry: Callable[[str], Awaitable[CatalogEntry | None]],
        clock: Callable[[], datetime],
        before_look: Callable[[], Awaitable[None]],
        staged: Callable[[], Awaitable[bool]],
        look_again: Callable[[], None],
    ) -> None:
        self._database = database
        self._root = root
        self._telling = telling
        self._entry = entry
        self._clock = clock
        self._before_look = before_look
        self._staged = staged
        self._look_again = look_again
        self._outside = OutsideLook()
        self._sight: Sight | None = None
        """What the last look saw, where nothing was the matter with the models directory."""
        self._outside_models: dict[str, str] = {}
        """Which model each file outside is of, by its path."""
        self._one = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Nobody looks meanwhile."""
        async with self._one:
            yield

    def call_away(self, paths: frozenset[str]) -> bool:
        """Have these outside files count as away while they are missing; whether that is news."""
        news, self._outside.away = self._outside.away != paths, paths
        return news

    async def look(self, *, accept: bool) -> tuple[ScanResult, frozenset[str]]:
        """What there was to change, and the folders to watch.

        With `accept` a models directory that was never seen before counts as ours though it is empty;
        without, the artifacts that are not in it are offline rather than missing.
        """
        async with self._one:
            # Rows first: what is installed meanwhile has its files before its row, and raises no suspicion.
            rows = await store.all_artifacts(self._database.reader)
            staged = await self._staged()
            self._sight = None
            sight = await asyncio.to_thread(look, self._root)
            paths, elsewhere = await asyncio.to_thread(_places_of, rows)
            if sight.present:
                files = await asyncio.to_thread(respelled, self._root, sight.files, paths)
                sight = replace(sight, files=files)
            outside = await self._outside.look(elsewhere)
            marked = sight.marked or accept
            away = is_offline(
                present=sight.present, marked=marked, rows=paths, found=sight.files, staged=staged
            )
            finds: dict[Key, CatalogEntry] = {}
            if not (sight.unsafe or away):
                if not sight.marked:
                    await asyncio.to_thread(mark, self._root)
                await self._before_look()
                keys = await asyncio.to_thread(_new_keys, sight.files, rows)
                finds = await self._finds(sight.files, keys)
                self._sight = sight
            suspects = await asyncio.to_thread(
                _suspects, rows, sight.files, outside, offline=sight.unsafe or away
            )
            added, changed = await self._settle(suspects, finds, outside, unsafe=sight.unsafe, away=away)
            unknown = await asyncio.to_thread(_unknown, sight.files, rows)
            if added or changed or unknown:  # what was installed meanwhile may be among the unknown
                await asyncio.to_thread(freed, rows)
                rows = await store.all_artifacts(self._database.reader)
                unknown = await asyncio.to_thread(_unknown, sight.files, rows)
            result = ScanResult(
                added=added,
                changed=changed,
                missing=sum(row.state is ArtifactState.MISSING for row in rows),
                unknown_files=unknown,
            )
            self._outside_models = await asyncio.to_thread(_models_elsewhere, rows)
            await asyncio.to_thread(freed, rows)
            return result, sight.folders | await asyncio.to_thread(_folders_of, self._outside_models)

    async def look_in(self, changed: frozenset[str]) -> frozenset[str] | None:
        """The same where only `changed` can be otherwise than at the last look: folders of the models
        directory, relative to it, and absolute paths elsewhere. Nothing else is looked at. None: look at
        everything."""
        async with self._one:
            before = self._sight
            if before is None:
                return None
            inside = frozenset(path for path in changed if not path.startswith("/"))
            if any("/" not in path for path in inside):
                return None  # a publisher came or went
            sight = await asyncio.to_thread(look_again, self._root, before, inside)
            if not sight.present or sight.unsafe or not sight.marked:
                return None
            touched = await asyncio.to_thread(_touched, before.files, sight.files)
            self._sight = sight
            keys = {place[0] for path in touched if (place := key_of(path))}
            # A file that came and went between two looks was seen by none, and may have a row by now.
            models = {key.model for key in keys} | {"/".join(path.split("/")[:2]) for path in inside}
            models |= {model for path, model in self._outside_models.items() if path in changed}
            rows = await store.of_models(self._database.reader, models)
            outside = await self._outside.look([file for row in rows for file in row.elsewhere])
            finds = await self._finds(sight.files, keys - {row.key for row in rows})
            suspects = await asyncio.to_thread(_suspects, rows, sight.files, outside, offline=False)
            await self._settle(suspects, finds, outside, unsafe=False, away=False)
            return sight.folders | await asyncio.to_thread(_folders_of, self._outside_models)

    async def storage_present(self) -> bool:
        """Whether the models directory is the one where the artifacts and downloads are, and not the empty
        mount point of a drive that is away. It carries the marker from then on."""
        rows = await store.all_artifacts(self._database.reader)
        staged = await self._staged()

        def is_there() -> bool:
            if is_marked(self._root):
                return True
            paths, _ = _places_of(rows)
            found = look_at(self._root, paths)
            present = self._root.present()
            if is_offline(present=present, marked=False, rows=paths, found=found, staged=staged):
                return False
            mark(self._root)
            return True

        return await asyncio.to_thread(is_there)

    async def check(self, row: Stored) -> Stored:
        """The row after a look at its own files.

        Raises:
            NotFound: it was removed meanwhile.
        """
        inside = await asyncio.to_thread(look_at, self._root, row.inside)
        outside = await self._outside.look(row.elsewhere)
        away = not inside and (row.state is ArtifactState.OFFLINE or not await self.storage_present())
        if row.seen(inside | outside.found, offline=away, away=outside.away) == row:
            return row
        await self._settle([row], {}, outside, unsafe=False, away=away)
        fresh = await store.get(self._database.reader, row.id)
        if fresh is None:
            raise no_artifact()
        if fresh.state is not ArtifactState.OK:
            self._look_again()  # a drive that is back within a moment is no other one, and nobody tells of it
        return fresh

    async def put(self, tx: Transaction, artifact: Stored) -> None:
        """Write the artifact, with what its files in the models directory are now."""
        found = await asyncio.to_thread(look_at, self._root, artifact.inside)
        known = {file.path: file.mtime_ns for file in artifact.elsewhere}
        known |= {path: file.mtime_ns for path, file in found.items()}
        traces = tuple(
            Trace(facts.inode, facts.ctime_ns, facts.links) if (facts := found.get(path)) else None
            for path in artifact.paths
        )
        files = tuple(
            replace(file, verified_at=artifact.verified_at if file.sha256 else None, damaged=())
            for file in artifact.files
        )
        times = tuple(known.get(path) for path in artifact.paths)
        await store.put(tx, replace(artifact, mtimes_ns=times, traces=traces, files=files))

    async def _finds(self, files: Mapping[str, Found], keys: Collection[Key]) -> dict[Key, CatalogEntry]:
        """Those of folders that no row knows whose files the catalog knows."""
        finds = {}
        async for key in unhurried(sorted(keys)):
            entry = await self._entry(key.model)
            if entry is not None and adopted_files(key, entry, files):
                finds[key] = entry
        return finds

    async def _settle(
        self,
        suspects: Collection[Stored],
        finds: Mapping[Key, CatalogEntry],
        outside: Elsewhere,
        *,
        unsafe: bool,
        away: bool,
    ) -> tuple[int, int]:
        """(artifacts added, changed), after a second look in the transaction: downloads and removals went on
        since the first. Files elsewhere are not looked at again: their drive may hang, and the writer with
        it."""
        models = sorted({row.key.model for row in suspects} | {key.model for key in finds})
        added = changed = 0
        for start in range(0, len(models), MODELS_AT_ONCE):
            some = set(models[start : start + MODELS_AT_ONCE])
            more = await self._settle_some(
                [row for row in suspects if row.key.model in some],
                {key: entry for key, entry in finds.items() if key.model in some},
                outside,
                unsafe=unsafe,
                away=away,
            )
            added, changed = added + more[0], changed + more[1]
        return added, changed

    async def _settle_some(
        self,
        suspects: Collection[Stored],
        finds: Mapping[Key, CatalogEntry],
        outside: Elsewhere,
        *,
        unsafe: bool,
        away: bool,
    ) -> tuple[int, int]:
        added = changed = 0
        models = {row.key.model for row in suspects} | {key.model for key in finds}
        wanted = [path for row in suspects for path in row.inside]
        wanted += [
            f"{folder_of(key)}/{file.name}"
            for key, entry in finds.items()
            for option in entry.options
            for file in option.files
            if option.id == key.option
        ]
        async with self._database.transaction() as tx, self._telling.of(tx, *models):
            inside = await asyncio.to_thread(look_at, self._root, wanted)
            found = inside | outside.found
            present = {row.id: row for row in await store.of_models(tx, models)}
            for suspect in suspects:
                row = present.get(suspect.id)
                if row is None:
                    continue
                seen = row.seen(found, offline=unsafe or (away and not inside), away=outside.away)
                if seen != row:
                    await store.set_state(tx, seen.id, seen.state, seen.verified_at)
                    if seen.files != row.files or seen.traces != row.traces:
                        await store.set_checks(tx, seen)
                    changed += replace(seen, traces=row.traces, outside=row.outside) != row
                if seen.outside != row.outside:
                    await store.set_devices(tx, seen.id, seen.outside)
            for key, entry in finds.items():
                artifact = self._adopted(key, entry, found)
                if artifact is not None and await store.id_of(tx, key) is None:
                    await self.put(tx, artifact)
                    added += 1
        return added, changed

    def _adopted(self, key: Key, entry: CatalogEntry, found: Mapping[str, Found]) -> Stored | None:
        adopted = adopted_files(key, entry, found)
        if adopted is None:
            return None
        option, files = adopted
        return Stored(
            id=secrets.token_hex(8),
            key=key,
            format=option.format.value,
            quantization=option.quantization,
            source="scan",
            state=ArtifactState.OK,
            digest=option_digest(option.files),
            verified_at=None,
            installed_at=rfc3339(self._clock()),
            files=files,
            mtimes_ns=(),
        )


def _places_of(rows: Collection[Stored]) -> tuple[set[str], list[Outside]]:
    """Their files in the models directory, and those elsewhere."""
    inside = {path for row in rows for path in row.inside}
    return inside, [file for row in rows for file in row.elsewhere]


def _unknown(files: Mapping[str, Found], rows: Collection[Stored]) -> tuple[str, ...]:
    """The first of those that no row has."""
    return tuple(sorted(files.keys() - _places_of(rows)[0])[:UNKNOWN_FILES_MAX])


def _new_keys(files: Iterable[str], rows: Iterable[Stored]) -> set[Key]:
    """What the files are of, where no row is."""
    return {place[0] for path in files if (place := key_of(path))} - {row.key for row in rows}


def _models_elsewhere(rows: Iterable[Stored]) -> dict[str, str]:
    return {file.path: row.key.model for row in rows for file in row.elsewhere}


def _suspects(
    rows: Iterable[Stored], inside: Mapping[str, Found], outside: Elsewhere, *, offline: bool
) -> list[Stored]:
    """Those that are not as their rows say."""
    found = {**inside, **outside.found}
    return [row for row in rows if row.seen(found, offline=offline, away=outside.away) != row]


def _touched(before: Mapping[str, Found], now: Mapping[str, Found]) -> set[str]:
    """Paths of files that came, went or changed."""
    return {path for path, _ in before.items() ^ now.items()}


def _folders_of(outside: Iterable[str]) -> frozenset[str]:
    """The folders of files elsewhere that are there, to be watched too."""
    return frozenset(str(folder) for folder in {Path(path).parent for path in outside} if folder.is_dir())
