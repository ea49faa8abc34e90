"""Updates that nobody asks for one by one: within the hours that are set for them, and only what nothing
holds back. Their downloads keep to the limits and the schedule of all downloads."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from modelhubd.downloads.schedule import Local, allowed, read_window
from modelhubd.wire.updates import AppliedUpdates, ApplyUpdates, Update, UpdateKind, UpdateState

log = logging.getLogger(__name__)
LOOK_S = 60.0


class Updating(Protocol):
    """What is newer, and having it; see `Updates`."""

    async def all(self) -> tuple[Update, ...]: ...
    async def apply(self, request: ApplyUpdates, /) -> AppliedUpdates: ...


def due(updates: Sequence[Update]) -> tuple[str, ...]:
    """Ids of those that may be applied without a word: what has failed before waits for somebody."""
    return tuple(
        update.id
        for update in updates
        if update.state is UpdateState.AVAILABLE
        and update.kind is UpdateKind.VERSION
        and update.error is None
    )


async def keep_updated(
    updating: Updating,
    *,
    window: str,
    clock: Callable[[], datetime],
    local: Local,
    offline: Callable[[], bool],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Apply what is due whenever the wall clock shows a time of the `window`. Never ends."""
    hours = read_window(window)
    while True:
        if not offline() and allowed(hours, local(clock()).time()):
            try:
                await _apply(updating)
            except Exception:
                log.exception("what is newer could not be applied by itself")
        await sleep(LOOK_S)


async def _apply(updating: Updating) -> None:
    if not (ids := due(await updating.all())):
        return
    answer = await updating.apply(ApplyUpdates(ids=ids))
    for update in answer.applied:
        log.info("%s is updated by itself to version %d", update.model, update.version)
    for refused in answer.refused:
        log.warning("an update cannot be applied by itself: %s", refused.detail)
