"""Whether a model may be loaded beside those that run, and who has to make room."""

import sys
from collections.abc import Collection, Sequence

import msgspec

from modelhubd.wire.units import human_bytes

RESERVE_BYTES = 512 * 1024**2
"""Memory that loads leave to everything else."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A server that holds memory or is about to."""

    id: str
    name: str
    estimated_bytes: int
    mapped_bytes: int
    """Weights in mapped file pages: they are in use, though the system counts them as available."""
    held_bytes: int | None = None
    """What it was seen to hold; None where that cannot be told, as of memory of a GPU."""
    ready: bool
    """Whether it holds all that it will."""
    busy: bool
    yields: bool = False
    """Whether it makes way for every other load, even while it answers."""
    pinned: bool = False
    """Whether it stays however long it is idle."""
    leaving: bool = False
    """Whether it is being stopped."""
    idle_since: float
    """When it was last used, in seconds of any clock."""


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """`evict` are ids of servers that have to be gone first: those that leave anyway, those that yield, then
    idle ones; `fits` is meant after that. Without it, `evict` is what a forced load would unload."""

    fits: bool
    available_bytes: int
    evict: tuple[str, ...] = ()
    reason: str


def place(
    needed_bytes: int,
    running: Sequence[Running],
    *,
    available_bytes: int,
    budget_bytes: int = 0,
    replaced: Collection[str] = (),
) -> Placement:
    """Room for `needed_bytes`, with idle servers making way, least recently used first, if they must.

    `available_bytes` is what the system has now; `budget_bytes` caps all servers together, 0 for no cap. The
    servers whose ids are `replaced` make way for this load in any case: what they hold is free.
    """
    memory = available_bytes - RESERVE_BYTES - sum(_unseen(server) for server in running)
    budget = (budget_bytes or sys.maxsize) - sum(_counted(server) for server in running)
    for server in running:
        if server.id in replaced:
            memory, budget = memory + _freed(server), budget + _counted(server)
    free = max(min(memory, budget), 0)
    staying = [server for server in running if server.id not in replaced]
    evict: list[Running] = []
    for server in sorted(
        filter(_may_go, staying),
        key=lambda server: (not server.leaving, not server.yields, server.idle_since),
    ):
        if needed_bytes <= min(memory, budget):
            break
        evict.append(server)
        memory, budget = memory + _freed(server), budget + _counted(server)
    reason = f"needs {human_bytes(needed_bytes)}, {human_bytes(free)} free for models"
    fits = needed_bytes <= min(memory, budget)
    if not fits:
        held = ", ".join(f"{server.name}{_why_it_stays(server)}" for server in staying)
        reason = f"{reason}; loaded: {held}" if held else reason
    elif idle := ", ".join(server.name for server in evict if not server.leaving):
        reason = f"{reason}; {idle} is idle and would be unloaded"
    return Placement(
        fits=fits, available_bytes=free, evict=tuple(server.id for server in evict), reason=reason
    )


def _may_go(server: Running) -> bool:
    if server.leaving or server.yields:
        return True
    return server.ready and not server.busy and not server.pinned


def _unseen(server: Running) -> int:
    """What the server holds, or will, that the system still counts as available."""
    if server.ready:
        return server.mapped_bytes
    if server.leaving:
        return 0
    taken = max((server.held_bytes or 0) - server.mapped_bytes, 0)
    return max(server.estimated_bytes - taken, server.mapped_bytes)


def _counted(server: Running) -> int:
    """What it counts for against the budget; of one that is stopped while it loads nobody knows."""
    return server.estimated_bytes if server.ready or not server.leaving else 0


def _freed(server: Running) -> int:
    """What its end adds to the memory that is free: no more than it was seen to hold."""
    if not server.ready or server.held_bytes is None:
        return _counted(server)
    return max(server.mapped_bytes, min(server.estimated_bytes, server.held_bytes))


def _why_it_stays(server: Running) -> str:
    if server.leaving:
        return " (stopping)"
    if not server.ready:
        return " (loading)"
    return " (busy)" if server.busy else " (pinned)" if server.pinned else ""
