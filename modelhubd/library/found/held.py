"""What a tool's folder is found to hold, and how far it is looked into. Blocking."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, field

from modelhubd.entries.grouping import Group, NotAModel, group, siblings
from modelhubd.entries.quantizations import quantization_in
from modelhubd.library.imports.own import safe_name
from modelhubd.library.imports.sources import SourceFile, half_written, regular_within

ENTRIES_MAX = 200_000
"""Of a tool: names that are looked at."""
MODELS_MAX = 5_000
SECONDS_MAX = 20.0
SMALL_MAX = 1024 * 1024
"""Bytes of a manifest or a configuration."""


class TooMuch(Exception):
    """The folder holds more than is looked at; the message says of what."""


class Held(Struct, frozen=True):
    """A model of a tool. `files` are by the names they are to have, `digests` as the layout tells them."""

    tool: str
    name: str
    where: Path
    format: str
    files: dict[str, SourceFile]
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files.values())


class Named(NamedTuple):
    """A name in a folder; a link is neither a folder nor a file."""

    name: str
    path: Path
    is_folder: bool
    is_link: bool


class Budget:
    """What may still be looked at of one tool.

    Raises from its methods:
        TooMuch: more than `entries` names, or `seconds` are over.
    """

    def __init__(
        self,
        entries: int = ENTRIES_MAX,
        seconds: float = SECONDS_MAX,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._left = entries
        self._clock_s = clock_s
        self._until = clock_s() + seconds

    def names(self, folder: Path) -> list[Named]:
        """What is directly in a folder, in order of name; nothing where it cannot be read. Links are not
        followed, hidden names and such that are no text are left out."""
        found = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    self._spend()
                    if entry.name.startswith(".") or not _is_text(entry.name):
                        continue
                    is_link = entry.is_symlink()
                    found.append(
                        Named(
                            entry.name,
                            Path(entry.path),
                            not is_link and entry.is_dir(follow_symlinks=False),
                            is_link,
                        )
                    )
        except OSError:
            return []
        return sorted(found)

    def below(self, folder: Path, depth: int) -> Iterator[tuple[str, Path]]:
        """(name with `/`, path) of all files and links beneath, folders to that depth."""
        for named in self.names(folder):
            if not named.is_folder:
                yield named.name, named.path
            elif depth > 0:
                for name, path in self.below(named.path, depth - 1):
                    yield f"{named.name}/{name}", path

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise TooMuch("it holds more names than are looked at")
        if self._left % 256 == 0 and self._clock_s() > self._until:
            raise TooMuch("looking at all of it took too long")


def read_small(path: Path, within: Path) -> bytes | None:
    """A small file of a tool's; None where it cannot be read, is too large, or a link leads out."""
    found = regular_within(path, within)
    if isinstance(found, str) or found.size_bytes > SMALL_MAX:
        return None
    try:
        fd = os.open(found.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, SMALL_MAX + 1)
    except OSError:
        return None
    finally:
        os.close(fd)


def of_folder(
    tool: str,
    name: str,
    where: Path,
    paths: Mapping[str, Path],
    within: Path,
    digest: Callable[[SourceFile], str | None] = lambda file: None,
) -> Iterator[Held]:
    """The models among files of one folder, each quantization by itself."""
    seen: dict[str, SourceFile] = {}
    for given, path in paths.items():
        if half_written(given) is None:
            found = regular_within(path, within)
            if not isinstance(found, str):
                seen[safe_name(given)] = found
    groups = list(groups_among(seen))
    for one in groups:
        files = {member.name: seen[member.name] for member in one.members}
        digests = {given: told for given, file in files.items() if (told := digest(file)) is not None}
        label = one.label or quantization_in(one.weights[0].rpartition(".")[0])
        shown = f"{name}:{label}" if label and len(groups) > 1 else name
        yield Held(tool, shown, where, one.format.value, files, digests)


def groups_among(names: Iterable[str]) -> Iterator[Group]:
    """The options that files are; where they are of several models, of each. Pure."""
    known = [name for name in names if name.lower().endswith(KEPT)]
    try:
        yield from group(known).groups
        return
    except NotAModel:
        pass
    done: set[str] = set()
    for name in sorted(known):
        if name in done or not name.lower().endswith(".gguf"):
            continue
        parts = siblings(name, known)
        done.update(parts)
        try:
            yield from group(parts).groups
        except NotAModel:
            continue


KEPT = (".gguf", ".safetensors", ".json", ".model", ".jinja", ".tiktoken", ".txt")


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
