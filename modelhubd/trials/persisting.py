"""Writing down what has to be written down: tried again while the database's disk is full."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import TypeVar

from modelhubd.full_disk import is_full

log = logging.getLogger(__name__)
T = TypeVar("T")

AGAIN_S = 2.0


async def until_written(write: Callable[[], Awaitable[T]], what: str) -> T:
    """What `write` answers once there is room and nobody else holds the database; until then nobody is told
    anything. Any other error is raised: trying again would not help."""
    while True:
        try:
            return await write()
        except sqlite3.OperationalError as error:
            if not is_full(error) and not _is_busy(error):
                raise
            log.warning("%s cannot be written down now (%s): it is tried again", what, error)
            await asyncio.sleep(AGAIN_S)


def _is_busy(error: sqlite3.OperationalError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)  # absent where Python itself raises
    return bool(code & 0xFF == sqlite3.SQLITE_BUSY)
