"""What waits for a candidate, and what is kept of pairs: sealed files in a folder for each trial, beneath
`state/trials`. Everything here blocks and belongs into a thread.

    <trial>/key               dies with the trial
    <trial>/pending/<entry>   a sampled request, deleted after use
    <trial>/kept/<n>          the content of pair n, where the trial keeps any
"""

import contextlib
import os
import shutil
from collections.abc import Collection
from pathlib import Path

import msgspec

from modelhubd.places import private_dir
from modelhubd.trials import sealing
from modelhubd.trials.sealing import NotOurs
from modelhubd.wire.base import Message
from modelhubd.wire.trials import PairContent, PairSide

PENDING, KEPT = "pending", "kept"
MAX_PENDING_BYTES = 64 * 1024**2
"""Of all that waits in one trial."""
MAX_KEPT_BYTES = 256 * 1024**2
_ASIDE = ".new"


class Sampled(Message, frozen=True, kw_only=True):
    """A request that the active model has answered."""

    entry: str
    """Its name; later ones sort after it."""
    route: str
    at: str
    request: bytes
    answer: bytes
    active: PairSide
    streamed: bool = False
    interrupted: int = 0
    """How often a replay of it was broken off for somebody else's request."""


class Spool:
    """Of one trial; `open` it."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._key = key
        self._sizes = {path.name: path.stat().st_size for path in self._files(PENDING)}
        self._kept = {
            int(path.name): path.stat().st_size for path in self._files(KEPT) if path.name.isdecimal()
        }

    @property
    def pending(self) -> int:
        """How many wait."""
        return len(self._sizes)

    @property
    def pending_bytes(self) -> int:
        return sum(self._sizes.values())

    @property
    def kept(self) -> tuple[int, ...]:
        """Numbers of the pairs whose content is kept, in order."""
        return tuple(sorted(self._kept))

    def has_room(self, size: int, max_pending: int) -> bool:
        """Whether so many more bytes may wait."""
        return self.pending < max_pending and self.pending_bytes + size <= MAX_PENDING_BYTES

    def add(self, sampled: Sampled) -> None:
        """Raises OSError: it could not be written, and nothing of it is left."""
        data = msgspec.msgpack.encode(sampled)
        self._sizes[sampled.entry] = self._write(PENDING, sampled.entry, data)

    def next(self) -> Sampled | None:
        """The one that waits longest; what cannot be read is deleted."""
        for entry in sorted(self._sizes):
            data = self._read(PENDING, entry)
            try:
                if data is not None:
                    return msgspec.msgpack.decode(data, type=Sampled)
            except msgspec.DecodeError:
                pass
            self.drop(entry)
        return None

    def drop(self, entry: str) -> None:
        """Delete one that was used."""
        self._remove(PENDING, entry)
        self._sizes.pop(entry, None)

    def drop_used(self, used: Collection[str]) -> None:
        """Delete those that were used when the daemon ended before it could."""
        for entry in set(self._sizes) & set(used):
            self.drop(entry)

    def drop_all(self) -> None:
        """Delete all that waits."""
        for entry in tuple(self._sizes):
            self.drop(entry)

    def keep(self, n: int, content: PairContent) -> None:
        """Keep the content of pair `n`. Raises OSError."""
        self._kept[n] = self._write(KEPT, str(n), msgspec.msgpack.encode(content))

    def content(self, n: int) -> PairContent | None:
        """What is kept of pair `n`."""
        data = self._read(KEPT, str(n)) if n in self._kept else None
        return None if data is None else msgspec.msgpack.decode(data, type=PairContent)

    def forget(self, numbers: Collection[int]) -> None:
        """Keep the content of these pairs no longer."""
        for n in numbers:
            self._remove(KEPT, str(n))
            self._kept.pop(n, None)

    @property
    def kept_bytes(self) -> int:
        return sum(self._kept.values())

    def _files(self, part: str) -> list[Path]:
        folder = private_dir(self._folder / part)
        for unfinished in folder.glob(f"*{_ASIDE}"):
            unfinished.unlink()
        return list(folder.iterdir())

    def _write(self, part: str, name: str, data: bytes) -> int:
        sealed = sealing.seal(self._key, f"{part}/{name}", data)
        path = self._folder / part / name
        aside = path.with_name(f"{name}{_ASIDE}")
        try:
            fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(sealed)
            aside.rename(path)
        except OSError:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            raise
        return len(sealed)

    def _read(self, part: str, name: str) -> bytes | None:
        path = self._folder / part / name
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(fd, "rb") as file:
                return sealing.unseal(self._key, f"{part}/{name}", file.read())
        except (OSError, NotOurs):
            return None

    def _remove(self, part: str, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self._folder / part / name).unlink()


def open_spool(root: Path, trial_id: str) -> Spool:
    """The trial's, begun if there is none or its key is lost: what was sealed with that is gone.

    Raises:
        OSError: it cannot be written to, or read.
    """
    folder = private_dir(private_dir(root) / trial_id)
    key = sealing.read_key(folder)
    if key is None:
        for part in (PENDING, KEPT):
            shutil.rmtree(folder / part, ignore_errors=True)
        sealing.destroy_key(folder)
        key = sealing.new_key(folder)
    return Spool(folder, key)


def end_spool(root: Path, trial_id: str) -> None:
    """Destroy the key, then all that was sealed with it. Raises OSError."""
    folder = root / trial_id
    if not folder.is_dir() or folder.is_symlink():
        return
    sealing.destroy_key(folder)
    shutil.rmtree(folder)


def end_all_but(root: Path, trials: Collection[str]) -> list[str]:
    """End the spools of trials that are not among these; their names. Raises OSError."""
    if not root.is_dir():
        return []
    dead = sorted(path.name for path in root.iterdir() if path.is_dir() and path.name not in trials)
    for name in dead:
        end_spool(root, name)
    return dead
