"""Looks at what is on the disk. Blocks for one `stat` per file; follows no link, opens nothing."""

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from modelhubd.space.accounting import BLOCK, Seen
from modelhubd.storage.confined import ConfinedRoot


def everything(root: ConfinedRoot) -> list[Seen]:
    """Every file beneath the models directory, staging folders and other dot folders too.

    Raises:
        OSError: it is not there.
    """
    return [seen(path, facts) for path, facts in root.walk() if stat.S_ISREG(facts.st_mode)]


def outside(paths: Iterable[str]) -> list[Seen]:
    """Files that artifacts have elsewhere, by absolute path; those that are gone are left out."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            found.append(seen(path, Path(path).lstat()))
    return found


def beneath(folder: Path) -> list[Seen]:
    """Every file of one of the daemon's own folders, or the file itself; nothing where it is not there."""
    found = []
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(folder.lstat().st_mode):
            return [seen(folder.name, folder.lstat())]
    for above, _, names in os.walk(folder):
        for name in names:
            path = Path(above) / name
            with contextlib.suppress(OSError):
                found.append(seen(str(path.relative_to(folder)), path.lstat()))
    return found


def seen(path: str, facts: os.stat_result) -> Seen:
    return Seen(path, facts.st_size, facts.st_blocks * BLOCK, (facts.st_dev, facts.st_ino))


def disk_of(root: ConfinedRoot) -> tuple[int, int] | None:
    """(free for this user, total) of the disk it is on, in bytes; None while it is away."""
    try:
        disk = os.statvfs(root.root)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
