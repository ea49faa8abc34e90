"""What a daemon and its children use: CPU seconds, and memory of their own (page cache aside). Linux."""

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EVERY_S = 0.03
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass
class Peaks:
    """Most bytes at any moment: anonymous memory, and the resident set with files and libraries."""

    daemon: int = 0
    daemon_resident: int = 0
    worker: int = 0
    worker_resident: int = 0


def cpu_seconds(pid: int) -> float:
    """Of the process, of its children that have ended, and of those that run."""
    return _cpu(pid) + sum(_cpu(child) for child in children(pid))


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, task.read_text().split())
    return found


@contextlib.contextmanager
def watched(pid: int) -> Iterator[Peaks]:
    """Looks at the process and its largest child until the block ends."""
    peaks, ended = Peaks(), threading.Event()

    def look() -> None:
        while not ended.wait(EVERY_S):
            anonymous, resident = _memory(pid)
            peaks.daemon = max(peaks.daemon, anonymous)
            peaks.daemon_resident = max(peaks.daemon_resident, resident)
            for child in children(pid):
                anonymous, resident = _memory(child)
                peaks.worker = max(peaks.worker, anonymous)
                peaks.worker_resident = max(peaks.worker_resident, resident)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) * TICK_S


def _memory(pid: int) -> tuple[int, int]:
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        values = dict(line.split(":", 1) for line in lines if line.startswith(("RssAnon", "VmRSS")))
        if len(values) == 2:
            anonymous, resident = (int(values[name].split()[0]) * 1024 for name in ("RssAnon", "VmRSS"))
            return anonymous, resident
    return 0, 0
