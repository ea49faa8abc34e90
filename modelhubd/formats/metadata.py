"""The metadata of a GGUF file: where each value lies, read when asked for."""

import struct
from typing import NamedTuple

from modelhubd.errors import BadModelFile

STRING = 8
BOOL = 7
FIXED_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, BOOL: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of each metadata type that has a fixed size. 6 and 12 are floating-point numbers."""
_INTEGERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", BOOL: "B", 10: "Q", 11: "q"}
FIGURE_MAX = 1 << 31
LIST_MAX = 4096
TEXT_MAX = 256


class Entry(NamedTuple):
    """A value of type `kind` at `start`; `length` counts the elements of an array, the bytes of a string."""

    kind: int
    start: int
    length: int
    is_array: bool


class Metadata:
    """Values by key. A key with a value of another type than asked for counts as absent."""

    def __init__(self, data: memoryview, entries: dict[bytes, Entry]) -> None:
        self._data = data
        self._entries = entries

    def __contains__(self, key: bytes) -> bool:
        return key in self._entries

    def integers(self, key: bytes) -> tuple[int, ...] | None:
        """A whole number, or a list of them, as a tuple.

        Raises:
            BadModelFile: a figure or the length of the list is absurd.
        """
        entry = self._entries.get(key)
        if entry is None or entry.kind not in _INTEGERS:
            return None
        if entry.length > LIST_MAX:
            raise BadModelFile(f"its {key.decode('ascii', 'replace')} has {entry.length} values")
        values: tuple[int, ...] = struct.unpack_from(
            f"<{entry.length}{_INTEGERS[entry.kind]}", self._data, entry.start
        )
        if any(not -1 <= value <= FIGURE_MAX for value in values):
            raise BadModelFile(f"its {key.decode('ascii', 'replace')} is absurd")
        return values

    def integer(self, key: bytes) -> int | None:
        """A whole number, or the largest of a list."""
        values = self.integers(key)
        return max(values) if values else None

    def text(self, key: bytes) -> str | None:
        """A string for people, cut to a sensible length."""
        entry = self._entries.get(key)
        if entry is None or entry.kind != STRING or entry.is_array:
            return None
        raw = bytes(self._data[entry.start : entry.start + min(entry.length, TEXT_MAX)])
        text = "".join(c for c in raw.decode("utf-8", "ignore") if c.isprintable()).strip()
        return text or None

    def length(self, key: bytes) -> int | None:
        """How many elements an array has."""
        entry = self._entries.get(key)
        return entry.length if entry is not None and entry.is_array else None

    def strings_under(self, key: bytes) -> list[bytes]:
        """The string at `key` and those at `key.…`."""
        return [
            bytes(self._data[entry.start : entry.start + entry.length])
            for name, entry in self._entries.items()
            if entry.kind == STRING and not entry.is_array and (name == key or name.startswith(key + b"."))
        ]
