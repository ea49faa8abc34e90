"""The signed document `catalog.json.gz`, read entry by entry. Pure."""

import hashlib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from modelhubd.catalog.registry.refusals import NotTaken
from modelhubd.catalog.registry.slicing import Slices
from modelhubd.entries.reading import more_faults, read_entries
from modelhubd.entries.rules import faults_in_entry, with_sums
from modelhubd.trust.text import fault_in_text
from modelhubd.wire.catalog import CatalogEntry, CatalogFault
from modelhubd.wire.registry import CATALOG_SCHEMA, SignedCatalog, Tombstone

TARGET = "catalog.json.gz"
PACKED_MAX = 64 * 1024 * 1024
ENTRIES_MAX = 100_000
FAULTS_MAX = 100
DIGEST_BYTES = 16
_PLAIN_ESCAPE = re.compile(r'\\["\\/n]')
"""Any other may stand for a character that nobody sees."""


class _Schema(msgspec.Struct):
    schema: int


_entry = msgspec.json.Decoder(CatalogEntry)
_catalog = msgspec.json.Decoder(SignedCatalog)
_schema = msgspec.json.Decoder(_Schema)


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
    """A verified target, understood. `entries` are the sound ones that were not known, `faults` what is wrong
    with others; `unchanged` are the ids of those that were known. `digests` are those of all, one after the
    other; none where an id stands twice: what is shown then is not told by the entries alone."""

    head: Head
    entries: list[CatalogEntry]
    faults: tuple[CatalogFault, ...]
    unchanged: frozenset[str] = frozenset()
    digests: bytes = b""


@dataclass(frozen=True, slots=True)
class Known:
    """What is in use of the document before: digests of its entries, and the ids of those that are shown."""

    digests: frozenset[bytes] = frozenset()
    shown: Collection[str] = ()

    @classmethod
    def of(cls, digests: bytes, shown: Collection[str]) -> "Known":
        """`digests` as `Document` has them."""
        starts = range(0, len(digests), DIGEST_BYTES)
        return cls(frozenset(digests[start : start + DIGEST_BYTES] for start in starts), shown)


def digests_of(target: bytes) -> bytes:
    """`Document.digests` of a target that was read before. (Takes as long as a second; blocks.)

    Raises:
        NotTaken: it is no such document.
    """
    digests = _Digests()
    for text, value in Slices(target):
        digests.add(_id_of(value), text)
    return digests.joined()


def read_document(
    target: bytes, sha256: str, stopping: Callable[[], bool] = lambda: False, known: Known | None = None
) -> Document:
    """What a verified target says. Of entries that are `known` only the ids are read. Takes seconds for ten
    thousands that are not: call it in a thread, with `stopping` to be asked whether nobody wants it any more.

    Raises:
        NotTaken: it is no such document.
    """
    slices = Slices(target)
    taken = _Taken(known or Known())
    for index, (text, value) in enumerate(slices):
        if stopping():
            raise NotTaken("unreachable", "the daemon stops")
        if index >= ENTRIES_MAX:
            raise NotTaken("bad_document", f"it has more than {ENTRIES_MAX} entries")
        taken.take(index, text, value)
    head = Head(sha256=sha256, catalog=_decoded(slices.rest))
    if (reason := _fault_in_head(head)) is not None:
        raise NotTaken("bad_document", reason)
    return Document(
        head, list(taken.entries.values()), taken.told(), frozenset(taken.unchanged), taken.digests.joined()
    )


def _decoded(rest: str) -> SignedCatalog:
    try:
        if _schema.decode(rest).schema > CATALOG_SCHEMA:
            raise NotTaken("newer_schema")
        return _catalog.decode(rest)
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError):
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


class _Taken:
    """Entries as they are read, the first of each id; of those that are known only the ids."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._faults: list[CatalogFault] = []
        self._untold = 0
        self.digests = _Digests()
        self.entries: dict[str, CatalogEntry] = {}
        self.unchanged: set[str] = set()

    def take(self, index: int, text: str, value: Any) -> None:
        ident, pointer = _id_of(value), f"/entries/{index}"
        digest = self.digests.add(ident, text)
        if ident in self._known.shown and digest in self._known.digests and not self._has(ident):
            self.unchanged.add(ident)
        elif (plain := _plain(text)) is not None and not self._has(plain.id):
            self.entries[plain.id] = plain
        else:
            self._closely(pointer, text)

    def _closely(self, pointer: str, text: str) -> None:
        read = read_entries(text.encode("utf-8", "surrogatepass"))
        for inner, reason in read.faults:
            self._fault(pointer + inner, reason)
        for inner, entry in read.entries:
            if inner:
                self._fault(pointer, "a list where an entry should be")
            elif self._has(entry.id):
                self._fault(f"{pointer}/id", f"{entry.id} is in the catalog already; the first one counts")
            else:
                self.entries[entry.id] = entry

    def _has(self, ident: str) -> bool:
        return ident in self.entries or ident in self.unchanged

    def _fault(self, pointer: str, reason: str) -> None:
        if len(self._faults) < FAULTS_MAX:
            self._faults.append(CatalogFault(file=TARGET, pointer=pointer, reason=reason))
        else:
            self._untold += 1

    def told(self) -> tuple[CatalogFault, ...]:
        """The faults, and how many more there are."""
        if not self._untold:
            return tuple(self._faults)
        rest = CatalogFault(file=TARGET, pointer="", reason=more_faults(self._untold))
        return (*self._faults, rest)


def _id_of(value: Any) -> str:
    ident = value.get("id") if isinstance(value, dict) else None
    return ident if isinstance(ident, str) else ""


class _Digests:
    """Digests of the texts of entries."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._found: list[bytes] = []

    def add(self, ident: str, text: str) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        self._ids.add(ident)
        self._found.append(hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest())
        return self._found[-1]

    def joined(self) -> bytes:
        return b"".join(self._found) if len(self._ids) == len(self._found) else b""


def _plain(text: str) -> CatalogEntry | None:
    """The entry, if it is sound and nothing in it asks for a closer look, as in nearly all of ten thousand:
    to walk through each as `read_entries` does takes many times as long."""
    if not text.isprintable() or "\\" in _PLAIN_ESCAPE.sub("", text):
        return None
    try:
        entry = _entry.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if "\\n" in text and b"\\n" in msgspec.json.encode(replace(entry, description=None, versions=())):
        return None
    entry = with_sums(entry)
    return None if faults_in_entry(entry) else entry
