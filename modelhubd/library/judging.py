"""Decides what a reading of an installed file means. No I/O."""

from msgspec import Struct

from modelhubd.library.pieces import PIECE_BYTES, fits, joined, wrong_pieces
from modelhubd.wire.library import ArtifactFile, ArtifactState

Span = tuple[int, int]


class Known(Struct, frozen=True):
    """What a file is compared with."""

    file: ArtifactFile
    seen_sha256: str | None = None
    """Of its first reading, where nobody promised a digest."""
    pieces: bytes | None = None
    """Digests of its pieces, if there are any."""

    @property
    def sha256(self) -> str | None:
        return self.file.sha256 or self.seen_sha256

    @property
    def pieces_known(self) -> bool:
        return fits(self.pieces, self.file.size_bytes)


class Judged(Struct, frozen=True):
    """`right`: every byte is what it should be. `keep_pieces`: the pieces that were read are those of the
    content. `first_sha256` is to be compared with from now on."""

    state: ArtifactState
    right: bool
    damaged: tuple[Span, ...] = ()
    keep_pieces: bool = False
    first_sha256: str | None = None


def judge(known: Known, size_bytes: int, sha256: str, pieces: bytes | None) -> Judged:
    """What a whole reading means that found this size and digest, and these pieces if it looked for them."""
    size = known.file.size_bytes
    if size_bytes == size and known.sha256 is None:
        return Judged(ArtifactState.OK, right=False, keep_pieces=pieces is not None, first_sha256=sha256)
    if size_bytes == size and sha256 == known.sha256:
        return Judged(ArtifactState.OK, right=known.file.sha256 is not None, keep_pieces=pieces is not None)
    damaged: tuple[Span, ...] = ((0, size),)
    if known.pieces is not None and known.pieces_known and pieces is not None:
        damaged = damage_of(known.pieces, pieces, size, size_bytes) or damaged
    return Judged(ArtifactState.DAMAGED, right=False, damaged=damaged)


def damage_of(known: bytes, found: bytes, size_bytes: int, found_bytes: int) -> tuple[Span, ...]:
    """Which ranges of a content of `size_bytes` are wrong in a file of `found_bytes`. What is too much at its
    end is counted to its last piece."""
    wrong = wrong_pieces(known, found, size_bytes)
    if found_bytes > size_bytes and not wrong:
        last = (size_bytes - 1) // PIECE_BYTES * PIECE_BYTES
        return joined((*wrong, (max(last, 0), size_bytes)))
    return wrong
