"""Request bodies: held to be sent on, understood as far as needed, bounded one by one and together."""

import asyncio
import contextlib
import io
from collections.abc import Iterator

from aiohttp import web

from modelhubd.errors import BadRequest, TooLarge, Unavailable
from modelhubd.exchange import Asked
from modelhubd.gateway.openai import read_asked
from modelhubd.gateway.skeleton import Skeleton

MAX_BODY_BYTES = 64 * 1024**2
"""Of a request: images come inline."""
MAX_SKELETON_BYTES = 8 * 1024**2
"""Of a request without its long texts: so much is parsed at once, which nothing can interrupt."""
MAX_HELD_BYTES = 512 * 1024**2
"""Of all requests at once."""
PIECE_S = 30.0
"""How long the next piece of a body may take to come."""
STEP_BYTES = 16 * 1024
"""So much is looked at before others have their turn."""
_ROOM = 64
"""Blanks before a body, which JSON allows, so that a field can be put in without copying it."""


class Bodies:
    """Reads bodies and knows how much of them is held at the moment."""

    def __init__(self) -> None:
        self.held_bytes = 0

    @contextlib.contextmanager
    def holding(self) -> "Iterator[Holding]":
        """A body to read and to hold while the context lasts."""
        holding = Holding(self)
        try:
            yield holding
        finally:
            self.held_bytes -= holding.size


class Holding:
    """One body. `content` is all of it, to be sent in pieces."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.content = io.BytesIO(b" " * _ROOM)
        self.content.seek(_ROOM)
        self.size = 0

    async def read(self, request: web.Request) -> Asked:
        """Take in the whole body; what of it matters to us.

        Raises:
            TooLarge: beyond 64 MiB, or 8 MiB of it are no long texts.
            Unavailable: the bodies of all requests together take too much memory.
            BadRequest: it does not come, or is not a JSON object.
            InvalidInput: no model is named.
        """
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise _too_large()
        skeleton = Skeleton()
        while piece := await _next_piece(request):
            self._grow(len(piece))
            self.content.write(piece)
            await _look_at(piece, skeleton)
        self.content.seek(_ROOM)
        return read_asked(skeleton.json)

    def copy(self) -> bytes:
        """The body as it came; before anything is put in."""
        with self.content.getbuffer() as held:
            return bytes(held[_ROOM:])

    def put_in(self, fields: bytes) -> None:
        """Have the object, which has a field already, begin with `fields`, such as `"n":1,`. Where it begins
        with many blanks, it stays as it is."""
        first = b"{" + fields
        with self.content.getbuffer() as held:
            at = bytes(held[_ROOM : 2 * _ROOM]).find(b"{")
            if at < 0 or len(first) > _ROOM:
                return
            held[_ROOM + at] = ord(" ")
            held[_ROOM - len(first) : _ROOM] = first
        self.content.seek(_ROOM - len(first))

    def _grow(self, by: int) -> None:
        if self.size + by > MAX_BODY_BYTES:
            raise _too_large()
        if self._bodies.held_bytes + by > MAX_HELD_BYTES:
            raise Unavailable(
                "Too many large requests are under way. Try again when some of them have been answered.",
                code="too_busy",
                retry_after_s=2,
            )
        self.size += by
        self._bodies.held_bytes += by


async def _next_piece(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(PIECE_S):
            return await request.content.readany()
    except TimeoutError:
        raise BadRequest(
            f"The request's body did not come: nothing in {PIECE_S:.0f} s. Send it whole, without pauses.",
            code="body_too_slow",
        ) from None


async def _look_at(piece: bytes, skeleton: Skeleton) -> None:
    for start in range(0, len(piece), STEP_BYTES):
        if start:
            await asyncio.sleep(0)
        skeleton.add(piece[start : start + STEP_BYTES])
        if skeleton.size > MAX_SKELETON_BYTES:
            raise TooLarge(
                f"The request holds more than {MAX_SKELETON_BYTES // 1024**2} MiB of short values. Only long"
                " texts, such as images, may make it larger. Send less at a time."
            )


def _too_large() -> TooLarge:
    return TooLarge(f"The request is larger than {MAX_BODY_BYTES // 1024**2} MiB. Send less.")
