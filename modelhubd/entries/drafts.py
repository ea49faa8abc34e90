"""From what is known of a model's files to its catalog entry."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelhubd.entries.cards import Card
from modelhubd.entries.grouping import Group, NotAModel
from modelhubd.entries.licences import chosen_licence, licence_of
from modelhubd.entries.quantizations import option_id
from modelhubd.trust.text import printable
from modelhubd.wire.architecture import Architecture, ModelFacts
from modelhubd.wire.catalog import CatalogEntry, Format, Hardware, Option, OptionFile, Role

NAME_MAX = 200
TAGS_LEFT_OUT = (
    "gguf",
    "mlx",
    "safetensors",
    "transformers",
    "pytorch",
    "conversational",
    "endpoints_compatible",
)
_PIPELINES = {
    "feature-extraction": "embedding", "sentence-similarity": "embedding", "text-ranking": "rerank",
    "image-text-to-text": "vision", "text-generation": "chat",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class FileFacts:
    """One file as it is: `urls` are where machines get it."""

    size_bytes: int
    sha256: str | None
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionFacts:
    """A group with what the headers of its weights say. A format other than the group's is the truer one."""

    group: Group
    headers: tuple[ModelFacts, ...] = ()
    format: Format | None = None
    quantization: str | None = None
    """Where a configuration names it."""
    architecture: Architecture | None = None
    """Where a configuration states it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What the person who publishes says; it goes before what files say."""

    id: str
    display_name: str | None = None
    description: str | None = None
    license: str | None = None
    homepage: str | None = None
    tags: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """An entry to publish, with the notes of this version and remarks on how it was made."""

    entry: CatalogEntry
    notes: str | None = None
    remarks: tuple[str, ...] = ()


def entry_of(
    wishes: Wishes,
    options: Iterable[OptionFacts],
    files: Mapping[str, FileFacts],
    *,
    card: Card = Card(),  # noqa: B008  # frozen
    gated: bool | None = None,
    quantizer: str | None = None,
) -> Draft:
    """The entry, options by format and size.

    Raises:
        NotAModel: its options are not of one model.
    """
    found = tuple(options)
    headers = tuple(header for option in found for header in option.headers)
    stated = next((name for header in headers if (name := header.license)), None)
    remarks = [f"{option.group.weights[0]}: {text}" for option in found if (text := _doubt(option))]
    entry = CatalogEntry(
        id=wishes.id,
        display_name=wishes.display_name or _name(headers, wishes.id),
        description=wishes.description,
        parameters=_parameters(found),
        capabilities=wishes.capabilities or _capabilities(found, card),
        license=chosen_licence(wishes.license)
        if wishes.license
        else licence_of(card.license or stated, card, gated=gated),
        tags=wishes.tags
        or tuple(tag for tag in card.tags if tag.casefold() not in TAGS_LEFT_OUT and ":" not in tag),
        architecture=_architecture(found),
        context_length=_architecture(found).context_length,
        base_model=card.base_model,
        homepage=wishes.homepage,
        hardware=Hardware(),
        options=_options(found, files, quantizer),
    )
    return Draft(entry=entry, remarks=tuple(remarks))


def _options(
    found: Iterable[OptionFacts], files: Mapping[str, FileFacts], quantizer: str | None
) -> tuple[Option, ...]:
    taken: set[str] = set()
    made = []
    for option in found:
        kind = option.format or option.group.format
        quantization = _quantization(option)
        ident = option_id(kind, quantization, taken)
        taken.add(ident)
        members = tuple(
            OptionFile(
                name=member.name,
                role=member.role,
                size_bytes=files[member.name].size_bytes,
                sha256=files[member.name].sha256,
                urls=files[member.name].urls,
            )
            for member in option.group.members
        )
        made.append(
            Option(
                id=ident,
                format=kind,
                quantization=quantization,
                quantizer=quantizer,
                size_bytes=sum(file.size_bytes or 0 for file in members),
                files=members,
            )
        )
    return tuple(sorted(made, key=lambda option: (option.format, option.size_bytes or 0, option.id)))


def _quantization(option: OptionFacts) -> str | None:
    return option.group.label or option.quantization or _stored(option)


def _stored(option: OptionFacts) -> str | None:
    return next((header.quantization for header in option.headers if header.quantization), None)


def _doubt(option: OptionFacts) -> str | None:
    """Where the name of a file and what is in it disagree."""
    label, stored = option.group.label, _stored(option)
    if (
        label is None
        or stored is None
        or label.removeprefix("UD-").partition("_")[0] == stored.partition("_")[0]
    ):
        return None
    if label.startswith(("MXFP4", "UD-")):
        return None
    return f"the name says {label}, the file {stored}"


def _name(headers: Iterable[ModelFacts], model: str) -> str:
    named = next((name for header in headers if (name := header.name)), None)
    shown = printable(named or model.partition("/")[2]).strip()[:NAME_MAX]
    return shown or model


def _parameters(found: Iterable[OptionFacts]) -> int | None:
    """Of the first option whose files all tell; options of one model agree but for what quantizing adds."""
    for option in found:
        counts = [header.parameters for header in option.headers]
        if counts and all(counts):
            return sum(count for count in counts if count is not None)
    return None


def _architecture(found: Iterable[OptionFacts]) -> Architecture:
    """That of the first option that states one. Options of one format must agree; formats count layers each
    in its own way."""
    stated: dict[Format, Architecture] = {}
    for option in found:
        shape = _shape(option)
        first = stated.setdefault(option.group.format, shape) if shape != Architecture() else shape
        if (shape.n_layers, shape.hidden_size) != (first.n_layers, first.hidden_size):
            raise NotAModel(
                f"These are several models: one has {first.n_layers} layers of {first.hidden_size}, another "
                f"{shape.n_layers} of {shape.hidden_size}. Name each by itself."
            )
    return next(iter(stated.values()), Architecture())


def _shape(option: OptionFacts) -> Architecture:
    if option.architecture is not None:
        return option.architecture
    shapes = (header.architecture for header in option.headers)
    return next((shape for shape in shapes if shape.family), Architecture())


def _capabilities(found: Iterable[OptionFacts], card: Card) -> tuple[str, ...]:
    options = tuple(found)
    headers = tuple(header for option in options for header in option.headers)
    words = []
    if any(header.ranks for header in headers):
        words.append("rerank")
    elif _architecture(options).attention == "encoder":
        words.append("embedding")
    elif any(header.has_chat_template for header in headers):
        words.append("chat")
    elif card.pipeline in _PIPELINES:
        words.append(_PIPELINES[card.pipeline])
    if any(member.role is Role.PROJECTOR for option in options for member in option.group.members):
        words.append("vision")
    if any(header.thinks for header in headers):
        words.append("reasoning")
    if len(card.languages) > 1:
        words.append("multilingual")
    return tuple(dict.fromkeys(words))
