"""The signed document as it comes out of its gzip member, an entry at a time. Pure.

Neither the whole of it is ever in memory, nor does any step of it hold up the event loop, as one call that
decodes 50 MB would.
"""

import codecs
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

from modelhubd.catalog.registry.refusals import NotTaken

UNPACKED_MAX = 256 * 1024 * 1024
VALUE_MAX = 32 * 1024 * 1024
"""Characters of one entry, or of what stands beside them."""
PACKED_PIECE = 16 * 1024
PIECE = 128 * 1024
_GZIP = 31
_BLANKS = re.compile(r"[ \t\r\n]*")
_FORM = "it is not of the agreed form"
_number = len  # no figure is looked at here, however long it is
_scan = json.JSONDecoder(
    parse_int=_number, parse_float=_number, parse_constant=_number, strict=False
).raw_decode


def pieces(target: bytes, most: int = UNPACKED_MAX) -> Iterator[bytes]:
    """What one gzip member holds, some at a time.

    Raises:
        NotTaken: it is no gzip, is not whole, holds more than `most` bytes, or something follows it.
    """
    unpacker, whole, total = zlib.decompressobj(_GZIP), memoryview(target), 0
    for start in range(0, len(whole), PACKED_PIECE):
        if unpacker.eof:
            raise NotTaken("bad_document", "something follows its gzip file")
        packed: bytes | memoryview = whole[start : start + PACKED_PIECE]
        while True:
            try:
                data = unpacker.decompress(packed, PIECE)
            except zlib.error:
                raise NotTaken("bad_document", "it is no gzip file") from None
            total += len(data)
            if total > most:
                raise NotTaken("oversized", "an unpacked catalog")
            if data:
                yield data
            packed = unpacker.unconsumed_tail
            if not packed and len(data) < PIECE:
                break
    if unpacker.unused_data:
        raise NotTaken("bad_document", "something follows its gzip file")
    if not unpacker.eof:
        raise NotTaken("bad_document", "its gzip file is not whole")


class Slices:
    """Iterate over it for (text, value) of each entry, in which numbers are not read; `rest` is the document
    without its entries then.

    Raises:
        NotTaken: it is no JSON object in such a file, or a part of it is longer than `VALUE_MAX`.
    """

    def __init__(self, target: bytes) -> None:
        self._coming = pieces(target)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        self.rest = ""

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        fields: list[str] = []
        listed = False
        self._expect("{")
        while self._next() != "}":
            if fields:
                self._expect(",")
                self._next()
            name, key = self._value()
            self._expect(":")
            if key == "entries" and self._next() == "[":
                if listed:
                    raise NotTaken("bad_document", _FORM)
                listed = True
                fields.append('"entries":[]')
                yield from self._items()
            else:
                self._next()
                fields.append(f"{name}:{self._value()[0]}")
        self._expect("}")
        if self._next():
            raise NotTaken("bad_document", _FORM)
        self.rest = "{" + ",".join(fields) + "}"

    def _items(self) -> Iterator[tuple[str, Any]]:
        self._expect("[")
        first = True
        while self._next() != "]":
            if not first:
                self._expect(",")
                self._next()
            first = False
            yield self._value()
        self._expect("]")

    def _next(self) -> str:
        """The next character that is no blank; nothing at the end."""
        while True:
            self._at = _BLANKS.match(self._text, self._at).end()  # type: ignore[union-attr]  # none is one too
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _expect(self, character: str) -> None:
        if self._next() != character:
            raise NotTaken("bad_document", _FORM)
        self._at += 1

    def _value(self) -> tuple[str, Any]:
        """The value that begins here."""
        while True:
            try:
                value, end = _scan(self._text, self._at)
            except RecursionError:
                raise NotTaken("bad_document", _FORM) from None
            except ValueError:
                if not self._more():
                    raise NotTaken("bad_document", _FORM) from None
                continue
            if end == len(self._text) and self._more():
                continue  # a number might go on
            text = self._text[self._at : end]
            self._at = end
            return text, value

    def _more(self) -> bool:
        """Read on, twice as far as what is not understood yet; False at the end."""
        left = self._text[self._at :]
        if len(left) > VALUE_MAX:
            raise NotTaken("oversized", "a part of a catalog")
        found, wanted = [left], max(len(left), PIECE)
        try:
            while wanted > 0:
                data = next(self._coming, None)
                text = self._decoder.decode(data or b"", final=data is None)
                found.append(text)
                wanted -= len(text)
                if data is None:
                    break
        except UnicodeDecodeError:
            raise NotTaken("bad_document", _FORM) from None
        self._text, self._at = "".join(found), 0
        return len(self._text) > len(left)
