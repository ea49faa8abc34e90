"""Where a run's files go, and what that place is like."""

import os
import time
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")
DISK = Path("/var/tmp")
SPARE = 512 << 20


def default_folder(size: int) -> Path:
    """A file system in memory where three files of this size fit (the origin's, a fetched one and room), so
    that programs are measured and not the disk; else the disk's own temporary folder."""
    needed = 3 * size + SPARE
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
        free = psutil.disk_usage(str(MEMORY)).free
        if min(free, psutil.virtual_memory().available) >= needed:
            return MEMORY
    return DISK


def file_system(folder: Path) -> str:
    """Its kind, such as `tmpfs` or `ext4`."""
    whole = str(folder.resolve())
    found = [
        part
        for part in psutil.disk_partitions(all=True)
        if whole == part.mountpoint or whole.startswith(part.mountpoint.rstrip("/") + "/")
    ]
    return max(found, key=lambda part: len(part.mountpoint)).fstype if found else "unknown"


def synced_bytes_per_s(folder: Path, size: int = 256 << 20) -> float:
    """What a plain write with an fdatasync at its end gets done."""
    path, block = folder / "synced", os.urandom(8 << 20)
    began = time.perf_counter()
    try:
        with path.open("wb") as file:
            for _ in range(size // len(block)):
                file.write(block)
            file.flush()
            os.fdatasync(file.fileno())
        return size / (time.perf_counter() - began)
    finally:
        path.unlink(missing_ok=True)


def described(folder: Path) -> str:
    return f"{file_system(folder)}, {synced_bytes_per_s(folder) / 1e6:.0f} MB/s with fdatasync"
