"""Reads what is installed again, slowly, while nobody needs the machine: a disk forgets without telling."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from modelhubd.library import integrity_store, store
from modelhubd.library.due import due_files
from modelhubd.library.examining import Examination
from modelhubd.library.integrity import Integrity, Reading
from modelhubd.library.integrity_store import Position
from modelhubd.library.judging import Judged, Known, judge
from modelhubd.library.pieces import DIGEST_BYTES, joined, piece_span
from modelhubd.library.quiet import in_quiet_thread
from modelhubd.library.store import Stored
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.storage.database import Database
from modelhubd.tasks import uninterrupted
from modelhubd.wire.library import ArtifactFile, ArtifactState

log = logging.getLogger(__name__)
LOOK_S = 60.0
"""Between looks for whether the machine is idle and something is due."""
SAVE_EVERY = 8
"""Pieces, after which the place is written down."""
REST = timedelta(days=1)
"""A file that was read is left alone for so long, whatever happens to its `verified_at`: a network drive may
make up another inode for it at each look (SMB with `noserverino`), and it would be read without end."""
AHEAD = 100
"""So many files are chosen at once: to choose is to look through all that is installed."""


class Scrub:
    """`run` it in a task. `is_idle` says whether nobody needs the machine just now; it is asked before each
    piece of 16 MiB, and while it says no the file is let go of."""

    def __init__(
        self,
        database: Database,
        root: ConfinedRoot,
        integrity: Integrity,
        *,
        every: timedelta,
        bytes_per_s: int,
        is_idle: Callable[[], Awaitable[bool]],
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        save_every: int = SAVE_EVERY,
    ) -> None:
        self._database = database
        self._root = root
        self._integrity = integrity
        self._every = every
        self._bytes_per_s = bytes_per_s
        self._is_idle = is_idle
        self._clock = clock
        self._sleep = sleep
        self._save_every = save_every
        self._passed: set[tuple[str, str]] = set()
        self._read_at: dict[tuple[str, str], datetime] = {}
        self._due: list[tuple[str, str]] = []

    async def run(self) -> None:
        """Never ends."""
        while True:
            await self._sleep(LOOK_S)
            try:
                while await self._is_idle() and await self.one():
                    pass
            except OSError as error:
                log.info("the scrub cannot read just now: %s", error.strerror)
            except sqlite3.Error as error:
                log.warning("what the scrub finds cannot be written down now (%s): it goes on later", error)

    async def one(self) -> bool:
        """Read the file that is due; False where none is."""
        while self._due or await self._choose():
            artifact_id, name = self._due.pop(0)
            self._passed.add((artifact_id, name))
            row = await store.get(self._database.reader, artifact_id)
            file = next((file for file in row.files if file.name == name), None) if row else None
            if row is not None and file is not None and row.state is ArtifactState.OK:
                await self._read(row, file)
                return True
        self._passed.clear()
        return False

    async def _choose(self) -> bool:
        """Whether any file is due; the first of them are read next."""
        reader = self._database.reader
        rows = await store.all_artifacts(reader)
        with_pieces = await integrity_store.with_pieces(reader)
        before = self._clock() - REST
        self._read_at = {file: at for file, at in self._read_at.items() if at > before}
        due = await asyncio.to_thread(
            due_files,
            rows,
            with_pieces=with_pieces,
            passed=self._passed | self._read_at.keys(),
            now=self._clock(),
            every=self._every,
        )
        self._due = [(row.id, file.name) for row, file in due[:AHEAD]]
        return bool(self._due)

    async def _read(self, row: Stored, file: ArtifactFile) -> None:
        known = await self._integrity.known(row, file)
        path = row.paths[row.files.index(file)]
        begun = await self._begun(row, file, known)
        try:
            reading = await in_quiet_thread(
                lambda: Examination(
                    self._root,
                    path,
                    whole=not known.pieces_known,
                    pieces=True,
                    first_piece=begun.next_piece,
                    aside=True,
                )
            )
        except FileNotFoundError:
            return  # the next look tells that it is missing
        with reading:
            damaged = await self._through(reading, known, begun)
            found = reading.outcome()
        async with self._database.transaction() as tx:
            await integrity_store.set_position(tx, None)
        if not found.steady:
            return  # somebody writes to it: the next look tells
        if found.sha256 is not None:
            judged = judge(known, found.size_bytes, found.sha256, found.pieces)
        elif damaged or found.size_bytes != file.size_bytes:
            judged = Judged(ArtifactState.DAMAGED, right=False, damaged=damaged or ((0, file.size_bytes),))
        else:
            judged = Judged(ArtifactState.OK, right=True)
        await self._integrity.record(row, file, Reading(found, judged))
        self._read_at[row.id, file.name] = self._clock()

    async def _through(
        self, reading: Examination, known: Known, begun: Position
    ) -> tuple[tuple[int, int], ...]:
        """Read on to the end, a piece at a time; the damage by pieces, where these are known."""
        piece, damaged = begun.next_piece, begun.damaged
        while True:
            while not await self._is_idle():
                await in_quiet_thread(reading.rest)
                await self._sleep(LOOK_S)
            count = await uninterrupted(in_quiet_thread(reading.step, idle=True))
            if not count:
                return damaged
            if known.pieces is not None and known.pieces_known:
                before = known.pieces[piece * DIGEST_BYTES : (piece + 1) * DIGEST_BYTES]
                if before and reading.pieces[-DIGEST_BYTES:] != before:
                    damaged = joined((*damaged, piece_span(piece, known.file.size_bytes)))
                piece += 1
                if piece % self._save_every == 0:
                    await self._save(begun, piece, damaged)
            await self._sleep(count / self._bytes_per_s)

    async def _begun(self, row: Stored, file: ArtifactFile, known: Known) -> Position:
        """Where an earlier daemon stopped, if this is the file that it was reading."""
        afresh = Position(row.id, file.name, file.sha256 or "", 0, ())
        if not known.pieces_known:
            return afresh
        before = await integrity_store.position(self._database.reader)
        if before is None or (before.artifact_id, before.name, before.sha256) != (
            afresh.artifact_id,
            afresh.name,
            afresh.sha256,
        ):
            return afresh
        return before

    async def _save(self, begun: Position, piece: int, damaged: tuple[tuple[int, int], ...]) -> None:
        async with self._database.transaction() as tx:
            await integrity_store.set_position(
                tx, Position(begun.artifact_id, begun.name, begun.sha256, piece, damaged)
            )
