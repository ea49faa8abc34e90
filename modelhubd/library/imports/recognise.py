"""Decides what files are, by their digests. No I/O."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from modelhubd.trust.names import Reference
from modelhubd.wire.catalog import CatalogEntry, Option, OptionFile, Role

WEIGHTS = (Role.MODEL, Role.SHARD)
SOURCES = ("registry", "floor", "local")


class Known(Struct, frozen=True):
    """A file that was read whole."""

    size_bytes: int
    sha256: str


class Match(Struct, frozen=True):
    """Files that are an option of an entry. `names` are those of the files at hand, by the option's own."""

    entry: CatalogEntry
    source: str
    option: Option
    names: dict[str, str]

    @property
    def weights(self) -> frozenset[str]:
        """Of the files at hand."""
        return frozenset(self.names[file.name] for file in self.option.files if file.role in WEIGHTS)


def matches(
    files: Mapping[str, Known], entries: Iterable[tuple[CatalogEntry, str]], asked: Reference | None = None
) -> list[Match]:
    """The options that these files are, each weight in one at most: the option with most of them first, then
    that of the better source. `asked` says which model, version and option count."""
    by_digest: dict[str, str] = {}
    for name in sorted(files):
        by_digest.setdefault(files[name].sha256, name)
    found = []
    for entry, source in entries:
        for option in _asked_options(entry, asked):
            names = {file.name: by_digest.get(file.sha256 or "") for file in option.files}
            whole = {name: here for name, here in names.items() if here is not None}
            if len(whole) == len(names) and any(file.role in WEIGHTS for file in option.files):
                found.append(Match(entry, source, option, whole))
    found.sort(key=_rank)
    taken: set[str] = set()
    chosen = []
    for match in found:
        if match.weights & taken:
            continue
        taken |= match.weights
        chosen.append(match)
    return chosen


def missing(
    files: Mapping[str, Known], entries: Iterable[tuple[CatalogEntry, str]], asked: Reference | None = None
) -> list[tuple[CatalogEntry, Option, tuple[OptionFile, ...]]]:
    """Options of which some weights are here, with the files that are not."""
    digests = {file.sha256 for file in files.values()}
    found = []
    for entry, _ in entries:
        for option in _asked_options(entry, asked):
            absent = tuple(file for file in option.files if file.sha256 not in digests)
            here = any(file.sha256 in digests for file in option.files if file.role in WEIGHTS)
            if absent and here:
                found.append((entry, option, absent))
    return found


def _asked_options(entry: CatalogEntry, asked: Reference | None) -> Sequence[Option]:
    if asked is None:
        return entry.options
    if asked.model != entry.id or asked.version not in (None, entry.version):
        return ()
    return [option for option in entry.options if asked.option in (None, option.id)]


def _rank(match: Match) -> tuple[int, int, str, str]:
    place = SOURCES.index(match.source) if match.source in SOURCES else len(SOURCES)
    return -len(match.names), place, match.entry.id, match.option.id
