"""Entries that do not state the shape of their model: which file tells, and what an entry says then. Pure."""

from msgspec import Struct
from msgspec.structs import fields, replace

from modelhubd.fit.estimate import estimate
from modelhubd.fit.verdict import default_ctx
from modelhubd.wire.architecture import Architecture
from modelhubd.wire.catalog import CatalogEntry, Format, OptionFile, Role


class Source(Struct, frozen=True, kw_only=True):
    """A file whose header tells. `key` stands for its bytes: its SHA-256, or its address and size."""

    key: str
    url: str
    size_bytes: int | None


def is_enough(architecture: Architecture) -> bool:
    """Whether memory can be estimated from these facts."""
    return estimate(architecture, 0, ctx=default_ctx(architecture)) is not None


def source_of(entry: CatalogEntry) -> Source | None:
    """The file to ask where the entry does not say enough: the first of a GGUF option that has an address.
    All options are forms of one model. None where the entry says enough, or there is no such file."""
    if is_enough(entry.architecture):
        return None
    for option in entry.options:
        files = [file for file in option.files if file.role in (Role.MODEL, Role.SHARD)]
        if option.format is Format.GGUF and files and files[0].urls:
            return Source(key=_key(files[0]), url=files[0].urls[0], size_bytes=files[0].size_bytes)
    return None


def completed(entry: CatalogEntry, shape: Architecture) -> CatalogEntry:
    """The entry with what it does not state itself from the file; what it states stands."""
    stated = entry.architecture
    missing = {
        field.name: getattr(shape, field.name)
        for field in fields(Architecture)
        if getattr(stated, field.name) is None
    }
    return replace(
        entry,
        architecture=replace(stated, **missing),
        context_length=entry.context_length or shape.context_length,
    )


def _key(file: OptionFile) -> str:
    return file.sha256 or f"{file.urls[0]} {file.size_bytes}"
