"""Which fields no publish may hold: unknown ones at any depth, and those that only the registry sets.

The wire's structs skip what they do not know, which is right for readers; a publisher who mistypes a field,
or tries to set one that is not his, is told (CVE-2019-16097).
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from modelhubd.entries.content import HUB_MANAGED
from modelhubd.entries.reading import Fault, escaped
from modelhubd.wire.catalog import CatalogEntry, Envelope

MANAGED: dict[str, str] = {
    "verified": "set by an administrator of the registry, for the model as a whole",
    "version": "allocated by the registry: the next number",
    "versions": "kept by the registry; what is new in this version belongs into notes",
    "older": "kept by the registry: what is approved of them",
    "publisher": "the first part of the id, which the registry knows",
    "published_by": "set by the registry: who holds the token",
    "published_at": "set by the registry",
    "downloads": "counted by the registry",
    "stars": "counted by the registry",
    "status": "decided by a reviewer",
}
"""Fields that no publish may hold, and who sets them."""
assert HUB_MANAGED - {"envelopes"} <= MANAGED.keys()

EXTRA: dict[str, Any] = {"notes": str, "envelopes": tuple[Envelope, ...]}
"""What a publish may hold beside the fields of an entry."""


def faults_in_fields(body: Mapping[str, Any]) -> Iterator[Fault]:
    """(JSON pointer, reason) of every field of a publish that must not be there."""
    known = _entry_fields()
    for name, value in body.items():
        here = f"/{escaped(name)}"
        if name in MANAGED:
            yield here, f"cannot be published: {MANAGED[name]}"
        elif name not in known:
            yield here, "unknown field"
        else:
            yield from _unknown(value, known[name], here)


@cache
def _entry_fields() -> dict[str, inspect.Type]:
    found = {}
    (kind,) = inspect.multi_type_info([CatalogEntry])
    assert isinstance(kind, inspect.StructType)
    for field in kind.fields:
        found[field.encode_name] = field.type
    extra = msgspec.inspect.multi_type_info(EXTRA.values())
    return found | dict(zip(EXTRA, extra, strict=True))


def _unknown(value: Any, kind: inspect.Type, pointer: str) -> Iterator[Fault]:
    """Unknown fields below `pointer`; a value of another type than `kind` is for the decoder to refuse."""
    if isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from _unknown(value, one, pointer)
    elif isinstance(kind, inspect.VarTupleType) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(item, kind.item_type, f"{pointer}/{index}")
    elif isinstance(kind, inspect.StructType) and isinstance(value, dict):
        known = {field.encode_name: field.type for field in kind.fields}
        for name, item in value.items():
            here = f"{pointer}/{escaped(name)}"
            if name in known:
                yield from _unknown(item, known[name], here)
            else:
                yield here, "unknown field"
