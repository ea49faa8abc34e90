"""JSON without its long texts, so that a large request is understood without holding up everybody else.

A request of 60 MB is an image or two in base64 and a few short fields around it. Parsed whole, it keeps all
else from running meanwhile. The skeleton is made piece by piece as the bytes come, and only it is parsed.
"""

import re

LONGEST_KEPT = 256
"""Bytes of a string that stays; names of models are shorter."""

_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("|\\?\Z)', re.DOTALL)
"""A string with its quotes, or what there is of it at the end of the piece."""
_REST = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)


class Skeleton:
    """Give `add` the pieces of a JSON text, then take `json`: the same text with long strings left empty.

    What is not JSON stays so, unless the fault lies in a long string.
    """

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._open = b""
        """A string that has begun and whose end has not come, while it is short."""
        self._inside = False
        """Whether a long string has begun, whose end has not come."""
        self.size = 0
        """Bytes that are kept so far."""

    def add(self, piece: bytes) -> None:
        """The next piece. It takes at worst some 5 ms for 16 KiB, and mostly microseconds."""
        piece, self._open = self._open + piece, b""
        start = self._end_of_long(piece) if self._inside else 0
        if not self._inside:
            self._keep(_TEXT.sub(self._shortened, piece[start:]))

    @property
    def json(self) -> bytes:
        return b"".join((*self._kept, self._open))

    def taken(self) -> bytes:
        """What has been kept since this was called last: nothing of it is kept any more. It ends within no
        string."""
        kept = b"".join(self._kept)
        self._kept.clear()
        self.size = 0
        return kept

    def _keep(self, part: bytes) -> None:
        self._kept.append(part)
        self.size += len(part)

    def _end_of_long(self, piece: bytes) -> int:
        """Where to go on after the string that `piece` begins within, if it ends there."""
        end = piece.find(b'"')
        if end < 0 and b"\\" not in piece:
            return len(piece)
        if end < 0 or b"\\" in piece[:end]:
            match = _REST.match(piece)
            assert match is not None
            end = match.end()
        if piece[end : end + 1] != b'"':
            self._open = piece[end:]  # a backslash whose character is still to come
            return len(piece)
        self._inside = False
        self._keep(b'"')
        return end + 1

    def _shortened(self, match: re.Match[bytes]) -> bytes:
        found, ended = match[0], match[1] == b'"'
        if len(found) > LONGEST_KEPT:
            self._inside = not ended
            self._open = b"" if ended else match[1]
            return b'""' if ended else b'"'
        if not ended:
            self._open = found
            return b""
        return found
