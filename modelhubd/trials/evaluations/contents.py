"""Where questions and answers are: in files of ours that nobody else can read, gone with their evaluation.

`<id>/set.jsonl`, `<id>/checks.yaml` and `<id>/answers`: each answer is appended and synced before its row
is committed, which names its place and digest. All functions block: call them in a thread.
"""

import hashlib
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from modelhubd.places import private_dir

SCRATCH = "scratch"
"""For scripts that are run; emptied at start."""


class Place(NamedTuple):
    """Where an answer is, in bytes, and the SHA-256 of what is there."""

    at: int
    size: int
    digest: str


class Contents:
    """The folder of all evaluations."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def scratch(self) -> Path:
        return self._folder / SCRATCH

    def tidy(self, known: set[str]) -> None:
        """Make the folder, and remove what belongs to none of the evaluations with these ids."""
        private_dir(self._folder)
        for item in self._folder.iterdir():
            if item.name not in known:
                shutil.rmtree(item, ignore_errors=True)
        private_dir(self.scratch)

    def begin(self, evaluation: str, set_text: str, checks_text: str | None) -> None:
        """Raises OSError: the disk is full, or cannot be used."""
        folder = private_dir(self._folder / evaluation)
        _write(folder / "set.jsonl", set_text)
        if checks_text is not None:
            _write(folder / "checks.yaml", checks_text)

    def texts(self, evaluation: str) -> tuple[str, str | None]:
        """The set and the checks. Raises OSError: they are not there any more."""
        folder = self._folder / evaluation
        checks = folder / "checks.yaml"
        with_checks = checks.read_bytes().decode() if checks.exists() else None
        return (folder / "set.jsonl").read_bytes().decode(), with_checks

    def append(self, evaluation: str, text: str) -> Place:
        """Where `text` is now, on the disk. Raises OSError."""
        data = text.encode("utf-8", "surrogatepass")
        handle = os.open(
            self._folder / evaluation / "answers",
            os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC,
            0o600,
        )
        try:
            at = os.lseek(handle, 0, os.SEEK_END)
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        return Place(at, len(data), hashlib.sha256(data).hexdigest())

    def read(self, evaluation: str, places: list[Place]) -> list[str]:
        """The texts at these places; the empty text where something else is there now."""
        file = self._folder / evaluation / "answers"
        if not places or not file.exists():
            return [""] * len(places)
        found = []
        with file.open("rb") as handle:
            for place in places:
                handle.seek(place.at)
                data = handle.read(place.size)
                intact = hashlib.sha256(data).hexdigest() == place.digest
                found.append(data.decode("utf-8", "surrogatepass") if intact else "")
        return found

    def remove(self, evaluation: str) -> None:
        shutil.rmtree(self._folder / evaluation, ignore_errors=True)


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
