"""Versions that an entry offers beside the one it serves: for programs that cannot use that one. No I/O.

What they share with the entry is told once: its history, its publisher, and whether it is verified, which is
a matter of the model.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from modelhubd.entries.requirements import Programs, held_back
from modelhubd.wire.catalog import CatalogEntry

OLDER_MAX = 8
"""Of one entry; each has requirements of its own."""


def offered(entry: CatalogEntry) -> Iterator[CatalogEntry]:
    """The entry, and then what it offers of older versions, newest first, each as an entry of its own."""
    yield entry
    for older in entry.older:
        yield replace(
            older,
            publisher=entry.publisher,
            verified=entry.verified,
            versions=tuple(note for note in entry.versions if note.version <= older.version),
        )


def at_version(entry: CatalogEntry | None, version: int) -> CatalogEntry | None:
    """What the entry offers under this number; None where it does not."""
    if entry is None or entry.version == version:
        return entry
    return next((one for one in offered(entry) if one.version == version), None)


def newest_usable(entry: CatalogEntry, programs: Programs) -> CatalogEntry | None:
    """The newest version that is for these programs; None where none is."""
    return next((one for one in offered(entry) if held_back(one.requires, programs) is None), None)
