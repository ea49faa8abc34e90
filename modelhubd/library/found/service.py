"""Finds what other tools hold, and says what of it is known, installed, or there twice."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from modelhubd.errors import NotFound
from modelhubd.library import store
from modelhubd.library.found import gpt4all, hugging_face, jan, llama_cpp, lm_studio, ollama
from modelhubd.library.found.doubles import Copy, doubled
from modelhubd.library.found.held import MODELS_MAX, Budget, Held, TooMuch
from modelhubd.library.imports.planner import CatalogSide
from modelhubd.library.imports.recognise import Known, matches
from modelhubd.library.imports.sources import Source
from modelhubd.library.outside import shown
from modelhubd.library.service import Library
from modelhubd.library.store import Stored
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.storage.database import Database
from modelhubd.trust.text import printable
from modelhubd.wire.base import rfc3339
from modelhubd.wire.imports import FoundAnswer, FoundFile, FoundModel, FoundTool, ImportMode, Scanned
from modelhubd.wire.library import ArtifactState

TOOLS: tuple[Any, ...] = (hugging_face, lm_studio, ollama, llama_cpp, jan, gpt4all)


class Place(Struct, frozen=True):
    """A folder that was looked at, and what it held."""

    tool: str
    root: Path
    models: tuple[Held, ...]
    fault: str | None = None


class Finder:
    """Remembers what the last look found, so that it can be imported by its id."""

    def __init__(
        self,
        database: Database,
        catalog: CatalogSide,
        *,
        root: ConfinedRoot,
        environ: Mapping[str, str],
        clock: Callable[[], datetime],
        home: Path | None = None,
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._root = root
        self._environ = environ
        self._home = home or Path.home()
        self._clock = clock
        self._places: tuple[Place, ...] | None = None
        self._looked_at = ""
        self._one = asyncio.Lock()

    async def look(self) -> None:
        """Look at all tools' folders."""
        async with self._one:
            places = await asyncio.to_thread(look_at_tools, self._environ, self._home)
            self._places, self._looked_at = places, rfc3339(self._clock())

    async def scan(self, library: Library, *, tools: bool = True) -> Scanned:
        """Look at the models directory now, and with `tools` at all tools' folders too; without, `found` is
        of the last look at them."""
        result = await library.scan()
        if tools:
            await self.look()
        found = sum(len(place.models) for place in self._places or ())
        return Scanned(
            added=result.added,
            changed=result.changed,
            missing=result.missing,
            unknown_files=result.unknown_files,
            found=found,
        )

    def source(self, found_id: str) -> Source:
        """The files of what was found under this id.

        Raises:
            NotFound: the last look found no such thing.
        """
        for place in self._places or ():
            for held in place.models:
                if _id_of(held) == found_id:
                    return Source(dict(held.files))
        raise NotFound(
            "Nothing of that id was found. POST /library/scan looks again.", code="found_not_found"
        )

    async def answer(self) -> FoundAnswer:
        """What the last look found, held against the catalog and the library as they are now."""
        if self._places is None:
            await self.look()
        places = self._places or ()
        every = [held for place in places for held in place.models]
        rows = await store.all_artifacts(self._database.reader)
        installed = await asyncio.to_thread(_copies_of, rows, self._root.root)
        by_inode = {(copy.device, copy.inode): copy.sha256 for copy in installed}
        digests = {id(held): _digests(held, by_inode) for held in every}
        told = {sha256 for known in digests.values() for sha256 in known.values()}
        entries = [(item.entry, item.source) for item in await self._catalog.with_files(told)]
        device = await asyncio.to_thread(_device_of, self._root.root)
        items = [
            _found(held, digests[id(held)], entries, rows, by_inode, device, self._home) for held in every
        ]
        copies = [
            *installed,
            *(copy for held in every for copy in _copies(held, digests[id(held)], self._home)),
        ]
        twice = doubled(copies)
        return FoundAnswer(
            items=tuple(items),
            tools=tuple(
                FoundTool(
                    tool=place.tool,
                    where=shown(str(place.root), self._home),
                    models=len(place.models),
                    fault=place.fault,
                )
                for place in places
            ),
            doubled=twice,
            wasted_bytes=sum(one.wasted_bytes for one in twice),
            looked_at=self._looked_at,
        )


