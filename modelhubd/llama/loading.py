"""Waiting for a server to answer, and knowing when it never will."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp

from modelhubd.llama import health
from modelhubd.llama.command import Endpoint
from modelhubd.llama.launch import Launch, Machine
from modelhubd.llama.logs import ServerLog
from modelhubd.llama.process import Process
from modelhubd.wire.units import human_bytes

FIRST_POLL_S, LONGEST_POLL_S = 0.02, 0.2
REST_S = 0.01
"""Between two polls, however much the server says meanwhile."""
STALL_S = 120.0
"""Seconds without a word from a loading server after which it counts as hung."""
ALLOWED_EXCESS = 1.2
PROGRAM_BYTES = 512 * 1024**2
"""What the program itself may take beyond the estimate of its model."""


class Loading:
    """One process on its way to its first answer. `on_progress` is called when it tells of it."""

    def __init__(
        self,
        process: Process,
        launch: Launch,
        machine: Machine,
        log: ServerLog,
        on_progress: Callable[[float], None],
    ) -> None:
        self._process = process
        self._launch = launch
        self._machine = machine
        self._log = log
        self._on_progress = on_progress

    async def until_ready(
        self, session: aiohttp.ClientSession, endpoint: Endpoint, stop: "asyncio.Future[None]"
    ) -> tuple[str, str] | None:
        """None once it answers, has ended, or a stop is asked; else the error's code and the reason why it
        never will."""
        loop = asyncio.get_running_loop()
        poll_s, seen, seen_at, told = FIRST_POLL_S, -1, 0.0, self._log.progress
        changed = self._log.changed
        while not await health.is_ready(session, endpoint, self._process.pid):
            await _first_of((stop, self._process.ended), within_s=REST_S)
            await _first_of((stop, self._process.ended, changed), within_s=poll_s)
            if stop.done() or self._process.ended.done():
                return None
            changed = self._log.changed
            poll_s = min(poll_s * 1.3, LONGEST_POLL_S)
            if self._log.bytes_seen != seen:
                seen, seen_at = self._log.bytes_seen, loop.time()
            elif loop.time() - seen_at > STALL_S:
                return "timeout", f"it has said nothing for {STALL_S:.0f} s while loading"
            if self._log.progress is not None and self._log.progress != told:
                told = self._log.progress
                self._on_progress(told)
            if excess := self._excess():
                return excess
        return None

    def _excess(self) -> tuple[str, str] | None:
        held, expected = self._machine.rss(self._process.pid), self._launch.needed_bytes
        if self._launch.force or held is None or held <= expected * ALLOWED_EXCESS + PROGRAM_BYTES:
            return None
        took = f"loading took {human_bytes(held)} where {human_bytes(expected)} were expected"
        return "out_of_memory", f"{took}, and was stopped"


async def _first_of(waited: "Sequence[asyncio.Future[Any]]", *, within_s: float) -> None:
    await asyncio.wait(waited, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
