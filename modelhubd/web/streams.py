"""Answers that go on for as long as somebody reads them."""

import asyncio
import contextlib
from collections.abc import Iterator

from aiohttp import web

UNWRITABLE_S = 30.0
"""A reader who takes nothing for so long is cut off."""


async def send(response: web.StreamResponse, data: bytes, *, within_s: float = UNWRITABLE_S) -> None:
    """Write the next part of a begun answer.

    Raises:
        TimeoutError: the reader has not taken what was sent before.
        ConnectionError: the reader is gone.
    """
    async with asyncio.timeout(within_s):
        await response.write(data)


@contextlib.contextmanager
def cut_off_when_stuck(request: web.Request) -> Iterator[None]:
    """Around the writing of an answer: when `send` fails, the connection ends and drops what is unsent."""
    try:
        yield
    except (ConnectionError, TimeoutError):
        if request.transport is not None:
            # Closing would wait for the reader to take what is buffered, and so for ever.
            request.transport.abort()
