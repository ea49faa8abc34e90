"""Files of artifacts outside the models directory: looked at where they are, never written or deleted."""

import asyncio
import contextlib
import errno
import os
import stat
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from msgspec import Struct, field

from modelhubd.library.states import Found, Outside

PATIENCE_S = 5.0
"""A network drive that does not answer for so long counts as away."""

AWAY = frozenset(
    getattr(errno, name)
    for name in (
        "EIO", "ENXIO", "ENODEV", "ESTALE", "ENOTCONN", "ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH",
        "ENETUNREACH", "EREMOTEIO",
    )
    if hasattr(errno, name)
)  # fmt: skip
"""What a file system says whose device or server is gone."""


class Elsewhere(Struct, frozen=True):
    """What a look found, by absolute path. `away` are those whose drive is not there."""

    found: dict[str, Found] = field(default_factory=dict)
    away: frozenset[str] = frozenset()


class OutsideLook:
    """Looks at outside files in a thread, one look at a time and each of bounded length."""

    def __init__(
        self,
        patience_s: float = PATIENCE_S,
        look: Callable[[Collection[Outside]], Elsewhere] | None = None,
    ) -> None:
        self._patience_s = patience_s
        self._look = look or look_outside
        self._hanging: set[asyncio.Future[Elsewhere]] = set()
        self.away: frozenset[str] = frozenset()
        """Paths that somebody else knows to be away: missing there, they are not deleted."""

    async def look(self, known: Collection[Outside]) -> Elsewhere:
        """Where their file system hangs all of them count as away, until the thread that asked it is back."""
        if not known:
            return Elsewhere()
        if self._hanging:
            return Elsewhere(away=frozenset(file.path for file in known))
        asking = asyncio.get_running_loop().run_in_executor(None, self._look, known)
        self._hanging.add(asking)
        asking.add_done_callback(self._hanging.discard)
        try:
            async with asyncio.timeout(self._patience_s):
                seen = await asyncio.shield(asking)
        except TimeoutError:
            return Elsewhere(away=frozenset(file.path for file in known))
        absent = {file.path for file in known if file.path not in seen.found}
        return Elsewhere(seen.found, seen.away | (self.away & absent))


def look_outside(known: Iterable[Outside]) -> Elsewhere:
    """One `stat` a file, which follows no link in the place of the file. Blocks."""
    found: dict[str, Found] = {}
    away = set()
    for file in known:
        try:
            facts = Path(file.path).lstat()
        except OSError as error:
            if is_away(error, _device_above(file.path), file.device):
                away.add(file.path)
            continue
        if stat.S_ISREG(facts.st_mode):
            found[file.path] = Found(
                facts.st_size,
                facts.st_nlink,
                facts.st_mtime_ns,
                facts.st_ino,
                facts.st_dev,
                facts.st_ctime_ns,
            )
    return Elsewhere(found, frozenset(away))


def is_away(error: OSError, device_above: int | None, device: int) -> bool:
    """Whether a file is not seen because its drive is away, rather than because it was deleted: its file
    system says so, or the nearest folder that there is belongs to another device than the file did. Pure."""
    if error.errno in AWAY:
        return True
    return error.errno in (errno.ENOENT, errno.ENOTDIR) and device_above not in (None, device)


def outside_of(path: Path, facts: os.stat_result) -> Outside:
    """What to keep of the regular file at the absolute `path`, as it is now.

    Raises:
        ValueError: the path is not absolute, or no text.
    """
    if not path.is_absolute():
        raise ValueError("it is not an absolute path")
    str(path).encode()
    return Outside(str(path), facts.st_dev, facts.st_ino, facts.st_mtime_ns)


def shown(path: str, home: Path) -> str:
    """An absolute path as its owner is shown it, with the home folder as `~`. `hidden` is its inverse."""
    with contextlib.suppress(ValueError):
        return f"~/{Path(path).relative_to(home)}"
    return path


def hidden(shown_path: str, home: Path) -> Path:
    """The path that `shown` gives as `shown_path`."""
    return home / shown_path[2:] if shown_path.startswith("~/") else Path(shown_path)


def _device_above(path: str) -> int | None:
    """Of the nearest folder above that can be seen."""
    for folder in Path(path).parents:
        with contextlib.suppress(OSError):
            return folder.stat().st_dev
    return None
