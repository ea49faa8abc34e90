"""Whether installed files still hold what they should: read whole, and what is wrong fetched again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from modelhubd.errors import Conflict
from modelhubd.library import integrity_store, store
from modelhubd.library.examining import Examination, Outcome
from modelhubd.library.jobs import Jobs, Progress
from modelhubd.library.judging import Judged, Known, judge
from modelhubd.library.layout import Key
from modelhubd.library.looking import Looking
from modelhubd.library.naming import no_artifact
from modelhubd.library.pieces import the_rest
from modelhubd.library.store import Stored
from modelhubd.library.telling import Telling
from modelhubd.storage.confined import ConfinedRoot, identity_of
from modelhubd.storage.database import Database
from modelhubd.wire.base import rfc3339
from modelhubd.wire.jobs import Job
from modelhubd.wire.library import (
    Artifact,
    ArtifactFile,
    ArtifactState,
    FileVerdict,
    Held,
    RepairResult,
    VerifyResult,
)

log = logging.getLogger(__name__)
TRIES = 3
"""How often a file is read again that somebody writes to meanwhile."""
BEFORE_LOAD_S = 20.0

Refetch = Callable[[Key, tuple[Held, ...], Progress], Awaitable[str]]
"""Has what is missing of these files fetched; answers the id of the download."""


async def nobody_refetches(_key: Key, _held: tuple[Held, ...], _progress: Progress) -> str:
    """Where there is no download queue."""
    raise Conflict("There is nobody here who downloads.", code="no_origin")


class Reading(Struct, frozen=True):
    """A file as it was read, and what that means; `found` is None where it is not there."""

    found: Outcome | None
    judged: Judged


class Integrity:
    """`refetch` has the damaged ranges of an artifact downloaded; `show` answers one that can be used."""

    def __init__(
        self,
        database: Database,
        root: ConfinedRoot,
        *,
        telling: Telling,
        looking: Looking,
        jobs: Jobs,
        clock: Callable[[], datetime],
        refetch: Refetch,
        show: Callable[[str], Awaitable[Artifact]],
    ) -> None:
        self._database = database
        self._root = root
        self._telling = telling
        self._looking = looking
        self._jobs = jobs
        self._clock = clock
        self._refetch = refetch
        self._show = show

    async def verify(self, library_id: str) -> Job:
        """Read every file of an artifact and compare it with its digests, in the background.

        Raises:
            NotFound: no such artifact.
            Conflict: its drive is away, or another job works on it.
        """
        row = await self._present(library_id)

        async def work(progress: Progress) -> VerifyResult:
            progress.expect(total_bytes=row.size_bytes, total_files=len(row.files))
            verdicts = [await self._read(row, file, progress) for file in row.files]
            fresh = await self._present(library_id)
            return VerifyResult(state=fresh.state, files=tuple(verdicts))

        return self._jobs.start("verify", work, library_id=library_id, model=str(row.key))

    async def repair(self, library_id: str) -> Job:
        """Find what is wrong with an artifact and have just that fetched again, in the background.

        Raises:
            NotFound: no such artifact.
            Conflict: a server runs it, its drive is away, or another job works on it.
        """
        row = await self._present(library_id)
        if servers := self._telling.loaded_by(library_id):
            raise Conflict(
                f"{row.key} is loaded by server {', '.join(servers)}. Unload it first.", code="loaded"
            )
        if any(path.startswith("/") for path in row.paths):
            raise Conflict(
                f"{row.key} has files outside the models directory, which are not ours to change. "
                "Repair them with the program that they belong to, or download the model.",
                code="not_ours",
            )

        async def work(progress: Progress) -> RepairResult:
            fresh = await self._looking.check(row)
            unknown = [file for file in fresh.files if not (file.verified_at or file.damaged)]
            progress.expect(total_bytes=sum(file.size_bytes for file in unknown))
            for file in unknown:
                await self._read(fresh, file, progress)
            held = await self._held(await self._present(library_id))
            await self._present(library_id)
            missing = sum(file.size_bytes - sum(end - start for start, end in file.good) for file in held)
            if all(file.whole for file in held):
                return RepairResult(download=None, missing_bytes=0)
            return RepairResult(
                download=await self._refetch(fresh.key, held, progress), missing_bytes=missing
            )

        return self._jobs.start("repair", work, library_id=library_id, model=str(row.key))

    async def proven(self, artifact: Artifact, *, required: bool) -> Artifact:
        """The artifact, read again first where that is `required` and it was changed since it was checked.

        Raises:
            NotFound: it was removed meanwhile.
            Conflict: (`being_verified`) that takes longer than somebody waits; it goes on. Or it is damaged.
        """
        if not required or artifact.verified_at is not None or artifact.digest is None:
            return artifact
        await self.verified_soon(artifact.id)
        return await self._show(artifact.id)

    async def verified_soon(self, library_id: str) -> None:
        """Have an artifact read before it is used, if nobody knows whether it is still right.

        Raises:
            NotFound: no such artifact.
            Conflict: (`being_verified`) that takes longer than somebody waits; it goes on.
        """
        job = self._jobs.holding(library_id) or await self.verify(library_id)
        if await self._jobs.ended(job.id, within_s=BEFORE_LOAD_S):
            return
        raise Conflict(
            f"{job.model} was changed since it was checked, and is being read again by job {job.id}. "
            "Try again when that has ended.",
            code="being_verified",
            retry_after_s=30,
        )

    async def record(self, row: Stored, file: ArtifactFile, reading: Reading) -> None:
        """Write what a reading found, and tell readers of what has changed by it."""
        found, judged = reading.found, reading.judged
        if found is None:
            return
        now = rfc3339(self._clock())
        sha256 = found.sha256 or file.sha256
        async with self._database.transaction() as tx, self._telling.of(tx, row.key.model):
            present = await store.get(tx, row.id)
            if present is None or file.name not in {item.name for item in present.files}:
                return
            await integrity_store.set_found(
                tx,
                row.id,
                file.name,
                mtime_ns=found.mtime_ns,
                trace=found.trace,
                verified_at=now if judged.right else None,
                damaged=judged.damaged,
                first_sha256=judged.first_sha256,
            )
            if judged.keep_pieces and found.pieces is not None and sha256 is not None:
                await integrity_store.keep_pieces(tx, sha256, found.size_bytes, found.pieces)
            fresh = await store.get(tx, row.id)
            assert fresh is not None
            right = all(item.verified_at for item in fresh.files)
            damaged = any(item.damaged for item in fresh.files)
            state = fresh.state
            if state in (ArtifactState.OK, ArtifactState.DAMAGED):
                state = ArtifactState.DAMAGED if damaged else ArtifactState.OK
            oldest = min((item.verified_at or "" for item in fresh.files), default=None)
            await store.set_state(tx, row.id, state, oldest if right else None)
            if judged.state is ArtifactState.DAMAGED:
                log.warning("%s of %s is damaged: %s", file.name, row.key, judged.damaged)

    async def known(self, row: Stored, file: ArtifactFile) -> Known:
        """What a file is to be compared with."""
        reader = self._database.reader
        seen = None if file.sha256 else await integrity_store.seen_sha256(reader, row.id, file.name)
        pieces = await integrity_store.pieces_of(reader, file.sha256 or seen, file.size_bytes)
        return Known(file, seen, pieces)

    async def _read(self, row: Stored, file: ArtifactFile, progress: Progress) -> FileVerdict:
        known = await self.known(row, file)
        path = row.paths[row.files.index(file)]
        reading = await progress.in_thread(lambda: read(self._root, path, known, progress.add))
        progress.add(0, 1)
        await self.record(row, file, reading)
        return FileVerdict(
            name=file.name,
            state=reading.judged.state,
            sha256=None if reading.found is None else reading.found.sha256,
            promised=file.sha256 is not None,
            damaged=reading.judged.damaged,
        )

    async def _held(self, row: Stored) -> tuple[Held, ...]:
        """What of each file is right, by what is known of it."""
        return await asyncio.to_thread(lambda: tuple(map(self._held_of, row.files, row.paths)))

    def _held_of(self, file: ArtifactFile, path: str) -> Held:
        try:
            facts = self._root.stat(path)
        except FileNotFoundError:
            good: tuple[tuple[int, int], ...] = ()
            identity = None
        else:
            good = the_rest(file.damaged, file.size_bytes)
            good = tuple((start, min(end, facts.st_size)) for start, end in good if start < facts.st_size)
            identity = identity_of(facts)
        return Held(
            name=file.name, size_bytes=file.size_bytes, sha256=file.sha256, good=good, identity=identity
        )

    async def _row(self, library_id: str) -> Stored:
        row = await store.get(self._database.reader, library_id)
        if row is None:
            raise no_artifact()
        return row

    async def _present(self, library_id: str) -> Stored:
        row = await self._looking.check(await self._row(library_id))
        if row.state is ArtifactState.OFFLINE:
            raise Conflict(
                f"{row.key} cannot be read: the drive that its files are on is away. Plug it in.",
                code="storage_offline",
            )
        return row


def read(root: ConfinedRoot, path: str, known: Known, advance: Callable[[int], None]) -> Reading:
    """Read a whole file, and once more by its pieces where it is wrong and they are known. Blocks.

    Raises:
        OSError: it cannot be read.
        Conflict: somebody keeps writing to it.
    """
    for _ in range(TRIES):
        try:
            found = _once(root, path, advance, whole=True, pieces=not known.pieces_known)
            assert found.sha256 is not None
            judged = judge(known, found.size_bytes, found.sha256, found.pieces)
            if judged.state is ArtifactState.DAMAGED and known.pieces_known and found.steady:
                sha256 = found.sha256
                found = replace(_once(root, path, lambda _: None, whole=False, pieces=True), sha256=sha256)
                judged = judge(known, found.size_bytes, sha256, found.pieces)
        except FileNotFoundError:
            return Reading(None, Judged(ArtifactState.MISSING, right=False))
        if found.steady:
            return Reading(found, judged)
    raise Conflict(
        "A file of it is being written to. Wait until that is over and try again.", code="changing"
    )


def _once(
    root: ConfinedRoot, path: str, advance: Callable[[int], None], *, whole: bool, pieces: bool
) -> Outcome:
    with Examination(root, path, whole=whole, pieces=pieces, helped=True) as reading:
        while count := reading.step():
            advance(count)
        return reading.outcome()