def look_at_tools(environ: Mapping[str, str], home: Path) -> tuple[Place, ...]:
    """Every folder of a tool that there is. Blocks."""
    places = []
    seen: set[Path] = set()
    for tool in TOOLS:
        for root in tool.roots(environ, home):
            try:
                real = root.resolve(strict=True)
            except (OSError, RuntimeError):
                continue
            if not real.is_dir() or real in seen:
                continue
            seen.add(real)
            places.append(_look(tool, real))
    return tuple(places)


def _look(tool: Any, root: Path) -> Place:
    found: list[Held] = []
    fault = None
    try:
        for held in tool.models(root, Budget()):
            found.append(held)
            if len(found) >= MODELS_MAX:
                raise TooMuch(f"it holds more than {MODELS_MAX} models")
    except TooMuch as error:
        fault = str(error)
    except (OSError, RuntimeError) as error:
        fault = f"it cannot be read: {getattr(error, 'strerror', None) or 'a loop of links'}"
    return Place(tool.TOOL, root, tuple(found), fault)


def _id_of(held: Held) -> str:
    files = "\n".join(f"{name}\t{file.path}" for name, file in sorted(held.files.items()))
    return hashlib.sha256(f"{held.tool}\n{held.name}\n{files}".encode()).hexdigest()[:16]


def _digests(held: Held, by_inode: Mapping[tuple[int, int], str]) -> dict[str, str]:
    """What is known of its files: by the tool's layout, or because the library has the very file."""
    return {
        name: told
        for name, file in held.files.items()
        if (told := held.digests.get(name) or by_inode.get((file.device, file.inode))) is not None
    }


def _found(
    held: Held,
    digests: Mapping[str, str],
    entries: Sequence[Any],
    rows: Sequence[Stored],
    by_inode: Mapping[tuple[int, int], str],
    device: int | None,
    home: Path,
) -> FoundModel:
    known = {name: Known(held.files[name].size_bytes, sha256) for name, sha256 in digests.items()}
    match = next(iter(matches(known, entries)), None)
    whole = set(digests.values()) if len(digests) == len(held.files) else None
    row = next((row for row in rows if whole and whole == {file.sha256 for file in row.files}), None)
    inodes = {(file.device, file.inode) for file in held.files.values()}
    return FoundModel(
        id=_id_of(held),
        tool=held.tool,
        name=printable(held.name)[:200],
        where=shown(str(held.where), home),
        format=held.format,
        size_bytes=held.size_bytes,
        files=tuple(
            FoundFile(name=name, size_bytes=file.size_bytes, sha256=digests.get(name))
            for name, file in held.files.items()
        ),
        model=None if match is None else f"{match.entry.id}@{match.entry.version}:{match.option.id}",
        library_id=None if row is None else row.id,
        shared=inodes <= by_inode.keys(),
        modes=_modes(held, device),
    )


def _modes(held: Held, device: int | None) -> tuple[ImportMode, ...]:
    modes = [ImportMode.COPY]
    if all(file.device == device for file in held.files.values()):
        modes.insert(0, ImportMode.LINK)
    if held.format == "gguf" and sum(not name.startswith("mmproj") for name in held.files) == 1:
        modes.append(ImportMode.REFERENCE)
    return tuple(modes)


def _copies(held: Held, digests: Mapping[str, str], home: Path) -> Iterator[Copy]:
    for name, sha256 in digests.items():
        file = held.files[name]
        where = f"{held.tool}: {shown(str(file.path), home)}"
        yield Copy(sha256, file.size_bytes, file.device, file.inode, where)


def _copies_of(rows: Sequence[Stored], models_dir: Path) -> list[Copy]:
    """The installed files that are there. Blocks."""
    found = []
    for row in rows:
        if row.state is not ArtifactState.OK:
            continue
        for file, place in zip(row.files, row.paths, strict=True):
            try:
                facts = (models_dir / place).lstat()
            except OSError:
                continue
            if file.sha256 is not None:
                found.append(
                    Copy(
                        file.sha256,
                        file.size_bytes,
                        facts.st_dev,
                        facts.st_ino,
                        f"library: {row.key}/{file.name}",
                    )
                )
    return found


def _device_of(folder: Path) -> int | None:
    try:
        return folder.stat().st_dev
    except OSError:
        return None
