"""The models directory moves to another drive, and may be killed at any moment.

First every file is brought over, then one transaction makes the new folder the models directory, then the old
one is emptied. Until that transaction everything goes on in the old place, but downloads, which wait.
"""

import asyncio
import errno
import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from modelhubd.downloads.service import Downloads
from modelhubd.errors import Conflict, InvalidInput, NoSpace
from modelhubd.library.jobs import Jobs, Progress
from modelhubd.library.service import Library
from modelhubd.llama.service import Servers
from modelhubd.space import copying, store
from modelhubd.space.measuring import disk_of
from modelhubd.space.states import Event, State, advance
from modelhubd.space.store import Move
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.storage.database import Database
from modelhubd.storage.room import refuse_without_room
from modelhubd.tasks import in_thread, uninterrupted
from modelhubd.trust.names import case_twins
from modelhubd.wire.base import Message
from modelhubd.wire.jobs import Job
from modelhubd.wire.servers import ServerState
from modelhubd.wire.status import ConfigValue

log = logging.getLogger(__name__)
KIND = "move"
AWAY = (errno.ENODEV, errno.ESTALE, errno.ENXIO)
PASSES = 20
"""How often what has changed meanwhile is brought over before the last look."""
LOOK_S = 0.2
LOADING_LOOKS = 3000
"""Ten minutes: a load that takes longer has its file open."""


class Moved(Message, frozen=True, kw_only=True):
    """What a move came to: the files that are in the new folder."""

    files: int
    size_bytes: int
    left_behind: bool = False
    """Whether the old folder could not be emptied yet; that is tried again at the next start."""


class Around(Struct, frozen=True, kw_only=True):
    """What a move needs of the rest of the daemon. `fixed_by` tells which layer decides where the models
    directory is, if people cannot; `in_force` is called once another folder is it."""

    database: Database
    library: Library
    downloads: Downloads
    servers: Servers
    jobs: Jobs
    reserve_bytes: int
    fixed_by: str | None
    in_force: Callable[[Path], None]


