"""Servers that outlived a daemon: recognised by what only they have, never by a name."""

import asyncio
import contextlib
import logging
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

from modelhubd.llama import store
from modelhubd.llama.command import INSTANCE_VARIABLE
from modelhubd.llama.health import peer_pid
from modelhubd.llama.store import Child
from modelhubd.storage.database import Database

log = logging.getLogger(__name__)

OUR_SOCKET = re.compile(r"[0-9a-f]{8}\.sock")

SAME_START_S = 0.05
STEP_S = 0.05
TERM_STEPS, KILL_STEPS = 40, 60


def leftover_pid(child: Child, *, boot_id: str, start_time: Callable[[int], float | None]) -> int | None:
    """The process of this start if it still runs and certainly is ours, else None.

    Ours is: started at the recorded second on this boot, or listening on our socket; and its environment
    names our instance, where that can be read.
    """
    if child.boot_id != boot_id:
        return None
    listening = peer_pid(child.socket) if child.socket else None
    pid = child.pid or listening
    if pid is None or (started := start_time(pid)) is None:
        return None
    same_start = child.process_started is not None and abs(started - child.process_started) < SAME_START_S
    if not same_start and listening != pid:
        return None
    instance = instance_of(pid)
    return pid if instance in (None, child.instance) else None


def instance_of(pid: int) -> str | None:
    """The instance that the environment of `pid` names ("" if none); None where it cannot be read."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    prefix = f"{INSTANCE_VARIABLE}=".encode()
    for entry in environment.split(b"\0"):
        if entry.startswith(prefix):
            return entry.removeprefix(prefix).decode("ascii", "replace")
    return ""


async def end_leftover(pid: int, start_time: Callable[[int], float | None]) -> bool:
    """End `pid` (SIGTERM, after 2 s SIGKILL to its session); whether it is gone within 5 s."""
    started = start_time(pid)

    def gone() -> bool:
        return start_time(pid) != started

    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    for _ in range(TERM_STEPS):
        if gone():
            return True
        await asyncio.sleep(STEP_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    for _ in range(KILL_STEPS):
        if gone():
            return True
        await asyncio.sleep(STEP_S)
    return gone()


async def end_leftovers(database: Database, boot_id: str, start_time: Callable[[int], float | None]) -> None:
    """End every process of an earlier daemon that is certainly ours, all at once, and forget all rows."""
    found = await store.children(database.reader)
    pids = [leftover_pid(child, boot_id=boot_id, start_time=start_time) for child in found.values()]
    await asyncio.gather(*(_end(pid, start_time) for pid in pids if pid is not None))
    async with database.transaction() as tx:
        for server_id in found:
            await store.remove(tx, server_id)


async def _end(pid: int, start_time: Callable[[int], float | None]) -> None:
    log.warning("a llama-server of an earlier daemon still runs as %s and is ended", pid)
    if not await end_leftover(pid, start_time):
        log.error("the llama-server %s cannot be ended; end it by hand", pid)


def forget_dead_sockets(folder: Path) -> None:
    """Remove sockets of servers that nobody answers on any more."""
    for path in folder.iterdir():
        if OUR_SOCKET.fullmatch(path.name) and path.is_socket() and peer_pid(str(path)) is None:
            path.unlink(missing_ok=True)
