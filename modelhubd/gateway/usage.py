"""How many tokens an answer took, as it says itself: read in passing, and nothing of it is kept."""

import re

from msgspec import Struct

HEAD_BYTES, TAIL_BYTES = 2048, 16 * 1024
"""So much of an answer's beginning and end is looked at. Embeddings tell their usage first, all else last."""

_FIGURE = re.compile(
    rb'"(prompt_tokens|input_tokens|completion_tokens|output_tokens|cached_tokens|cache_read_input_tokens'
    rb'|cache_n|prompt_n|predicted_n)"\s*:\s*(\d{1,12})(?=[\s,}])'
)
_RATE = re.compile(rb'"(predicted_ms|predicted_per_second)"\s*:\s*(\d{1,12}(?:\.\d{1,20})?)(?=[\s,}])')
_REASON = re.compile(rb'"(?:finish_reason|stop_reason)"\s*:\s*"([a-z_]{1,40})"')
_STATUS = re.compile(rb'"status"\s*:\s*"(completed|incomplete|failed)"')


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens; 0 where the answer does not tell."""

    prompt: int = 0
    generated: int = 0


class Told(Struct, frozen=True, kw_only=True):
    """What an answer tells of itself; None where it does not."""

    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    writing_s: float | None = None
    """From its first token to its last."""
    tokens_per_s: float | None = None
    finish_reason: str | None = None


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
        told = self.told()
        return Usage(prompt=told.prompt_tokens or 0, generated=told.completion_tokens or 0)

    def told(self) -> Told:
        """All that the answer tells. Anthropic's form counts tokens from the cache apart, the others count
        them among those of the prompt."""
        ends = self._head + b"\0" + self._tail
        said = {name: int(figure) for name, figure in _FIGURE.findall(ends)}
        rates = {name: float(figure) for name, figure in _RATE.findall(ends)}
        from_cache = _first(said, b"cache_read_input_tokens", b"cached_tokens", b"cache_n")
        prompt = _first(said, b"input_tokens", b"prompt_tokens")
        if prompt is not None:
            prompt += said.get(b"cache_read_input_tokens", 0)
        elif b"prompt_n" in said:
            prompt = said.get(b"cache_n", 0) + said[b"prompt_n"]
        reasons = _REASON.findall(ends) or _STATUS.findall(ends)
        return Told(
            prompt_tokens=prompt,
            cached_tokens=from_cache,
            completion_tokens=_first(said, b"output_tokens", b"completion_tokens", b"predicted_n"),
            writing_s=rates[b"predicted_ms"] / 1000 if b"predicted_ms" in rates else None,
            tokens_per_s=rates.get(b"predicted_per_second") or None,
            finish_reason=reasons[-1].decode() if reasons else None,
        )


def _first(said: dict[bytes, int], *names: bytes) -> int | None:
    return next((said[name] for name in names if name in said), None)
