"""What a publisher says of a version, apart from what the registry says of it, and the digest of it.

Reviewers approve this digest, publishers sign it, and daemons compute it again from the entry they got.
"""

import hashlib
import json
from typing import Any

import msgspec

from modelhubd.wire.catalog import CatalogEntry

HUB_MANAGED = frozenset(
    {"verified", "published_by", "published_at", "publisher", "version", "versions", "envelopes", "older"}
)
"""Fields of an entry that the registry alone writes. `publisher` is the first part of the id there."""


def content_of(entry: CatalogEntry, notes: str | None) -> bytes:
    """The canonical JSON of a version: keys sorted, no blanks, UTF-8, what is at its default left out.

    `notes` are those of this version. All numbers of an entry are integers, so this is RFC 8785's form but
    for the order of keys outside the basic multilingual plane, which no key of ours has.
    """
    content = _plain(entry)
    for field in HUB_MANAGED:
        content.pop(field, None)
    if notes:
        content["notes"] = notes
    return canonical(content)


def content_sha256(entry: CatalogEntry, notes: str | None) -> str:
    """What identifies the content of a version: SHA-256 of `content_of`, in hex."""
    return hashlib.sha256(content_of(entry, notes)).hexdigest()


def notes_of(entry: CatalogEntry) -> str | None:
    """The notes of the version that the entry shows."""
    return next((known.notes for known in entry.versions if known.version == entry.version), None)


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no blanks, as UTF-8: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    """Structs as dictionaries without the fields that are at their default."""
    if isinstance(value, msgspec.Struct):
        found = {}
        for field in msgspec.structs.fields(value):
            given = getattr(value, field.name)
            if field.default is not msgspec.NODEFAULT and given == field.default:
                continue
            if field.default_factory is not msgspec.NODEFAULT and given == field.default_factory():
                continue
            found[field.encode_name] = _plain(given)
        return found
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return msgspec.to_builtins(value)
