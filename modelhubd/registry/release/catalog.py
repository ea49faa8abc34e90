"""The signed document out of what the database says: the same rows and key give the same bytes anywhere."""

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from modelhubd.entries.content import HUB_MANAGED, canonical
from modelhubd.entries.older import OLDER_MAX
from modelhubd.entries.rules import VERSIONS_MAX
from modelhubd.wire.registry import CatalogPublisher, CatalogTemplate, SignedCatalog, Tombstone

COMPRESSION = 6
"""Of gzip: 9 takes four times as long for a hundredth less."""
QUICKLY = 1
"""Of what is kept in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedVersion:
    """The version of a model that is served, as it is stored; without what was published (`is_bare`) where
    its text is known."""

    model: str
    version: int
    content: str = ""
    envelopes: str = "[]"
    published_by: str = ""
    published_at: str = ""
    verified: bool = False
    older: tuple["ServedVersion", ...] = ()
    """For programs that cannot use it, newest first."""

    @property
    def is_bare(self) -> bool:
        return not self.content


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """One version in a model's history."""

    version: int
    published_by: str
    published_at: str
    notes: str | None
    requires: str | None = None
    """As JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """What is served, as of one moment. `history` is newest first, by model."""

    served: tuple[ServedVersion, ...]
    history: Mapping[str, Sequence[Approved]]
    tombstones: tuple[Tombstone, ...]
    templates: tuple[CatalogTemplate, ...]
    publishers: tuple[CatalogPublisher, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around the entries of the document."""

    registry: str
    revision: int
    published_at: str
    checkpoint: str
    audit_key: str


class Texts:
    """Entries as they were written the last time, packed: one change leaves all others as they are.

    An entry follows from which versions there are and what is said of them, as what was published under a
    number never changes.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}

    def know(self, version: ServedVersion, history: Sequence[Approved]) -> bool:
        """Whether the entry is known, so that it can be written of a bare version."""
        return _place(version, history) in self._known

    def of(self, served: Sequence[ServedVersion], history: Mapping[str, Sequence[Approved]]) -> list[bytes]:
        """`entry_of` each; what is not asked for this time is forgotten."""
        before, self._known = self._known, {}
        found = []
        for version in served:
            versions = history.get(version.model, ())
            place = _place(version, versions)
            kept = before.get(place)
            text = zlib.decompress(kept) if kept is not None else entry_of(version, versions)
            self._known[place] = kept or zlib.compress(text, QUICKLY)
            found.append(text)
        return found


def _place(version: ServedVersion, history: Sequence[Approved]) -> bytes:
    """What an entry follows from."""
    older, numbers = [one.version for one in version.older], [known.version for known in history]
    stated = (version.model, version.version, version.verified, older, numbers)
    return blake2b(msgspec.msgpack.encode(stated), digest_size=32).digest()


def document(catalog: Catalog, frame: Frame, texts: Texts | None = None) -> bytes:
    """The document as JSON (`wire.registry.SignedCatalog`), entries in the order of their ids. `texts` are
    those of the document before, if there was one."""
    served = sorted(catalog.served, key=lambda version: version.model)
    entries = tuple(map(msgspec.Raw, (texts or Texts()).of(served, catalog.history)))
    return msgspec.json.encode(
        SignedCatalog(
            registry=frame.registry,
            revision=frame.revision,
            published_at=frame.published_at,
            entries=entries,
            tombstones=catalog.tombstones,
            templates=catalog.templates,
            publishers=catalog.publishers,
            checkpoint=frame.checkpoint,
            audit_key=frame.audit_key,
        )
    )


def packed(document: bytes) -> bytes:
    """The target: gzip without a time, so that equal documents give equal targets."""
    return gzip.compress(document, COMPRESSION, mtime=0)


def entry_of(version: ServedVersion, history: Sequence[Approved]) -> bytes:
    """A catalog entry as canonical JSON: what was published, and what the registry says of it."""
    entry = _stated(version)
    entry["publisher"] = version.model.partition("/")[0]
    entry["versions"] = [_told(known) for known in history[:VERSIONS_MAX]]
    if version.verified:
        entry["verified"] = True
    if version.older:
        entry["older"] = [_stated(older) for older in version.older]
    return canonical(entry)


def for_others(history: Sequence[Approved]) -> tuple[int, ...]:
    """Which older versions are served beside the newest, so that programs which cannot use that one have one:
    of each requirement that nothing newer states the newest version, until one requires nothing."""
    seen: list[Any] = []
    found = []
    for known in history:
        stated = _requirements(known.requires)
        if stated not in seen:
            seen.append(stated)
            found.append(known.version)
        if not stated or len(found) > OLDER_MAX:
            break
    return tuple(found[1 : OLDER_MAX + 1])


def _requirements(text: str | None) -> Any:
    stated = json.loads(text) if text else None
    return {name: value for name, value in stated.items() if value} if isinstance(stated, dict) else {}


def _stated(version: ServedVersion) -> dict[str, Any]:
    """What was published, by whom and when."""
    content: dict[str, Any] = json.loads(version.content)
    entry = {name: value for name, value in content.items() if name not in HUB_MANAGED and name != "notes"}
    entry["published_by"] = version.published_by
    entry["published_at"] = version.published_at
    entry["version"] = version.version
    if envelopes := json.loads(version.envelopes):
        entry["envelopes"] = envelopes
    return entry


def _told(known: Approved) -> dict[str, Any]:
    told: dict[str, Any] = {
        "published_at": known.published_at,
        "published_by": known.published_by,
        "version": known.version,
    }
    if known.notes:
        told["notes"] = known.notes
    return told
