"""How many tokens an answer took, as it says itself: read in passing, and nothing of it is kept."""

import re

from msgspec import Struct

HEAD_BYTES, TAIL_BYTES = 2048, 16 * 1024
"""So much of an answer's beginning and end is looked at. Embeddings tell their usage first, all else last."""

_FIGURE = re.compile(
    rb'"(prompt_tokens|input_tokens|completion_tokens|output_tokens|cache_n|prompt_n|predicted_n)"\s*:\s*(\d{1,12})'
    rb"(?=[\s,}])"
)
_KINDS = {
    b"prompt_tokens": "prompt",
    b"input_tokens": "prompt",
    b"completion_tokens": "generated",
    b"output_tokens": "generated",
}


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens; 0 where the answer does not tell."""

    prompt: int = 0
    generated: int = 0


class Ends:
    """Give `add` the pieces of an answer as they pass; keeps its beginning and its end."""

    def __init__(self) -> None:
        self._head = b""
        self._tail = b""

    def add(self, piece: bytes) -> None:
        if len(self._head) < HEAD_BYTES:
            self._head += piece[: HEAD_BYTES - len(self._head)]
        self._tail = (self._tail + piece)[-TAIL_BYTES:]

    def usage(self) -> Usage:
        """What the answer says it took, its last word of each; else what its server says it did."""
        said = {name: int(figure) for name, figure in _FIGURE.findall(self._head + b"\0" + self._tail)}
        usage = {kind: said[name] for name, kind in _KINDS.items() if name in said}
        done = {
            "prompt": said.get(b"cache_n", 0) + said.get(b"prompt_n", 0),
            "generated": said.get(b"predicted_n", 0),
        }
        return Usage(**(done | usage))
