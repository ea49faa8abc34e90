"""Stored content as the entry that it would be served as."""

import json
from typing import Any

import msgspec

from modelhubd.registry.versions.rows import VersionRow
from modelhubd.wire.catalog import CatalogEntry, Envelope, VersionNote

Content = dict[str, Any]


def loaded(content: str) -> Content:
    """The fields of a version's content."""
    found: Content = json.loads(content)
    return found


def notes_in(content: str) -> str | None:
    """What the publisher says is new in the version."""
    return loaded(content).get("notes")


def stored_entry(content: str) -> CatalogEntry:
    """The entry without what the registry says of it."""
    return msgspec.json.decode(content, type=CatalogEntry)


def shown_entry(row: VersionRow, content: str, envelopes: str, *, verified: bool) -> CatalogEntry:
    """The entry with what the registry says of this version."""
    note = VersionNote(
        version=row.version,
        published_at=row.published_at,
        published_by=row.published_by,
        notes=notes_in(content),
    )
    return msgspec.structs.replace(
        stored_entry(content),
        publisher=row.model.partition("/")[0],
        version=row.version,
        versions=(note,),
        published_by=row.published_by,
        published_at=row.published_at,
        verified=verified and row.served,
        envelopes=msgspec.json.decode(envelopes, type=tuple[Envelope, ...]),
    )
