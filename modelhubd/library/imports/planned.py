"""What an import is going to make: read from the files, held against the catalog."""

from collections.abc import Mapping

from msgspec import Struct

from modelhubd.entries.cards import Card, card_of_readme
from modelhubd.entries.drafts import FileFacts, OptionFacts
from modelhubd.entries.grouping import Group, Grouped, NotAModel, group
from modelhubd.entries.headers import facts_of, folder_option
from modelhubd.formats.mlx import CONFIG_MAX
from modelhubd.library.imports.own import entry_from, id_of, safe_name
from modelhubd.library.imports.recognise import Known, Match
from modelhubd.library.imports.sources import SourceFile, read_start
from modelhubd.library.layout import Key
from modelhubd.trust.digests import option_digest
from modelhubd.trust.names import case_twins
from modelhubd.wire.architecture import ModelFacts
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile, Role
from modelhubd.wire.library import ArtifactFile

README_MAX = 1024 * 1024
OWN = "own"
READMES = ("README.md", "readme.md")


class Planned(Struct, frozen=True, kw_only=True):
    """An artifact to be. `sources` are the files at hand, by the names they are to have."""

    key: Key
    entry: CatalogEntry
    source: str
    """Of the entry: `registry`, `floor` or `local`; `vouched` for a version that was served before, `own` for
    an entry that was made just now."""
    option: Option
    sources: dict[str, SourceFile]

    @property
    def recognised(self) -> bool:
        return self.source != OWN

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.sources.values())

    @property
    def digest(self) -> str | None:
        return option_digest(self.option.files)

    @property
    def files(self) -> tuple[ArtifactFile, ...]:
        return tuple(
            ArtifactFile(
                name=file.name,
                role=file.role.value,
                size_bytes=self.sources[file.name].size_bytes,
                sha256=file.sha256,
            )
            for file in self.option.files
        )


def of_match(match: Match, files: Mapping[str, SourceFile]) -> Planned:
    """Pure."""
    return Planned(
        key=Key(match.entry.id, match.entry.version, match.option.id),
        entry=match.entry,
        source=match.source,
        option=match.option,
        sources={name: files[here] for name, here in match.names.items()},
    )


def groups_of(names: Mapping[str, str]) -> Grouped:
    """The options that files are, `names` being what they are called and what they may be called here. Pure.

    Raises:
        NotAModel: they are no model, several, or names of them collide.
    """
    if (twins := case_twins(names.values())) is not None:
        raise NotAModel(f"Two files cannot lie side by side everywhere: {twins[0]!r} and {twins[1]!r}.")
    return group(names.values())


def own_entry(
    model: str | None, grouped: Grouped, files: Mapping[str, SourceFile], known: Mapping[str, Known]
) -> CatalogEntry:
    """The entry of files that no catalog knows, by what they say. Blocks: headers are read.

    Raises:
        NotAModel: they are no model that can be read, or end before their header says.
        Conflict: a file changed.
    """
    options = tuple(_option(found, files) for found in grouped.groups)
    facts = {
        member.name: FileFacts(size_bytes=known[member.name].size_bytes, sha256=known[member.name].sha256)
        for found in grouped.groups
        for member in found.members
    }
    return entry_from(model or id_of(options), options, facts, card_beside(files))


def card_beside(files: Mapping[str, SourceFile]) -> Card:
    for name in READMES:
        if name in files:
            return card_of_readme(read_start(files[name], name, README_MAX).decode("utf-8", "replace"))
    return Card()


def _option(found: Group, files: Mapping[str, SourceFile]) -> OptionFacts:
    headers = tuple(_header(files[name], name) for name in found.weights)
    if found.format is Format.GGUF:
        return OptionFacts(group=found, headers=headers)
    config = read_start(files["config.json"], "config.json", CONFIG_MAX + 1)
    return folder_option(found, headers, config)


def _header(file: SourceFile, name: str) -> ModelFacts:
    return facts_of(name, file.size_bytes, lambda count: read_start(file, name, count))


def of_older(
    key: Key, grouped: Grouped, files: Mapping[str, SourceFile], known: Mapping[str, Known]
) -> Planned:
    """A version that the registry served before, of which no more is known than its digest. Pure."""
    (found,) = grouped.groups
    option = Option(
        id=key.option,
        format=found.format,
        quantization=found.label,
        files=tuple(
            OptionFile(
                name=member.name,
                role=member.role,
                size_bytes=known[member.name].size_bytes,
                sha256=known[member.name].sha256,
            )
            for member in found.members
        ),
    )
    return Planned(
        key=key,
        entry=CatalogEntry(id=key.model, version=key.version, options=(option,)),
        source="vouched",
        option=option,
        sources={member.name: files[member.name] for member in found.members},
    )


def fault_in_reference(planned: Planned) -> str | None:
    """Why the files cannot be used where they are; None where they can. Pure.

    What is loaded by the name of its first part, or as a folder, must have its names there too.
    """
    weights = [file.name for file in planned.option.files if file.role in (Role.MODEL, Role.SHARD)]
    if len(weights) <= 1 and planned.option.format is Format.GGUF:
        return None
    folders = set()
    for name, file in planned.sources.items():
        depth = name.count("/") + 1
        if file.path.parts[-depth:] != tuple(name.split("/")):
            return "its parts have other names there"
        folders.add(file.path.parents[depth - 1])
    return None if len(folders) == 1 else "its parts lie in several folders"


def safe_names(files: Mapping[str, SourceFile]) -> dict[str, str]:
    """What each is called and may be called here. Pure."""
    return {name: safe_name(name) for name in files}
