"""Notices when somebody changes `catalog.d`."""

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from modelhubd.catalog.local import Signature, signature

log = logging.getLogger(__name__)

LOOK_S = 3.0
"""How often the folder is looked at even if no change was told: some file systems tell none."""
STEP_MS = 50
DEBOUNCE_MS = 400


async def watch_folder(folder: Path, seen: Signature, changed: Callable[[], Awaitable[object]]) -> None:
    """Await `changed` whenever `folder` no longer looks as it was `seen`; never ends.

    That is within a second where the system tells changes.
    """
    # Not imported at the top: the daemon answers before it needs it.
    watchfiles = await asyncio.to_thread(importlib.import_module, "watchfiles")
    while True:
        try:
            async for _ in watchfiles.awatch(
                folder,
                recursive=False,
                step=STEP_MS,
                debounce=DEBOUNCE_MS,
                rust_timeout=int(LOOK_S * 1000),
                yield_on_timeout=True,
            ):
                present = await asyncio.to_thread(signature, folder)
                if present != seen:
                    seen = present
                    await changed()
        except OSError as error:
            log.debug("catalog.d cannot be watched just now: %s", error.strerror or type(error).__name__)
            await asyncio.sleep(LOOK_S)
