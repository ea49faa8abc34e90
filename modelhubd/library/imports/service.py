"""Imports models: brings what files are found to be into the library, and undoes what was cut short."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from modelhubd.errors import Conflict, InvalidInput
from modelhubd.library.imports import store
from modelhubd.library.imports.placing import (
    CannotLink,
    in_the_way,
    place,
    remove_moved,
    stage_copy,
    stage_link,
    staging_of,
    undo,
)
from modelhubd.library.imports.planned import (
    Planned,
    fault_in_reference,
)
from modelhubd.library.imports.planner import CatalogSide, Planner
from modelhubd.library.imports.sources import (
    Source,
    changed,
    find_source,
)
from modelhubd.library.jobs import Jobs, Progress
from modelhubd.library.layout import folder_of, key_of
from modelhubd.library.service import Library
from modelhubd.library.states import Outside
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.storage.database import Database, Transaction
from modelhubd.storage.room import refuse_without_room
from modelhubd.storage.sharing import share_right
from modelhubd.tasks import uninterrupted
from modelhubd.trust.names import Reference, is_option_id, parse_reference
from modelhubd.trust.text import printable
from modelhubd.wire.base import rfc3339
from modelhubd.wire.catalog import CatalogEntry, Option
from modelhubd.wire.imports import Imported, ImportMode, ImportRequest, ImportResult
from modelhubd.wire.jobs import Job
from modelhubd.wire.library import Finished

log = logging.getLogger(__name__)


class Imports:
    """`permit` raises where a policy forbids an option of an entry of that source; `older` knows the versions
    that the registry served before, by the digest of an option; `found` gives what another tool holds,
    `promised` how many bytes are still to come for downloads."""

    def __init__(
        self,
        database: Database,
        library: Library,
        jobs: Jobs,
        catalog: CatalogSide,
        *,
        reserve_bytes: int,
        promised: Callable[[], Awaitable[int]],
        clock: Callable[[], datetime],
        permit: Callable[[CatalogEntry, str, Option], Awaitable[None]],
        older: Callable[[str], Awaitable[tuple[str, int, str] | None]],
        found: Callable[[str], Source],
        home: Path | None = None,
    ) -> None:
        self._database = database
        self._library = library
        self._jobs = jobs
        self._catalog = catalog
        self._root = library.root
        self._reserve_bytes = reserve_bytes
        self._promised = promised
        self._home = home or Path.home()
        self._clock = clock
        self._permit = permit
        self._planner = Planner(library, catalog, older)
        self._found = found
        self._active: set[str] = set()

    async def start(self, request: ImportRequest) -> Job:
        """Begin an import; its job tells how it goes on, and its `result` is an `ImportResult`.

        Raises:
            InvalidInput, NotFound, Conflict: there is nothing to be imported there.
            Conflict: the models directory is away.
        """
        asked = _asked(request)
        if (request.path is None) == (request.found is None):
            raise InvalidInput.at("/path", "say either a path or the id of what was found")
        if request.found is not None:
            source = self._found(request.found)
            if request.mode is ImportMode.MOVE:
                raise InvalidInput.at("/mode", "what another tool holds is not taken away from it")
        else:
            source = await asyncio.to_thread(find_source, request.path or "", self._home)
        if not await self._library.storage_present():
            raise Conflict("The models directory is away. Plug its drive in.", code="storage_offline")
        root = await asyncio.to_thread(self._root.pinned)
        self._refuse_own(source, request.mode)
        what = request.found or request.path

        async def work(progress: Progress) -> ImportResult:
            return await self._import(root, source, request.mode, asked, request.option, progress)

        name = printable(Path(request.path).name if request.path else next(iter(source.files)))
        return self._jobs.start("import", work, model=request.model or name, holds=f"import {what}")

    async def recover(self) -> None:
        """Undo what an end of the daemon cut short. Call it whenever the models directory is there."""
        for row in await store.under_way(self._database.reader):
            if row.id not in self._active:
                await self._undo(self._root, row)
                log.info("an import into %s was cut short and is undone", row.folder)

    async def _import(
        self,
        root: ConfinedRoot,
        source: Source,
        mode: ImportMode,
        asked: Reference | None,
        option: str | None,
        progress: Progress,
    ) -> ImportResult:
        planned, left_out, already = await self._planner.plan(source, asked, option, progress)
        for one in planned:
            await self._permit_one(one)
        if not planned:
            raise Conflict(f"It is in the library already: {', '.join(already)}.", code="already_installed")
        if mode is ImportMode.COPY:
            total = sum(one.size_bytes for one in planned)
            await asyncio.to_thread(self._refuse_without_room, total, await self._promised())
            progress.expect(total_bytes=progress.value.done_bytes + total)
        imported: list[Imported] = []
        kept: list[str] = []
        for one in planned:
            last = one is planned[-1]
            if mode is ImportMode.REFERENCE:
                progress.final = last
                imported.append(await self._refer(one))
            else:
                made, stayed = await self._bring(root, one, mode, progress, last=last)
                imported.append(made)
                kept += stayed
        if any(not one.recognised for one in planned):
            await self._catalog.sync()
        return ImportResult(
            imported=tuple(imported), already=tuple(already), left_out=left_out, kept=tuple(kept)
        )

    async def _permit_one(self, planned: Planned) -> None:
        await self._permit(planned.entry, planned.source, planned.option)
        if not planned.recognised and planned.entry.version != 1:
            raise Conflict(f"{planned.key} is not an entry of one's own.", code="not_recognised")

    async def _refer(self, planned: Planned) -> Imported:
        if (fault := fault_in_reference(planned)) is not None:
            raise Conflict(
                f"{planned.key} cannot be used where it is: {fault}. Link it.", code="cannot_refer"
            )
        await asyncio.to_thread(_check_all_unchanged, planned)
        places = {
            name: Outside(str(file.path), file.device, file.inode, file.mtime_ns)
            for name, file in planned.sources.items()
        }
        async with self._database.transaction(durable=True) as tx:
            library_id = await self._library.arrivals.refer(tx, self._finished(planned), places)
            await self._keep_entry(tx, planned)
        return self._imported(planned, library_id, "reference")

    async def _bring(
        self, root: ConfinedRoot, planned: Planned, mode: ImportMode, progress: Progress, *, last: bool
    ) -> tuple[Imported, list[str]]:
        """The artifact, and the names of sources that were to go and did not."""
        row = store.UnderWay(
            id=secrets.token_hex(8),
            folder=folder_of(planned.key),
            files=tuple(planned.sources),
        )
        self._active.add(row.id)
        try:
            async with self._database.transaction(durable=True) as tx:
                await store.begin(tx, row)
            try:
                promised = await self._promised()
                here = await self._here(planned)
                how = await progress.in_thread(
                    lambda: self._stage(root, row, planned, mode, promised, here, progress)
                )
                # From here on it is all or nothing: a cancellation waits, and comes too late for the last.
                progress.final = last
                library_id = await uninterrupted(self._settle(root, row, planned))
            except BaseException:
                await uninterrupted(self._undo_if_begun(root, row.id))
                raise
        finally:
            self._active.discard(row.id)
        kept: list[str] = []
        if mode is ImportMode.MOVE:
            files = planned.sources
            kept = await asyncio.to_thread(lambda: [name for name in files if not remove_moved(files[name])])
        return self._imported(planned, library_id, how), kept

    async def _here(self, planned: Planned) -> dict[str, str]:
        """Where the library has the same bytes, by their SHA-256."""
        found = {}
        for file in planned.option.files:
            path = await self._library.installed_at(file.sha256 or "", planned.sources[file.name].size_bytes)
            if path is not None:
                found[file.sha256 or ""] = path
        return found

    def _refuse_without_room(self, size: int, promised: int) -> None:
        """Blocks."""
        free = self._root.free_bytes()
        refuse_without_room("Copies", size, reserve=self._reserve_bytes, free=free, promised=promised)

    def _stage(
        self,
        root: ConfinedRoot,
        row: store.UnderWay,
        planned: Planned,
        mode: ImportMode,
        promised: int,
        here: Mapping[str, str],
        progress: Progress,
    ) -> str:
        """Blocks. How the bytes got here; a move shares them until the source is removed. Of what is `here`
        already, by SHA-256, no second copy is made."""
        staging = staging_of(row.id)
        if root.exists(row.folder) and root.names(row.folder):
            raise in_the_way()
        hows = set()
        digests = {file.name: file.sha256 for file in planned.option.files}
        for name, file in planned.sources.items():
            target = f"{staging}/{name}"
            root.make_dirs(target.rpartition("/")[0])
            if mode is not ImportMode.COPY:
                try:
                    hows.add(stage_link(root, file, name, target))
                    continue
                except CannotLink:
                    if mode is ImportMode.LINK:
                        raise
            digest = digests[name] or ""
            if digest in here and share_right(root, here[digest], target, digest):
                progress.add(file.size_bytes)
                hows.add("hard_link" if root.stat(target).st_nlink > 1 else "clone")
                continue
            if mode is not ImportMode.COPY:
                self._refuse_without_room(file.size_bytes, promised)
            stage_copy(root, file, name, target, digest, progress.add)
            hows.add("copy")
        root.fsync_dir(staging)
        return "copy" if "copy" in hows else "hard_link" if "hard_link" in hows else "clone"

    async def _settle(self, root: ConfinedRoot, row: store.UnderWay, planned: Planned) -> str:
        async with self._database.transaction(durable=True) as tx:
            await store.set_placing(tx, row.id)
        await asyncio.to_thread(place, root, row.id, row.folder)
        async with self._database.transaction(durable=True) as tx:
            library_id = await self._library.arrivals.add_imported(tx, self._finished(planned))
            await self._keep_entry(tx, planned)
            await store.end(tx, row.id)
        return library_id

    async def _undo_if_begun(self, root: ConfinedRoot, id: str) -> None:
        for row in await store.under_way(self._database.reader):
            if row.id == id:
                try:
                    await self._undo(root, row)
                except OSError as error:
                    # `recover` does it when the drive is back.
                    log.warning("an import into %s cannot be undone now: %s", row.folder, error.strerror)

    async def _undo(self, root: ConfinedRoot, row: store.UnderWay) -> None:
        place = key_of(f"{row.folder}/file")
        adopted = place is not None and await self._library.state_of(place[0]) is not None
        if not adopted or not row.placing:
            await asyncio.to_thread(undo, root, row.id, row.folder, row.files, placing=row.placing)
        async with self._database.transaction(durable=True) as tx:
            await store.end(tx, row.id)

    async def _keep_entry(self, tx: Transaction, planned: Planned) -> None:
        if not planned.recognised:
            await self._catalog.put_imported(tx, planned.entry)

    def _finished(self, planned: Planned) -> Finished:
        return Finished(
            model=planned.key.model,
            version=planned.key.version,
            option=planned.key.option,
            format=planned.option.format.value,
            quantization=planned.option.quantization,
            digest=planned.digest,
            directory=folder_of(planned.key),
            files=planned.files,
            verified_at=rfc3339(self._clock()),
        )

    def _refuse_own(self, source: Source, mode: ImportMode) -> None:
        root = self._root.root.resolve()
        inside = [file for file in source.files.values() if file.path.is_relative_to(root)]
        if inside and mode is ImportMode.REFERENCE:
            raise Conflict(
                "It is in the models directory: move or link it to its place there.", code="cannot_refer"
            )
        if mode is ImportMode.MOVE and any(file.linked for file in source.files.values()):
            raise Conflict(
                "It is a link to a file elsewhere, which a move would take away from its owner: link or "
                "copy it.",
                code="cannot_move",
            )

    def _imported(self, planned: Planned, library_id: str, how: str) -> Imported:
        return Imported(
            library_id=library_id,
            model=planned.key.model,
            version=planned.key.version,
            option=planned.key.option,
            size_bytes=planned.size_bytes,
            recognised=planned.recognised,
            how=how,
        )


def _asked(request: ImportRequest) -> Reference | None:
    """
    Raises:
        InvalidInput: the model is no reference, or the option no option id.
    """
    if request.option is not None and not is_option_id(request.option):
        raise InvalidInput.at("/option", "no option id, such as gguf-q4_k_m")
    if request.model is None:
        return None
    asked = parse_reference(request.model)
    return replace(asked, option=request.option) if request.option else asked


def _check_all_unchanged(planned: Planned) -> None:
    for name, file in planned.sources.items():
        facts = file.path.lstat()
        if (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns) != file.identity:
            raise changed(name)
