"""Makes an entry of files that no catalog knows, of what their own metadata says. No I/O."""

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from modelhubd.entries.cards import Card
from modelhubd.entries.drafts import FileFacts, OptionFacts, Wishes, entry_of
from modelhubd.entries.grouping import NotAModel
from modelhubd.entries.quantizations import slug, without_quantization
from modelhubd.entries.rules import faults_in_entry
from modelhubd.trust.names import is_model_id
from modelhubd.wire.catalog import CatalogEntry

PUBLISHER = "local"
_NOT_SAFE = re.compile(r"[^A-Za-z0-9 ._+=@,()\[\]-]+")
_PART = re.compile(r"-[0-9]{5}-of-[0-9]{5}$")
NAMES_TRIED = 100


def safe_name(name: str) -> str:
    """A file's name as the library may keep it: what no file system may hold becomes a hyphen."""
    parts = [_NOT_SAFE.sub("-", part).strip(" .").lstrip("-") or "file" for part in name.split("/")]
    return "/".join(parts)


def entry_from(
    model: str, options: Iterable[OptionFacts], files: Mapping[str, FileFacts], card: Card
) -> CatalogEntry:
    """The entry of version 1, by the metadata of the files and the card beside them.

    Raises:
        NotAModel: the files are of several models, or what they say of themselves cannot be kept.
    """
    found = tuple(options)
    faults: list[tuple[str, str]] = []
    for text in (card, Card()):
        entry = entry_of(Wishes(id=model), found, files, card=text).entry
        faults = faults_in_entry(entry)
        if not faults:
            return entry
    pointer, reason = faults[0]
    raise NotAModel(f"No entry can be made of it: {pointer} {reason}.")


def id_of(options: Iterable[OptionFacts]) -> str:
    """`local/<name>`, by the name that a header states, else by that of the file."""
    found = tuple(options)
    stated = (header.name for option in found for header in option.headers)
    weights = (option.group.weights[0] for option in found)
    stems = (_PART.sub("", name.rpartition("/")[2].rpartition(".")[0]) for name in weights)
    for text in (*stated, *map(without_quantization, stems)):
        if text and is_model_id(f"{PUBLISHER}/{slug(text)}"):
            return f"{PUBLISHER}/{slug(text)}"
    return f"{PUBLISHER}/model"


def names_for(model: str) -> Iterator[str]:
    """Ids that a model may have, the plain one first."""
    yield model
    for number in range(2, NAMES_TRIED + 1):
        yield f"{model[:60]}-{number}"


def joined(made: CatalogEntry, model: str, other: CatalogEntry | None) -> CatalogEntry | None:
    """`made` as `model`, together with the options of the `other` entry of that id if both are of one model;
    None where they are not."""
    if other is None:
        return replace(made, id=model)
    return _together(replace(made, id=model), other) if _is_same(made, other) else None


def _is_same(made: CatalogEntry, other: CatalogEntry) -> bool:
    """Whether both are forms of one model, as far as that can be told."""
    if made.id.partition("/")[0] != PUBLISHER:
        return False
    theirs = {file.sha256 for option in other.options for file in option.files}
    if any(file.sha256 in theirs for option in made.options for file in option.files):
        return True
    known = made.architecture.n_layers is not None
    return known and made.architecture == other.architecture and made.display_name == other.display_name


def _together(made: CatalogEntry, other: CatalogEntry) -> CatalogEntry:
    """Options that both have, by their files, are those of `other`; new ones get ids of their own."""
    theirs = {_digests(option.files): option for option in other.options}
    taken = {option.id for option in other.options}
    options = list(other.options)
    for option in made.options:
        if _digests(option.files) in theirs:
            continue
        ident, number = option.id, 2
        while ident in taken:
            ident, number = f"{option.id}-{number}", number + 1
        taken.add(ident)
        options.append(replace(option, id=ident))
    return replace(other, options=tuple(options))


def _digests(files: Iterable[object]) -> tuple[object, ...]:
    return tuple(sorted(str(getattr(file, "sha256", None)) for file in files))
