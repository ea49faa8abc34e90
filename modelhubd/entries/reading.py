"""Reads what people wrote into a catalog file, entry by entry.

A bad entry is dropped with a JSON pointer to what is wrong and why; it never takes a good one with it.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from modelhubd.entries.rules import faults_in_entry, with_sums
from modelhubd.trust.text import fault_in_text
from modelhubd.wire.catalog import CatalogEntry

FILE_MAX = 4 * 1024 * 1024
CONTAINERS_MAX = 200_000
"""Objects and arrays in a file: a small file of brackets would take hundreds of megabytes."""
ENTRIES_MAX = 20_000
"""Of one file."""
DEPTH_MAX = 16
DIGITS_MAX = 18
FAULTS_MAX = 8
"""Of one entry; the rest shows once these are mended."""
FILE_FAULTS_MAX = 100
"""Of one file."""
MULTILINE = ("description", "notes")

Fault = tuple[str, str]
"""(JSON pointer, reason)"""


@dataclass(frozen=True, slots=True)
class Read:
    """The sound entries of a file with their pointers, and the faults of the others."""

    entries: tuple[tuple[str, CatalogEntry], ...] = ()
    faults: tuple[Fault, ...] = ()


class NotADocument(ValueError):
    """Bytes that hold no JSON; the message says why."""


class _Unreadable(str):
    """Stands for a number that no figure of ours can be."""

    __slots__ = ()


class _Doubled(dict[str, Any]):
    """An object in which a key stands twice, so that readers would disagree about it."""

    key: str


def read_entries(data: bytes) -> Read:
    """What a file with one entry, or a list of them, holds."""
    if len(data) > FILE_MAX:
        return Read(faults=(("", f"the file is larger than {FILE_MAX // 1024**2} MiB"),))
    if data.count(b"{") + data.count(b"[") > CONTAINERS_MAX:
        return Read(faults=(("", f"the file has more than {CONTAINERS_MAX} objects and arrays"),))
    try:
        document = parsed(data)
    except NotADocument as error:
        return Read(faults=(("", str(error)),))
    if isinstance(document, list) and len(document) > ENTRIES_MAX:
        return Read(faults=(("", f"the file has more than {ENTRIES_MAX} entries"),))
    is_list = isinstance(document, list)
    items: list[Any] = document if is_list else [document]
    entries: list[tuple[str, CatalogEntry]] = []
    faults: list[Fault] = []
    untold = 0
    for index, item in enumerate(items):
        items[index] = None  # freed one by one: all together they would hold everybody up
        pointer = f"/{index}" if is_list else ""
        entry, found = _entry(item)
        told = found[: min(FAULTS_MAX, FILE_FAULTS_MAX - len(faults))]
        faults += [(pointer + inner, reason) for inner, reason in told]
        untold += bool(found) and not told
        if entry is not None and not found:
            entries.append((pointer, entry))
    if untold:
        faults.append(("", more_faults(untold)))
    return Read(tuple(entries), tuple(faults))


def parsed(data: bytes) -> Any:
    """The JSON document in `data`. What it holds that no entry may have, `faults_in_json` finds in it.

    Raises:
        NotADocument: it is not JSON in UTF-8, or nested too deeply to be read.
    """
    try:
        return json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_constant=_Unreadable,
        )
    except UnicodeDecodeError as error:
        raise NotADocument(f"the file is not UTF-8 text (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise NotADocument(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise NotADocument(f"nested deeper than {DEPTH_MAX} levels") from error


def more_faults(count: int) -> str:
    """What stands for `count` faults that are not listed."""
    return f"{count} more faults; they show once these are mended"


def _entry(item: Any) -> tuple[CatalogEntry | None, list[Fault]]:
    found = list(faults_in_json(item, "", 1))
    if found:
        return None, found
    try:
        entry = msgspec.convert(item, CatalogEntry)
    except msgspec.ValidationError as error:
        return None, [pointed(str(error))]
    return with_sums(entry), faults_in_entry(entry)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    doubled = _Doubled(found)
    doubled.key = Counter(key for key, _ in pairs).most_common(1)[0][0]
    return doubled


def _integer(text: str) -> int | _Unreadable:
    return int(text) if len(text) <= DIGITS_MAX else _Unreadable(text)


def faults_in_json(value: Any, pointer: str, depth: int, key: str = "") -> Iterator[Fault]:
    """What no entry may have anywhere: doubled keys, absurd numbers, hidden characters, deep nesting."""
    if depth > DEPTH_MAX:
        yield pointer, f"nested deeper than {DEPTH_MAX} levels"
    elif isinstance(value, _Unreadable):
        yield pointer, f"not a number that can be read: {value[:20]}{'…' if len(value) > 20 else ''}"
    elif isinstance(value, str):
        if (reason := _fault_in_string(value, key)) is not None:
            yield pointer, reason
    elif isinstance(value, dict):
        if isinstance(value, _Doubled):
            yield f"{pointer}/{escaped(value.key)}", "the key stands twice in one object"
        for name, item in value.items():
            if (reason := _fault_in_string(name)) is not None:
                yield pointer, f"a key cannot be read: {reason}"
            else:
                yield from faults_in_json(item, f"{pointer}/{escaped(name)}", depth + 1, name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults_in_json(item, f"{pointer}/{index}", depth + 1, key)


def _fault_in_string(text: str, key: str = "") -> str | None:
    if text.isascii() and text.isprintable():
        return None
    return fault_in_text(text, multiline=key in MULTILINE)


def escaped(key: str) -> str:
    """One part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def pointed(message: str) -> Fault:
    """msgspec's "Expected `int`, got `str` - at `$.options[0].size_bytes`" as a pointer and a reason."""
    reason, _, path = message.rpartition(" - at `$")
    if not reason:
        return "", message
    path = path.rstrip("`").partition("[...]")[0]
    return "".join(f"/{part}" for part in re.findall(r"[^.\[\]]+", path)), reason
