"""Notices when somebody else changes the models directory.

Each folder is watched by itself: a recursive watch follows symbolic links, so that one planted link would
have us watch the whole machine, and it would wake up for every byte that a download stages.
"""

import asyncio
import contextlib
import importlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

log = logging.getLogger(__name__)

STEP_MS = 200
"""How often gathered changes are looked for."""
DEBOUNCE_MS = 400
TICK_MS = 800
"""How often the root itself is looked at: a drive may be plugged in or out, which no watch tells."""


def is_visible(_change: object, path: str) -> bool:
    """Whether it is no dot file or folder of ours or the system's."""
    return not Path(path).name.startswith(".")


async def watch(root: Path, look: Callable[[], Awaitable[frozenset[str]]], *, again: asyncio.Event) -> None:
    """Await `look` at the start, and again within about a second of a change beneath `root`, of `root` coming
    or going, and of `again` being set. It returns the folders to watch, relative to the root. Never ends.
    """
    while True:
        identity = await _identity(root)
        again.clear()
        folders = await look()
        if identity is None:
            while await _identity(root) is None and not again.is_set():
                await _tick(again)
            continue
        try:
            await _watch_folders(root, folders, look, again)
        except OSError as error:
            log.debug("the models directory cannot be watched just now: %s", error)
            await _tick(again)


async def _watch_folders(
    root: Path,
    folders: frozenset[str],
    look: Callable[[], Awaitable[frozenset[str]]],
    again: asyncio.Event,
) -> None:
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
                fresh = False
                again.clear()
                if await look() != folders:
                    return


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
