"""Finds out what an import is going to make of files: recognised, or by their own metadata."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from modelhubd.entries.grouping import Grouped, NotAModel
from modelhubd.errors import Conflict
from modelhubd.library.imports.own import joined, names_for
from modelhubd.library.imports.planned import (
    OWN,
    Planned,
    groups_of,
    of_match,
    of_older,
    own_entry,
    safe_names,
)
from modelhubd.library.imports.recognise import Known, matches, missing
from modelhubd.library.imports.sources import Source, SourceFile, hash_source, total_bytes
from modelhubd.library.jobs import Progress
from modelhubd.library.layout import Key
from modelhubd.library.service import Library
from modelhubd.storage.database import Transaction
from modelhubd.trust.digests import option_digest
from modelhubd.trust.names import Reference, is_addressed
from modelhubd.wire.catalog import CatalogEntry, Option, OptionFile
from modelhubd.wire.library import ArtifactState


class Catalogued(Protocol):
    """An entry and where it comes from."""

    @property
    def entry(self) -> CatalogEntry: ...
    @property
    def source(self) -> str: ...


class CatalogSide(Protocol):
    """What imports ask of the catalog."""

    async def with_files(self, digests: Iterable[str]) -> Sequence[Catalogued]: ...
    async def entry(self, model: str) -> CatalogEntry | None: ...
    async def put_imported(self, tx: Transaction, entry: CatalogEntry) -> None: ...
    async def sync(self) -> object: ...


class Planner:
    """Knows the catalog and the library; reads sources and changes nothing."""

    def __init__(
        self,
        library: Library,
        catalog: CatalogSide,
        older: Callable[[str], Awaitable[tuple[str, int, str] | None]],
    ) -> None:
        self._library = library
        self._catalog = catalog
        self._older = older

    async def plan(
        self, source: Source, asked: Reference | None, option: str | None, progress: Progress
    ) -> tuple[list[Planned], dict[str, str], list[str]]:
        """What is to be made, the files that are not taken, and the names of what is there already."""
        files = dict(source.files)
        progress.expect(total_bytes=total_bytes(files.values()))
        known = await self._hash(files, progress)
        items = await self._catalog.with_files({file.sha256 for file in known.values()})
        entries = [(item.entry, item.source) for item in items]
        if source.beside:
            more = _beside(missing(known, entries, asked), source.beside)
            known |= await self._hash(more, progress)
            files |= more
        found = [of_match(match, files) for match in matches(known, entries, asked)]
        used = {file.path for one in found for file in one.sources.values()}
        rest = {name: file for name, file in source.files.items() if file.path not in used}
        left_out = dict(source.left_out)
        if not found:
            found, more_left = await self._own(rest, known, asked, option)
            left_out |= more_left
        else:
            left_out |= {name: "no catalog lists it" for name in rest if _is_weights(name)}
        new: list[Planned] = []
        already: list[Planned] = []
        for one in found:
            (already if await self._is_there(one) else new).append(one)
        return new, left_out, [str(one.key) for one in already]

    async def _own(
        self,
        files: Mapping[str, SourceFile],
        known: Mapping[str, Known],
        asked: Reference | None,
        option: str | None,
    ) -> tuple[list[Planned], dict[str, str]]:
        """Of files that the catalog does not list: an older version, or an entry of their own metadata."""
        if asked is not None and await self._catalog.entry(asked.model) is not None:
            raise Conflict(
                f"These files are not what the catalog lists as {asked.model}. Leave the model out to have "
                "them recognised.",
                code="not_recognised",
            )
        if asked is not None and is_addressed(asked.model):
            raise Conflict(
                f"{asked.model} would seem to be what lies at an address. Choose another name, or pull it.",
                code="id_reserved",
            )
        names = safe_names(files)
        renamed = {names[name]: file for name, file in files.items()}
        hashed = {names[name]: known[name] for name in files}
        try:
            grouped = groups_of(names)
            older = await self._older_version(grouped, renamed, hashed)
            if older is not None:
                return [older], dict(grouped.left_out)
            made = await asyncio.to_thread(
                own_entry, asked.model if asked else None, grouped, renamed, hashed
            )
            entry = await self._joined(made)
        except NotAModel as error:
            raise Conflict(str(error), code="not_a_model") from None
        by_digest = {hashed[name].sha256: file for name, file in renamed.items()}
        mine = {file.sha256 for option_made in made.options for file in option_made.files}
        planned = []
        for one in entry.options:
            if not all(file.sha256 in mine for file in one.files):
                continue
            sources = {file.name: by_digest[file.sha256 or ""] for file in one.files}
            key = Key(entry.id, entry.version, one.id)
            planned.append(Planned(key=key, entry=entry, source=OWN, option=one, sources=sources))
        if option is not None and len(planned) == 1:
            planned = [_called(planned[0], option)]
        return planned, dict(grouped.left_out)

    async def _older_version(
        self, grouped: Grouped, files: Mapping[str, SourceFile], known: Mapping[str, Known]
    ) -> Planned | None:
        if len(grouped.groups) != 1:
            return None
        members = [
            OptionFile(
                name=member.name, size_bytes=known[member.name].size_bytes, sha256=known[member.name].sha256
            )
            for member in grouped.groups[0].members
        ]
        digest = option_digest(members)
        served = None if digest is None else await self._older(digest)
        return None if served is None else of_older(Key(*served), grouped, files, known)

    async def _joined(self, made: CatalogEntry) -> CatalogEntry:
        """`made` under an id that is its own."""
        for model in names_for(made.id):
            if (entry := joined(made, model, await self._catalog.entry(model))) is not None:
                return entry
        raise NotAModel(f"There are too many models called {made.id}. Say what this one is to be called.")

    async def _hash(self, files: Mapping[str, SourceFile], progress: Progress) -> dict[str, Known]:
        def hash_all() -> dict[str, Known]:
            return {
                name: Known(file.size_bytes, hash_source(file, name, progress.add))
                for name, file in files.items()
            }

        return await progress.in_thread(hash_all)

    async def _is_there(self, planned: Planned) -> bool:
        """
        Raises:
            Conflict: it is in the library, and its files are damaged or gone.
        """
        state = await self._library.state_of(planned.key)
        if state in (ArtifactState.OK, ArtifactState.OFFLINE):
            return True
        if state is not None:
            raise Conflict(
                f"{planned.key} is in the library and its files are {state}. Remove it (modelhub rm), then "
                "import it again.",
                code="already_installed",
            )
        return False


def _beside(
    wanted: Iterable[tuple[CatalogEntry, Option, tuple[OptionFile, ...]]], beside: Mapping[str, SourceFile]
) -> dict[str, SourceFile]:
    """Those of the files that lie beside which may complete an option, by their size."""
    sizes = {file.size_bytes for _, _, files in wanted for file in files}
    return {name: file for name, file in beside.items() if file.size_bytes in sizes}


def _called(planned: Planned, option: str) -> Planned:
    """The same under another option id. Pure."""
    named = replace(planned.option, id=option)
    options = tuple(named if one.id == planned.option.id else one for one in planned.entry.options)
    return replace(
        planned,
        key=Key(planned.key.model, planned.key.version, option),
        option=named,
        entry=replace(planned.entry, options=options),
    )


def _is_weights(name: str) -> bool:
    return name.lower().endswith((".gguf", ".safetensors"))
