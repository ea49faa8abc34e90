"""Notices when somebody else changes the models directory.

Each folder is watched by itself: a recursive watch follows symbolic links, so that one planted link would
have us watch the whole machine, and it would wake up for every byte that a download stages. Where the file
system tells of no changes, as those of other machines, everything is looked at again from time to time.
"""

import asyncio
import contextlib
import importlib
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from modelhubd.library.mounts import tells_of_changes

log = logging.getLogger(__name__)

STEP_MS = 100
"""How often gathered changes are looked for."""
DEBOUNCE_MS = 400
TICK_MS = 800
"""How often the root itself is looked at: a drive may be plugged in or out, which no watch tells."""
RESCAN_S = 5.0
"""Between looks at everything where nothing is told; longer where a look takes long."""
AFTER_FAULT_S = 2.0
RESCAN_SHARE = 20
"""A look takes at most this part of the time."""

Look = Callable[[frozenset[str] | None], Awaitable[frozenset[str]]]
"""Looks at what changed, or at everything where that is None; answers the folders to watch."""


def is_visible(_change: object, path: str) -> bool:
    """Whether it is no dot file or folder of ours or the system's."""
    return not Path(path).name.startswith(".")


def folders_of(root: Path, changed: Iterable[str], watched: frozenset[str]) -> frozenset[str]:
    """What is to be looked at after changes at these paths: folders relative to the root, of which only
    what is directly in them can have changed; elsewhere the paths themselves. Pure."""
    found = set()
    for text in changed:
        path = Path(text)
        if not path.is_relative_to(root):
            found.add(text)
            continue
        relative = path.relative_to(root).as_posix()
        if relative == "." or relative in watched:
            found.add("" if relative == "." else relative)
        if relative != ".":
            parent = path.relative_to(root).parent.as_posix()
            found.add("" if parent == "." else parent)
    return frozenset(found)


async def keep_watching(root: Path, look: Look, *, again: asyncio.Event) -> None:
    """`watch`, taken up again where a look failed: what was seen could not be written down. Never ends."""
    while True:
        try:
            await watch(root, look, again=again)
        except (sqlite3.Error, OSError) as error:
            log.warning("the models directory cannot be looked at now (%s): it is tried again", error)
            await asyncio.sleep(AFTER_FAULT_S)


async def watch(
    root: Path,
    look: Look,
    *,
    again: asyncio.Event,
    tells: Callable[[Path], bool] = tells_of_changes,
    rescan_s: float = RESCAN_S,
) -> None:
    """Await `look` at the start, and again within about a second of a change beneath `root`, of `root` coming
    or going, and of `again` being set. `tells` says whether notification works there. Never ends.
    """
    while True:
        identity = await _identity(root)
        again.clear()
        began = time.monotonic()
        folders = await look(None)
        took = time.monotonic() - began
        if identity is None:
            while await _identity(root) is None and not again.is_set():
                await _tick(again)
            continue
        try:
            if await asyncio.to_thread(tells, root):
                await _watch_folders(root, folders, look, again)
                continue
        except FileNotFoundError:
            await _tick(again)  # a folder went before it was watched
            continue
        except OSError as error:
            # Too many watches, or a file system that has none.
            log.info("the models directory cannot be watched just now: %s", error)
        await _rest(root, identity, again, max(rescan_s, RESCAN_SHARE * took))


async def _watch_folders(root: Path, folders: frozenset[str], look: Look, again: asyncio.Event) -> None:
    """Until other folders are to be watched, or the root is another one."""
    identity = await _identity(root)
    # Not imported at the top: the daemon answers before it needs it.
    changes = (await asyncio.to_thread(importlib.import_module, "watchfiles")).awatch(
        *sorted(root / folder for folder in folders),
        recursive=False,
        watch_filter=is_visible,
        step=STEP_MS,
        debounce=DEBOUNCE_MS,
        rust_timeout=TICK_MS,
        yield_on_timeout=True,
    )
    fresh = True
    async with contextlib.aclosing(changes):
        async for changed in changes:
            if await _identity(root) != identity:
                return
            if changed or fresh or again.is_set():
                # What happened between the last look and the start of this watch was told by nobody: `fresh`.
                whole = fresh or again.is_set()
                fresh = False
                again.clear()
                where = None if whole else folders_of(root, (path for _, path in changed), folders)
                if await look(where) != folders:
                    return


async def _rest(root: Path, identity: tuple[int, int], again: asyncio.Event, seconds: float) -> None:
    """For so long, unless the root becomes another one or somebody wants a look."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not again.is_set() and await _identity(root) == identity:
        await _tick(again)


async def _tick(again: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TICK_MS / 1000):
            await again.wait()


async def _identity(root: Path) -> tuple[int, int] | None:
    """Asked in a thread: a network drive that hangs must not hang the daemon."""
    try:
        facts = await asyncio.to_thread(root.stat)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
