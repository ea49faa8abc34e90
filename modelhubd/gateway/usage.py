"""How many tokens an answer took, as it says itself: read in passing, and nothing of it is kept."""

import re

from msgspec import Struct

HEAD_BYTES, TAIL_BYTES = 2048, 16 * 1024
"""So much of an answer's beginning and end is looked at. Embeddings tell their usage first, all else last."""
MEASURED_MS = 0.1
"""A shorter time of writing was not measured: llama-server tells 0.001 ms, or 0, of a single token."""

_FIGURE = re.compile(
    rb'"(prompt_tokens|input_tokens|completion_tokens|output_tokens|cached_tokens|cache_read_input_tokens'
    rb'|cache_n|prompt_n|predicted_n)"\s*:\s*(\d{1,12})(?=[\s,}])'
)
_TIME = re.compile(rb'"predicted_ms"\s*:\s*(\d{1,12}(?:\.\d{1,20})?)(?=[\s,}])')
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
        times = [float(figure) for figure in _TIME.findall(ends)]
        written_ms = times[-1] if times else None
        from_cache = _first(said, b"cache_read_input_tokens", b"cached_tokens", b"cache_n")
        prompt = _first(said, b"input_tokens", b"prompt_tokens")
        if prompt is not None:
            prompt += said.get(b"cache_read_input_tokens", 0)
        elif b"prompt_n" in said:
            prompt = said.get(b"cache_n", 0) + said[b"prompt_n"]
        written = _first(said, b"output_tokens", b"completion_tokens", b"predicted_n")
        reasons = _REASON.findall(ends) or _STATUS.findall(ends)
        return Told(
            prompt_tokens=prompt,
            cached_tokens=from_cache,
            completion_tokens=written,
            writing_s=None if written_ms is None else written_ms / 1000,
            tokens_per_s=writing_speed(said.get(b"predicted_n", written), written_ms),
            finish_reason=reasons[-1].decode() if reasons else None,
        )


def writing_speed(tokens: int | None, took_ms: float | None, least_ms: float = MEASURED_MS) -> float | None:
    """Tokens a second, of `tokens` the last of which came `took_ms` after the first: (n − 1) / t, as the
    first is a matter of reading the prompt. None for fewer than two, and where no time was measured.

    llama-server's own `predicted_per_second` is not used: builds before 2026 divide n by t, which doubles the
    speed of an answer of two tokens and gives one of a single token a million.
    """
    if tokens is None or tokens < 2 or took_ms is None or took_ms < least_ms:
        return None
    return (tokens - 1) / took_ms * 1000


def _first(said: dict[bytes, int], *names: bytes) -> int | None:
    return next((said[name] for name in names if name in said), None)