class Moving:
    def __init__(self, around: Around) -> None:
        self._around = around
        self._closing = False
        self._began = around.library.root.root

    def close(self) -> None:
        """The daemon ends: what is under way is cut short, and goes on at the next start."""
        self._closing = True

    def described(self) -> dict[str, ConfigValue]:
        """`models.dir` for `GET /config`, where it is another one than at the start; else nothing."""
        folder = self._around.library.root.root
        if folder == self._began:
            return {}
        return {store.DIR: ConfigValue(value=str(folder), source="saved")}

    async def take_up(self) -> None:
        """Go on with a move that was cut short. Call it before downloads start."""
        move = await store.move(self._around.database.reader)
        if move is None:
            return
        self._begin(move)

    async def move(self, path: str) -> Job:
        """Begin to move the models directory there.

        Raises:
            InvalidInput: the path is not one that models can be kept in.
            Conflict: `decided_elsewhere`, `move_under_way`, `job_under_way`, `storage_offline`.
            NoSpace: the disk cannot hold the models besides the reserve.
        """
        around = self._around
        if around.fixed_by is not None:
            raise Conflict(
                f"Where the models directory is, is decided by {around.fixed_by}. Change it there.",
                code="decided_elsewhere",
            )
        if (begun := await store.move(around.database.reader)) is not None:
            asked = await in_thread(lambda: str(Path(path).expanduser().resolve()))
            if around.jobs.holding(KIND) is None and asked == begun.target:
                return self._begin(begun)  # a drive went away meanwhile
            raise Conflict(
                "The models directory is being moved already. `modelhub jobs` shows it. Where a drive went "
                "away meanwhile, plug it in and ask for the same move again.",
                code="move_under_way",
            )
        if not await around.library.storage_present():
            raise Conflict("The models directory is away. Plug its drive in first.", code="storage_offline")
        target, made = await in_thread(lambda: self._checked(path))
        move = Move(
            id=secrets.token_hex(8),
            source=str(around.library.root.root),
            target=str(target),
            state=State.COPYING,
            made=made,
            place=await in_thread(lambda: copying.place_of(around.library.root)),
        )
        async with around.database.transaction(durable=True) as tx:
            await store.put_move(tx, move)
        try:
            await in_thread(lambda: copying.mark(ConfinedRoot(target), move.id))
            return self._begin(move)
        except BaseException:
            await uninterrupted(self._give_up(move))
            raise

    def _begin(self, move: Move) -> Job:
        return self._around.jobs.start(
            KIND,
            lambda progress: self._work(move, progress),
            model=Path(move.target).name,
            alone=True,
            holds=KIND,
        )

    async def _work(self, move: Move, progress: Progress) -> Moved:
        await self._around.downloads.scheduler.hold()
        try:
            if move.state is State.COPYING:
                try:
                    move = await self._over(move, progress)
                except BaseException as error:
                    # A drive that is away comes back: the move goes on when asked again, or at a start.
                    if not (self._closing or (isinstance(error, OSError) and error.errno in AWAY)):
                        await uninterrupted(self._give_up(move))
                    raise
            if move.state is State.UNDOING:
                await uninterrupted(self._undone(move))
                raise Conflict("The move was given up before.", code="cancelled")
            return await uninterrupted(self._emptied(move, progress))
        finally:
            self._around.downloads.scheduler.let_go()
            await uninterrupted(self._around.downloads.storage_changed())

    async def _over(self, move: Move, progress: Progress) -> Move:
        """Bring everything over and switch; the move as it is then."""
        source = await in_thread(ConfinedRoot(Path(move.source)).pinned)
        target = await in_thread(ConfinedRoot(Path(move.target)).pinned)
        if not await self._around.library.storage_present():
            raise OSError(errno.ENODEV, "the models directory is away")
        if not await in_thread(lambda: copying.is_marked(target, move.id)):
            raise OSError(errno.ENODEV, "the new folder is away")
        await in_thread(lambda: _refuse_twins(source, target))
        for _ in range(PASSES):
            if not await progress.in_thread(lambda: _pass(source, target, progress)):
                break
        async with self._around.library.still():
            progress.final = True
            return await uninterrupted(self._switch(move, source, target))

    async def _switch(self, move: Move, source: ConfinedRoot, target: ConfinedRoot) -> Move:
        """The one step. What has come since the last pass is brought over in it: nothing else is written."""
        async with self._around.database.transaction(durable=True) as tx:
            files = await in_thread(lambda: _last_pass(source, target))
            await self._around.library.stamp(tx, target.root)
            state = advance(move.state, Event.SWITCHED)
            assert state is not None
            moved = replace(move, state=state)
            await store.put_move(tx, moved)
            await store.set_models_dir(tx, move.target)
            tx.after_commit(lambda: self._around.in_force(target.root))
        log.info("%d files have been moved; the models directory is the new folder", len(files))
        return moved

    async def _emptied(self, move: Move, progress: Progress) -> Moved:
        """Remove what was moved from the old folder, once no server is about to open it."""
        source, target = ConfinedRoot(Path(move.source)), ConfinedRoot(Path(move.target))
        await self._until_nothing_loads()
        left = False
        try:
            await in_thread(lambda: copying.clear(source, move.place))
        except OSError as error:
            left = True
            log.warning("the old models directory cannot be emptied now: %s", error.strerror)
        if not left:
            await in_thread(lambda: copying.unmark(target))
            await self._turn(move, Event.CLEARED)
        files = await in_thread(lambda: copying.files_of(target))
        return Moved(
            files=len(files), size_bytes=sum(file.size_bytes for file in files.values()), left_behind=left
        )

    async def _until_nothing_loads(self) -> None:
        loading = (ServerState.STARTING, ServerState.LOADING)
        for _ in range(LOADING_LOOKS):
            if not any(server.state in loading for server in self._around.servers.running()):
                return
            await asyncio.sleep(LOOK_S)

    async def _give_up(self, move: Move) -> None:
        now = await store.move(self._around.database.reader)
        if now is None or now.id != move.id or now.state is not State.COPYING:
            return
        if (moved := await self._turn(now, Event.GIVEN_UP)) is not None:
            await self._undone(moved)

    async def _undone(self, move: Move) -> None:
        source, target = ConfinedRoot(Path(move.source)), ConfinedRoot(Path(move.target))
        try:
            await in_thread(lambda: copying.undo(source, target, made=move.made))
        except OSError as error:
            log.warning("copies in the new folder cannot be removed: %s", error.strerror)
        await self._turn(move, Event.UNDONE)

    async def _turn(self, move: Move, event: Event) -> Move | None:
        state = advance(move.state, event)
        after = None if state is None else replace(move, state=state)
        async with self._around.database.transaction(durable=True) as tx:
            await store.put_move(tx, after)
        return after

    def _checked(self, path: str) -> tuple[Path, bool]:
        """(the folder, whether it was made for this). Blocks."""
        root = self._around.library.root
        asked = Path(path).expanduser()
        if not asked.is_absolute():
            raise InvalidInput.at("/path", "write the whole path, beginning with /")
        target, source = asked.resolve(), root.root.resolve()
        if target == source or target.is_relative_to(source) or source.is_relative_to(target):
            raise InvalidInput.at("/path", "choose a folder outside the one where the models are")
        made = not target.exists()
        try:
            if made:
                target.mkdir(mode=0o700)
            if any(target.iterdir()):
                raise InvalidInput.at("/path", "the folder is not empty; choose one that is, or a new one")
            if (fault := ConfinedRoot(target).fault()) is not None:
                raise InvalidInput.at("/path", f"{fault}; choose one that is yours alone")
            if not os.access(target, os.W_OK | os.X_OK):
                raise InvalidInput.at("/path", "you cannot write there")
            self._refuse_without_room(root, ConfinedRoot(target))
        except (InvalidInput, NoSpace):
            if made and target.is_dir():
                target.rmdir()
            raise
        except OSError as error:
            raise InvalidInput.at("/path", f"it cannot be used: {error.strerror}") from error
        return target, made

    def _refuse_without_room(self, source: ConfinedRoot, target: ConfinedRoot) -> None:
        if copying.same_disk(source, target):
            return
        size = copying.bytes_of(copying.files_of(source).values())
        disk = disk_of(target)
        if disk is not None:
            refuse_without_room("The models", size, reserve=self._around.reserve_bytes, free=disk[0])


