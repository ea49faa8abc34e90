"""The signed document `catalog.json.gz`: unpacked within bounds, and read entry by entry. Pure."""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from msgspec.structs import replace

from modelhubd.catalog.registry.refusals import NotTaken
from modelhubd.entries.reading import more_faults, read_entries
from modelhubd.entries.rules import faults_in_entry, with_sums
from modelhubd.trust.text import fault_in_text
from modelhubd.wire.catalog import CatalogEntry, CatalogFault
from modelhubd.wire.registry import CATALOG_SCHEMA, SignedCatalog, Tombstone

TARGET = "catalog.json.gz"
PACKED_MAX = 64 * 1024 * 1024
UNPACKED_MAX = 256 * 1024 * 1024
ENTRIES_MAX = 100_000
FAULTS_MAX = 100
_GZIP = 31
_PLAIN_ESCAPE = re.compile(r'\\["\\/n]')
"""Any other may stand for a character that nobody sees."""
_entry = msgspec.json.Decoder(CatalogEntry)
_catalog = msgspec.json.Decoder(SignedCatalog)


class _Schema(msgspec.Struct):
    schema: int


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A signed catalog without its entries, and the digest of the target it came in."""

    sha256: str
    catalog: SignedCatalog

    @property
    def published_at(self) -> datetime:
        return datetime.fromisoformat(self.catalog.published_at)

    def tombstones(self) -> dict[str, Tombstone]:
        """By model id."""
        return {tombstone.id: tombstone for tombstone in self.catalog.tombstones}


@dataclass(frozen=True, slots=True)
class Document:
    """A verified target, understood. `entries` are the sound ones, `faults` what is wrong with the others."""

    head: Head
    entries: list[CatalogEntry]
    faults: tuple[CatalogFault, ...]


def unpacked(target: bytes, most: int = UNPACKED_MAX) -> bytes:
    """The JSON in one gzip member.

    Raises:
        NotTaken: it is no gzip, is not whole, or holds more than `most` bytes.
    """
    unpacker = zlib.decompressobj(_GZIP)
    try:
        data = unpacker.decompress(target, most)
    except zlib.error:
        raise NotTaken("bad_document", "it is no gzip file") from None
    if not unpacker.eof:
        if unpacker.unconsumed_tail:
            raise NotTaken("oversized", "an unpacked catalog")
        raise NotTaken("bad_document", "its gzip file is not whole")
    if unpacker.unused_data:
        raise NotTaken("bad_document", "something follows its gzip file")
    return data


def read_document(target: bytes, sha256: str, stopping: Callable[[], bool] = lambda: False) -> Document:
    """What a verified target says. Takes seconds for ten thousands of entries: call it in a thread, with
    `stopping` to be asked whether nobody wants it any more.

    Raises:
        NotTaken: it is no such document.
    """
    data = unpacked(target)
    catalog = _decoded(data)
    if len(catalog.entries) > ENTRIES_MAX:
        raise NotTaken("bad_document", f"it has more than {ENTRIES_MAX} entries")
    head = Head(sha256=sha256, catalog=replace(catalog, entries=()))
    if (reason := _fault_in_head(head)) is not None:
        raise NotTaken("bad_document", reason)
    entries, faults = _entries(catalog.entries, stopping)
    return Document(head, entries, faults)


def _decoded(data: bytes) -> SignedCatalog:
    try:
        schema = msgspec.json.decode(data, type=_Schema).schema
        if schema > CATALOG_SCHEMA:
            raise NotTaken("newer_schema")
        return _catalog.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise NotTaken("bad_document", "it is not of the agreed form") from None


def _fault_in_head(head: Head) -> str | None:
    catalog = head.catalog
    if not catalog.registry or len(catalog.registry) > 256 or fault_in_text(catalog.registry) is not None:
        return "the registry's name cannot be shown"
    if catalog.revision < 1:
        return "its revision is not a number from 1 on"
    try:
        aware = head.published_at.tzinfo is not None
    except ValueError:
        aware = False
    return None if aware else "it does not say when it was made"


def _entries(
    raw: tuple[msgspec.Raw, ...], stopping: Callable[[], bool]
) -> tuple[list[CatalogEntry], tuple[CatalogFault, ...]]:
    entries: dict[str, CatalogEntry] = {}
    faults: list[CatalogFault] = []
    untold = 0

    def fault(pointer: str, reason: str) -> None:
        nonlocal untold
        if len(faults) < FAULTS_MAX:
            faults.append(CatalogFault(file=TARGET, pointer=pointer, reason=reason))
        else:
            untold += 1

    for index, item in enumerate(raw):
        if stopping():
            raise NotTaken("unreachable", "the daemon stops")
        pointer = f"/entries/{index}"
        if (plain := _plain(bytes(item))) is not None and plain.id not in entries:
            entries[plain.id] = plain
            continue
        read = read_entries(bytes(item))
        for inner, reason in read.faults:
            fault(pointer + inner, reason)
        for inner, entry in read.entries:
            if inner:
                fault(pointer, "a list where an entry should be")
            elif entry.id in entries:
                fault(f"{pointer}/id", f"{entry.id} is in the catalog already; the first one counts")
            else:
                entries[entry.id] = entry
    if untold:
        faults.append(CatalogFault(file=TARGET, pointer="", reason=more_faults(untold)))
    return list(entries.values()), tuple(faults)


def _plain(raw: bytes) -> CatalogEntry | None:
    """The entry, if it is sound and nothing in it asks for a closer look, as in nearly all of ten thousand:
    to walk through each as `read_entries` does takes many times as long."""
    text = raw.decode("utf-8", "replace")
    if not text.isprintable() or "\\" in _PLAIN_ESCAPE.sub("", text):
        return None
    try:
        entry = _entry.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if "\\n" in text and b"\\n" in msgspec.json.encode(replace(entry, description=None, versions=())):
        return None
    entry = with_sums(entry)
    return None if faults_in_entry(entry) else entry
