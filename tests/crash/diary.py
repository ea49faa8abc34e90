"""What a worker wrote and what of it is surely on the disk, from a diary that its system calls keep.

A line is `[what, inode, …]`: `dirty` start end before a write, `written` start end after it, `sync` number
before a sync, `synced` number after it, `length` bytes. It is appended at once, so that it survives kill -9.
`lost` is a test's own word for a power loss.
"""

import functools
import itertools
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Span = tuple[int, int]


def keep(path: Path) -> None:
    """Have this process keep the diary. Call it before the modules that use `os` are imported."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
    plain_write, numbers = os.write, itertools.count(1)

    def note(what: str, file: int, *rest: int) -> None:
        plain_write(fd, json.dumps([what, os.fstat(file).st_ino, *rest]).encode() + b"\n")

    def noted_pwrite(original: Callable[..., int], data_size: Callable[[Any], int]) -> Callable[..., int]:
        @functools.wraps(original)
        def write(file: int, data: Any, at: int, *rest: Any) -> int:
            note("dirty", file, at, at + data_size(data))
            count = original(file, data, at, *rest)
            note("written", file, at, at + count)
            return count

        return write

    def noted_sync(original: Callable[[int], None]) -> Callable[[int], None]:
        @functools.wraps(original)
        def sync(file: int) -> None:
            number = os.getpid() * 1_000_000 + next(numbers)
            note("sync", file, number)
            original(file)
            note("synced", file, number)

        return sync

    def truncate(file: int, length: int) -> None:
        plain_truncate(file, length)
        note("length", file, length)

    plain_truncate = os.ftruncate
    os.pwrite = noted_pwrite(os.pwrite, lambda data: memoryview(data).nbytes)
    os.pwritev = noted_pwrite(os.pwritev, lambda parts: sum(memoryview(part).nbytes for part in parts))
    vars(os).update(fsync=noted_sync(os.fsync), fdatasync=noted_sync(os.fdatasync), ftruncate=truncate)


class Diary:
    def __init__(self, path: Path) -> None:
        self._safe: dict[int, list[Span]] = {}
        self.written: dict[int, list[Span]] = {}
        waiting: dict[int, list[Span]] = {}
        """Written since the last sync that has an end."""
        under_way: dict[int, dict[int, list[Span]]] = {}
        for line in path.read_text().splitlines() if path.exists() else ():
            what, inode, *rest = json.loads(line)
            if what == "lost":
                waiting.clear()
                under_way.clear()
                continue
            safe, new = self._safe.setdefault(inode, []), waiting.setdefault(inode, [])
            syncs = under_way.setdefault(inode, {})
            if what == "dirty":
                for spans in (safe, new, *syncs.values()):
                    spans[:] = without(spans, rest[0], rest[1])
            elif what == "written":
                new[:] = union([*new, (rest[0], rest[1])])
                self.written[inode] = union([*self.written.get(inode, []), (rest[0], rest[1])])
            elif what == "sync":
                syncs[rest[0]] = list(new)
            elif what == "synced":
                safe[:] = union([*safe, *syncs.pop(rest[0])])
            else:
                for spans in (safe, new):
                    spans[:] = without(spans, rest[0], 1 << 62)

    def safe(self, inode: int) -> list[Span]:
        """What a power loss cannot take."""
        return self._safe.get(inode, [])


def union(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif start < end:
            found.append((start, end))
    return found


def without(spans: Iterable[Span], start: int, end: int) -> list[Span]:
    """What is left of them outside `[start, end)`."""
    parts = [part for a, b in spans for part in ((a, min(b, start)), (max(a, end), b))]
    return [(a, b) for a, b in parts if a < b]


def covers(spans: Iterable[Span], wanted: Iterable[Span]) -> bool:
    left = list(wanted)
    for start, end in spans:
        left = without(left, start, end)
    return not left


def total(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)
