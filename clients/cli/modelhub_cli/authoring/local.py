"""A model on this machine: its files, their digests, and what their headers say."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from modelhubd.entries.cards import Card, card_of_readme
from modelhubd.entries.drafts import FileFacts, OptionFacts
from modelhubd.entries.grouping import Group, Grouped, NotAModel, group, siblings
from modelhubd.entries.headers import facts_of, folder_option
from modelhubd.formats.mlx import CONFIG_MAX
from modelhubd.wire.architecture import ModelFacts
from modelhubd.wire.catalog import Format

DEPTH_MAX = 3
FILES_MAX = 10_000
CHUNK = 1024 * 1024
README_MAX = 1024 * 1024

Advance = Callable[[int], None]
"""Told how many more bytes have been hashed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalModel:
    """Files below `folder` by name, grouped to options."""

    folder: Path
    grouped: Grouped

    @property
    def names(self) -> tuple[str, ...]:
        """Of all files that the options have, each once."""
        members = (member.name for found in self.grouped.groups for member in found.members)
        return tuple(dict.fromkeys(members))

    @property
    def size_bytes(self) -> int:
        return sum((self.folder / name).stat().st_size for name in self.names)


def find_model(path: Path) -> LocalModel:
    """The model that a file (with the other parts of its set) or a folder holds.

    Raises:
        NotAModel: it is none.
    """
    if path.is_dir():
        return LocalModel(folder=path, grouped=group(_names_below(path)))
    beside = [item.name for item in path.parent.iterdir() if item.is_file()]
    return LocalModel(folder=path.parent, grouped=group(siblings(path.name, beside)))


def option_facts(model: LocalModel) -> tuple[OptionFacts, ...]:
    """What the headers and configurations say, option by option."""
    return tuple(_option(model.folder, found) for found in model.grouped.groups)


def _option(folder: Path, found: Group) -> OptionFacts:
    headers = tuple(_header(folder / name, name) for name in found.weights)
    if found.format is Format.GGUF:
        return OptionFacts(group=found, headers=headers)
    return folder_option(found, headers, _start(folder / "config.json", CONFIG_MAX + 1))


def card_beside(model: LocalModel) -> Card:
    """The card of the README in the model's folder; an empty one where there is none."""
    for name in ("README.md", "readme.md"):
        path = model.folder / name
        if path.is_file():
            return card_of_readme(_start(path, README_MAX).decode("utf-8", "replace"))
    return Card()


def file_facts(
    model: LocalModel, urls: Callable[[str], tuple[str, ...]], advance: Advance
) -> dict[str, FileFacts]:
    """Size, digest and addresses of every file; this reads all of them whole.

    Raises:
        NotAModel: a file changed meanwhile.
    """
    found = {}
    for name in model.names:
        size, digest = _hash(model.folder / name, name, advance)
        found[name] = FileFacts(size_bytes=size, sha256=digest, urls=urls(name))
    return found


def urls_below(bases: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    """Where a file is, below each of these addresses."""
    starts = tuple(base.rstrip("/") for base in bases)
    return lambda name: tuple(f"{start}/{quote(name)}" for start in starts)


def urls_of_one(urls: Mapping[str, tuple[str, ...]]) -> Callable[[str], tuple[str, ...]]:
    """Addresses by file name."""
    return lambda name: urls.get(name, ())


def _names_below(folder: Path) -> list[str]:
    names = []
    for place, folders, files in os.walk(folder):
        here = Path(place).relative_to(folder)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if len(here.parts) >= DEPTH_MAX:
            folders[:] = []
        names += [(here / name).as_posix() for name in files if not name.startswith(".")]
        if len(names) > FILES_MAX:
            raise NotAModel(
                f"This folder holds more than {FILES_MAX} files. Name the folder of the model itself."
            )
    return [name for name in names if (folder / name).is_file()]


def _header(path: Path, name: str) -> ModelFacts:
    return facts_of(name, path.stat().st_size, lambda count: _start(path, count))


def _start(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)


def _hash(path: Path, name: str, advance: Advance) -> tuple[int, str]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise NotAModel(f"{name} is no plain file.")
        size = 0
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            advance(len(chunk))
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or size != after.st_size:
        raise NotAModel(f"{name} changed while it was read. Publish it when whoever writes it is done.")
    return size, digest.hexdigest()
