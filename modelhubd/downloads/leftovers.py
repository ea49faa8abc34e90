"""Partial files that belong to no download: found, shown, and removed when somebody says so. Never before."""

import contextlib
import logging
import stat
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

from msgspec import Struct

from modelhubd.downloads import store
from modelhubd.downloads.rows import NOTHING, StoredDownload
from modelhubd.downloads.staging import STAGING
from modelhubd.downloads.surroundings import Surroundings
from modelhubd.errors import Conflict, InvalidInput, NotFound
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.tasks import in_thread
from modelhubd.wire.base import rfc3339
from modelhubd.wire.downloads import KeptLeftover, Leftover, RemovedLeftovers
from modelhubd.wire.downloads import Leftovers as LeftoversAnswer
from modelhubd.wire.units import human_bytes

log = logging.getLogger(__name__)
SOME = 500
BLOCK = 512
"""What `st_blocks` counts in."""


class Found(Struct, frozen=True):
    """What is at one name in the staging folder."""

    leftover: Leftover
    is_folder: bool


def look(root: ConfinedRoot) -> list[Found]:
    """Everything in the staging folder, in order of name. Blocks. No link is followed.

    Raises:
        OSError: it cannot be read; a staging folder that is not there holds nothing.
    """
    found: dict[str, Found] = {}
    try:
        names = root.names(STAGING)
    except FileNotFoundError:
        return []
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            found[name] = _measured(root, name)
    return list(found.values())


def _measured(root: ConfinedRoot, name: str) -> Found:
    path = f"{STAGING}/{name}"
    facts = root.stat(path)
    is_folder = stat.S_ISDIR(facts.st_mode)
    blocks, latest = facts.st_blocks, facts.st_mtime
    for _, inner in root.walk(path) if is_folder else ():
        blocks += inner.st_blocks
        latest = max(latest, inner.st_mtime)
    modified_at = rfc3339(datetime.fromtimestamp(latest, UTC))
    return Found(Leftover(name=name, size_bytes=blocks * BLOCK, modified_at=modified_at), is_folder)


def owns(row: StoredDownload | None) -> bool:
    """Whether the row has a right to what is in the staging folder under its id."""
    return row is not None and not (row.ended and row.staged == NOTHING)


class Leftovers:
    """`locked(id)` keeps what happens to one download, such as a retry, from happening meanwhile."""

    def __init__(
        self, around: Surroundings, locked: Callable[[str], AbstractAsyncContextManager[object]]
    ) -> None:
        self._around = around
        self._locked = locked
        self.count = 0
        self.total_bytes = 0
        """As of the last look."""

    async def find(self) -> LeftoversAnswer:
        """What there is now.

        Raises:
            Conflict: the models directory is away.
        """
        found = await self._look()
        return LeftoversAnswer(
            items=tuple(item.leftover for item in found),
            total_bytes=sum(item.leftover.size_bytes for item in found),
        )

    async def report(self) -> None:
        """Look, and say in the log what there is."""
        try:
            await self._look()
        except Conflict:
            return  # looked for when the directory is back
        if self.count:
            log.warning(
                "%d partial files of no download hold %s; `modelhub downloads prune` shows and removes them",
                self.count,
                human_bytes(self.total_bytes),
            )

    async def remove(self, names: Sequence[str] | None) -> RemovedLeftovers:
        """Remove the named, or all.

        Raises:
            Conflict: the models directory is away; a download owns one of the named (nothing is removed).
            NotFound, InvalidInput: one of the named is not there; is no name.
        """
        found = {item.leftover.name: item for item in await self._look()}
        if names is not None:
            await self._check(names, found)
            found = {name: found[name] for name in names if name in found}
        removed, kept = [], []
        for name, item in found.items():
            reason = await self._remove(item)
            if reason is None:
                removed.append(item.leftover)
            else:
                kept.append(KeptLeftover(name=name, reason=reason))
        freed = sum(item.size_bytes for item in removed)
        self.count -= len(removed)
        self.total_bytes -= freed
        if removed:
            log.info("%d partial files of no download were removed: %s", len(removed), human_bytes(freed))
        return RemovedLeftovers(removed=tuple(removed), freed_bytes=freed, kept=tuple(kept))

    async def _look(self) -> list[Found]:
        if not await self._around.storage_present():
            raise _away()
        try:
            found = await in_thread(lambda: look(self._around.root))
        except OSError as error:
            raise _away() from error
        owned = await self._owned([item.leftover.name for item in found])
        left = [item for item in found if item.leftover.name not in owned]
        self.count = len(left)
        self.total_bytes = sum(item.leftover.size_bytes for item in left)
        return left

    async def _owned(self, names: Sequence[str]) -> set[str]:
        owned: set[str] = set()
        for some in (names[start : start + SOME] for start in range(0, len(names), SOME)):
            rows = await store.get_all(self._around.database.reader, some)
            owned.update(row.id for row in rows if owns(row))
        return owned

    async def _check(self, names: Sequence[str], found: dict[str, Found]) -> None:
        for place, name in enumerate(names):
            if name in found:
                continue
            if not name or "/" in name or "\\" in name or "\0" in name or name in (".", ".."):
                raise InvalidInput.at(f"/names/{place}", "not the name of a leftover")
            if owns(await store.get(self._around.database.reader, name)):
                raise Conflict(
                    f"{name} belongs to a download. Cancel the download to give its space back.",
                    code="leftover_owned",
                )
            raise NotFound(
                f"There is no leftover {name}. List them to see their names.", code="leftover_not_found"
            )

    async def _remove(self, item: Found) -> str | None:
        """None once it is gone; why it stays otherwise."""
        name, root = item.leftover.name, self._around.root
        path = f"{STAGING}/{name}"
        async with self._locked(name):
            if owns(await store.get(self._around.database.reader, name)):
                return "it belongs to a download now"
            try:
                await in_thread(lambda: root.remove_tree(path) if item.is_folder else root.unlink(path))
            except FileNotFoundError:
                return None
            except OSError as error:
                return f"it cannot be removed ({error.strerror or 'input/output error'})"
        return None


def _away() -> Conflict:
    return Conflict(
        "The models directory is away. Plug its drive in, then look for leftovers again.",
        code="storage_offline",
    )
