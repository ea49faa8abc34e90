"""Writing down what has to be written down: tried again while the database's disk is full."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")

AGAIN_S = 2.0


async def until_written(write: Callable[[], Awaitable[T]], what: str) -> T:
    """What `write` answers once the database can be written to; until then nobody is told anything."""
    while True:
        try:
            return await write()
        except sqlite3.OperationalError as error:
            log.warning("%s cannot be written down now (%s): it is tried again", what, error)
            await asyncio.sleep(AGAIN_S)
