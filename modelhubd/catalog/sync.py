"""Brings the catalog's sources together: what it stands on, and the user's own entries.

It stands on the floor that the program carries, or on what a registry serves.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from modelhubd.catalog.local import LocalFiles, entries_of, read_folder
from modelhubd.catalog.merge import LocalEntry, Merged, merge
from modelhubd.entries.reading import more_faults
from modelhubd.floor.loader import floor_bytes, floor_digest, load_floor
from modelhubd.wire.base import rfc3339
from modelhubd.wire.catalog import CatalogEntry, CatalogFault, CatalogInfo

FAULTS_MAX = 200
"""Listed of all files together."""
IMPORTED = "imported"
"""Stands for the file of entries that were made of what was imported."""
INDEX_FORMAT = 2
"""Grows when equal sources are to be indexed in another way."""


Served = tuple[Sequence[CatalogEntry], tuple[CatalogFault, ...]]
"""The sound entries of a base, and what is wrong with the others."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a base has that another one of digest `since` had not: `entries`, where `unchanged` are the ids of
    those that both have, and `faults` all there are."""

    since: str
    entries: Sequence[CatalogEntry]
    unchanged: frozenset[str]
    faults: tuple[CatalogFault, ...]


@dataclass(frozen=True, slots=True)
class Base:
    """What a registry serves, in the place of the floor. `digest` changes whenever it does, `closed` are ids
    that no entry of one's own may take; `read` may take seconds, and blocks nobody."""

    digest: str
    revision: str
    closed: frozenset[str]
    read: Callable[[], Awaitable[Served]]
    source: str = "registry"
    changes: Changes | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """The sources as they are now, not yet understood. `fingerprint` changes whenever the catalog would; that
    of the catalog to which only the base's changes need to be made is `before`, if there is such a one."""

    floor: bytes
    local: LocalFiles
    fingerprint: str
    base: Base | None = None
    imported: tuple[CatalogEntry, ...] = ()
    before: str | None = None


def gather(
    local_dir: Path | None, base: Base | None = None, imported: Sequence[CatalogEntry] = ()
) -> Gathered:
    """Read all sources; without a `local_dir` there are no entries of one's own, without a `base` the floor
    is it; `imported` are entries made of what was imported. (Blocks: tens of megabytes may have to be read
    and hashed.)"""
    local = LocalFiles() if local_dir is None else read_folder(local_dir)
    floor = floor_bytes() if base is None else b""
    digest = floor_digest(floor) if base is None else f"{base.source} {base.digest}"
    before = None
    if base is not None and base.changes is not None and local == LocalFiles() and not imported:
        before = _fingerprint(f"{base.source} {base.changes.since}", local)
    return Gathered(floor, local, _fingerprint(digest, local, imported), base, tuple(imported), before)


def _fingerprint(digest: str, local: LocalFiles, imported: Sequence[CatalogEntry] = ()) -> str:
    made = hashlib.sha256(msgspec.json.encode(imported)).hexdigest() if imported else ""
    return hashlib.sha256(f"{INDEX_FORMAT}\n{digest}\n{local.fingerprint}{made}".encode()).hexdigest()


def understand(gathered: Gathered, served: Served = ((), ())) -> Merged:
    """The catalog that the sources make; `served` is what the base holds, if there is one."""
    own, faults = entries_of(gathered.local)
    entries = (*own, *(LocalEntry(IMPORTED, "", entry) for entry in gathered.imported))
    if gathered.base is None:
        merged = merge(load_floor(gathered.floor), entries)
    else:
        base = gathered.base
        merged = merge(served[0], entries, base_source=base.source, closed=base.closed)
    every = sorted((*served[1], *faults, *merged.faults), key=lambda fault: (fault.file, fault.pointer))
    if len(every) > FAULTS_MAX:
        rest = more_faults(len(every) - FAULTS_MAX)
        every = [*every[:FAULTS_MAX], CatalogFault(file="catalog.d", pointer="", reason=rest)]
    return Merged(merged.entries, tuple(every))


def described(
    gathered: Gathered, faults: tuple[CatalogFault, ...], *, models: int, local_entries: int, at: datetime
) -> CatalogInfo:
    """Where a catalog of so many models comes from, as of `at`."""
    base = gathered.base
    return CatalogInfo(
        source="floor" if base is None else base.source,
        revision=gathered.fingerprint[:12] if base is None else base.revision,
        models=models,
        local_entries=local_entries,
        faults=faults,
        synced_at=rfc3339(at),
    )