def _pass(source: ConfinedRoot, target: ConfinedRoot, progress: Progress) -> bool:
    """Whether anything was different; it is not any more, unless it changes again. Blocks."""
    here, there = copying.files_of(source), copying.files_of(target)
    missing, extra = copying.differing(here, there)
    done = progress.value
    progress.expect(
        total_bytes=done.done_bytes + sum(here[path].size_bytes for path in missing),
        total_files=done.done_files + len(missing),
    )
    copying.bring_all_over(source, target, missing, progress.add, copying.twins_in(here, there))
    for path in extra:
        target.unlink(path)
    return bool(missing or extra)


def _last_pass(source: ConfinedRoot, target: ConfinedRoot) -> dict[str, copying.File]:
    """The same without a word, and the list of what is moved goes into the old folder. Blocks."""
    here = copying.files_of(source)
    there = copying.files_of(target)
    missing, extra = copying.differing(here, there)
    copying.bring_all_over(
        source, target, missing, lambda done_bytes, done_files: None, copying.twins_in(here, there)
    )
    for path in extra:
        target.unlink(path)
    # What comes after it is the removal of all that is listed: each must be there.
    if lacking := copying.differing(here, copying.files_of(target))[0]:
        raise _collide(lacking[0], "another name")
    target.fsync_dir()
    copying.put_list(source, here)
    return here


def _refuse_twins(source: ConfinedRoot, target: ConfinedRoot) -> None:
    """Blocks."""
    if copying.takes_letters_alike(target) and (twins := case_twins(copying.files_of(source))) is not None:
        raise _collide(*twins)


def _collide(one: str, other: str) -> Conflict:
    return Conflict(
        f"{one} and {other} cannot lie side by side on the new drive, which takes their names for one. "
        "Rename one of them, then move again.",
        code="names_collide",
    )
