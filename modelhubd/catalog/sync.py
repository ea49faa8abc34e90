"""Brings the catalog's sources together: the floor that the program carries, and the user's own entries."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from modelhubd.catalog.local import LocalFiles, entries_of, read_folder
from modelhubd.catalog.merge import Merged, merge
from modelhubd.entries.reading import more_faults
from modelhubd.floor.loader import floor_bytes, floor_digest, load_floor
from modelhubd.wire.catalog import CatalogFault

FAULTS_MAX = 200
"""Listed of all files together."""
INDEX_FORMAT = 1
"""Grows when equal sources are to be indexed in another way."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The sources as they are now, not yet understood. `fingerprint` changes whenever the catalog would."""

    floor: bytes
    local: LocalFiles
    fingerprint: str


def gather(local_dir: Path | None) -> Gathered:
    """Read all sources; without a `local_dir` there are no entries of one's own. (Blocks: tens of megabytes
    may have to be read and hashed.)"""
    floor, local = floor_bytes(), LocalFiles() if local_dir is None else read_folder(local_dir)
    text = f"{INDEX_FORMAT}\n{floor_digest(floor)}\n{local.fingerprint}"
    return Gathered(floor, local, hashlib.sha256(text.encode()).hexdigest())


def understand(gathered: Gathered) -> Merged:
    """The catalog that the sources make."""
    entries, faults = entries_of(gathered.local)
    merged = merge(load_floor(gathered.floor), entries)
    every = sorted((*faults, *merged.faults), key=lambda fault: (fault.file, fault.pointer))
    if len(every) > FAULTS_MAX:
        rest = more_faults(len(every) - FAULTS_MAX)
        every = [*every[:FAULTS_MAX], CatalogFault(file="catalog.d", pointer="", reason=rest)]
    return Merged(merged.entries, tuple(every))
