"""Digests of a file's pieces: they tell where it is damaged. Pure."""

import hashlib
from collections.abc import Iterable

PIECE_BYTES = 16 * 1024 * 1024
DIGEST_BYTES = 32

Span = tuple[int, int]


def piece_digest(data: bytes | memoryview) -> bytes:
    """BLAKE2b-256 (RFC 7693) of one piece."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def piece_count(size_bytes: int) -> int:
    return -(-size_bytes // PIECE_BYTES)


def piece_span(piece: int, size_bytes: int) -> Span:
    """Which bytes of a file of this size the piece is."""
    return piece * PIECE_BYTES, min((piece + 1) * PIECE_BYTES, size_bytes)


def wrong_pieces(known: bytes, found: bytes, size_bytes: int) -> tuple[Span, ...]:
    """Where what was `found` differs from the `known` digests of a content of this size, or ends too soon."""
    return joined(
        piece_span(piece, size_bytes)
        for piece in range(piece_count(size_bytes))
        if _one(known, piece) != _one(found, piece)
    )


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Sorted spans with those that touch made one."""
    kept: list[Span] = []
    for start, end in sorted(spans):
        if kept and start <= kept[-1][1]:
            kept[-1] = (kept[-1][0], max(end, kept[-1][1]))
        else:
            kept.append((start, end))
    return tuple(kept)


def the_rest(damaged: Iterable[Span], size_bytes: int) -> tuple[Span, ...]:
    """What of a file of this size is not damaged."""
    good: list[Span] = []
    at = 0
    for start, end in joined(damaged):
        if start > at:
            good.append((at, min(start, size_bytes)))
        at = max(at, end)
    if at < size_bytes:
        good.append((at, size_bytes))
    return tuple(good)


def fits(known: bytes | None, size_bytes: int) -> bool:
    """Whether these are digests of a file of this size."""
    return known is not None and len(known) == piece_count(size_bytes) * DIGEST_BYTES


def _one(digests: bytes, piece: int) -> bytes:
    return digests[piece * DIGEST_BYTES : (piece + 1) * DIGEST_BYTES]
