"""Deletes the files of one artifact and nothing else; those outside the models directory stay.

The row says first that it is being removed, and readers see it no more; then the files go, then the row.
An end of the daemon in between is made up for at the next look.
"""

import asyncio
import contextlib
import errno
import logging
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from modelhubd.errors import Conflict
from modelhubd.library import integrity_store, store
from modelhubd.library.jobs import under_way
from modelhubd.library.layout import Key, folder_of
from modelhubd.library.naming import no_artifact
from modelhubd.library.store import Stored
from modelhubd.library.telling import Telling
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.storage.database import Database, Transaction
from modelhubd.wire.jobs import Job
from modelhubd.wire.library import ArtifactState, RemovedArtifact

log = logging.getLogger(__name__)


class Removals:
    """One at a time. `holding` names the job that works on an artifact."""

    def __init__(
        self,
        database: Database,
        root: ConfinedRoot,
        telling: Telling,
        storage_present: Callable[[], Awaitable[bool]],
        loaded: Callable[[], Mapping[str, tuple[str, ...]]],
        forgotten: Callable[[Transaction, str], Awaitable[None]] | None = None,
        holding: Callable[[str], Job | None] = lambda library_id: None,
    ) -> None:
        self._holding = holding
        self._forgotten = forgotten
        self._database = database
        self._root = root
        self._telling = telling
        self._storage_present = storage_present
        self._loaded = loaded
        self._one = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Nothing is removed meanwhile, and nothing is half removed."""
        await self.finish_all()
        async with self._one:
            yield

    async def remove(self, library_id: str) -> RemovedArtifact:
        """Delete the artifact's files and its row; where the files are gone already, only the row.

        Raises:
            NotFound: no such artifact.
            Conflict: a server runs it, a job works on it, its drive is away, a file cannot be deleted, or
                another source answers for it.
        """
        async with self._one:
            root = await self._root_if_there()
            async with self._database.transaction() as tx:
                row = await store.get(tx, library_id)
                if row is None:
                    raise no_artifact()
                if servers := self._loaded().get(library_id):
                    raise Conflict(
                        f"{row.key} is loaded by server {', '.join(servers)}. Unload it first.", code="loaded"
                    )
                if (job := self._holding(library_id)) is not None:
                    raise under_way(job)
                if row.managed is not None:
                    raise Conflict(managed_detail(row), code="managed")
                if row.inside and (row.state is ArtifactState.OFFLINE or root is None):
                    raise Conflict(
                        f"{row.key} cannot be removed: the models directory is away. Plug its drive in; "
                        "if it was emptied on purpose, make the folder again and scan it (modelhub scan).",
                        code="storage_offline",
                    )
                async with self._telling.of(tx, row.key.model):
                    await store.set_removing(tx, library_id, removing=True)
            return await self._finish(row, root)

    async def finish_all(self) -> None:
        """Those that an end of the daemon cut short."""
        async with self._one:
            rows = await store.being_removed(self._database.reader)
            root = await self._root_if_there() if rows else None
            for row in rows:
                if root is None and row.inside:
                    continue
                with contextlib.suppress(Conflict):
                    await self._finish(row, root)
                    log.info("finished removing %s", row.key)

    async def _root_if_there(self) -> ConfinedRoot | None:
        """The models directory as long as its drive is the one of now; None while it is away."""
        try:
            root = await asyncio.to_thread(self._root.pinned)
        except OSError:
            return None
        return root if await self._storage_present() else None

    async def _finish(self, row: Stored, root: ConfinedRoot | None) -> RemovedArtifact:
        left: tuple[str, ...] = ()
        try:
            # Files outside the models directory are somebody else's: only our row goes.
            if row.inside and root is not None:
                left = await asyncio.to_thread(delete_files, root, row.key, row.inside)
        except OSError as error:
            if error.errno == errno.ENODEV:
                raise Conflict(
                    f"The drive went away while {row.key} was removed. The rest of it goes when the drive is "
                    "back.",
                    code="storage_offline",
                ) from error
            async with self._database.transaction() as tx, self._telling.of(tx, row.key.model):
                await store.set_removing(tx, row.id, removing=False)
            raise Conflict(
                f"{row.key} cannot be removed: {error.strerror}. Correct that and remove it again.",
                code="cannot_remove",
            ) from error
        async with self._database.transaction() as tx:
            await store.forget_removed(tx, row.id)
            if self._forgotten is not None and not await store.of_model(tx, row.key.model):
                await self._forgotten(tx, row.key.model)
            await integrity_store.forget_pieces(tx)
        return RemovedArtifact(id=row.id, left_files=left)


def managed_detail(row: Stored) -> str:
    kind, _, name = (row.managed or "").partition(":")
    return f"{row.key} is provided by {kind} {name} and cannot be removed by hand: it goes when that does."


def delete_files(root: ConfinedRoot, key: Key, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Delete `paths` and the folders that are empty then; a file that is gone already is fine.

    What else is in the artifact's folder is left there and returned, relative to it. Blocks.

    Raises:
        OSError: a file cannot be deleted, a link is in the way, or the models directory went away.
    """
    for path in paths:
        try:
            root.unlink(path)
        except FileNotFoundError:
            continue
        except OSError:
            if not _is_folder(root, path):
                raise
    for path in paths:
        root.remove_empty_parents(path)
    folder = folder_of(key)
    left: tuple[str, ...] = ()
    with contextlib.suppress(FileNotFoundError):
        left = tuple(path.removeprefix(f"{folder}/") for path, _ in root.walk(folder))
    if not root.present():
        raise OSError(errno.ENODEV, "the models directory went away")
    return left


def _is_folder(root: ConfinedRoot, path: str) -> bool:
    with contextlib.suppress(OSError):
        return stat.S_ISDIR(root.stat(path).st_mode)
    return False
