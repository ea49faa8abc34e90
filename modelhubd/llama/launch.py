"""What to start, and what the life of every server shares."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from modelhubd.llama.discovery import Build
from modelhubd.llama.store import Child
from modelhubd.wire.servers import LoadSettings, Server


class Launch(Struct, frozen=True, kw_only=True):
    """What to start. `needed_bytes` is the estimate; a load beyond it is stopped unless `force` is set."""

    build: Build
    settings: LoadSettings
    model: Path
    projector: Path | None = None
    embeddings: bool = False
    ranks: bool = False
    needed_bytes: int = 0
    mapped_bytes: int = 0
    force: bool = False
    yields: bool = False
    """Makes way for every other load, even while it answers, and runs at the lowest priority."""
    startable: bool = True
    """False for a file whose header is bad: no server is started on it."""


class Machine(Struct, frozen=True, kw_only=True):
    """What of the device a server's life needs. Memory in bytes, processor time in seconds; None where the
    process is gone."""

    rss: Callable[[int], int | None]
    cpu_s: Callable[[int], float | None]
    process_start_time: Callable[[int], float | None]
    boot_id: Callable[[], str]


class Surroundings(Struct, frozen=True, kw_only=True):
    """What every server's life shares."""

    runtime_dir: Path
    logs_dir: Path
    environ: Mapping[str, str]
    machine: Machine
    clock: Callable[[], datetime]
    chance: Callable[[], float]
    save: Callable[[Server, Child], Awaitable[None]]
    used: Callable[[Server, int], None]
    """Called with the number of requests in flight whenever it or the progress of a load changes."""
