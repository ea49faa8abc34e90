"""Which ranges of a content are wrong, by the digests of its pieces."""

import pytest

from modelhubd.library import pieces
from modelhubd.library.pieces import (
    DIGEST_BYTES,
    PIECE_BYTES,
    fits,
    joined,
    piece_count,
    piece_digest,
    piece_span,
    the_rest,
    wrong_pieces,
)

SIZE = 2 * PIECE_BYTES + 5
A, B, C, X = (piece_digest(letter) for letter in (b"a", b"b", b"c", b"x"))


def test_a_file_has_as_many_pieces_as_it_needs() -> None:
    assert [piece_count(size) for size in (0, 1, PIECE_BYTES, PIECE_BYTES + 1)] == [0, 1, 1, 2]
    assert piece_span(0, SIZE) == (0, PIECE_BYTES)
    assert piece_span(2, SIZE) == (2 * PIECE_BYTES, SIZE)
    assert len(A) == DIGEST_BYTES and A != B


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (A + B + C, ()),
        (A + X + C, ((PIECE_BYTES, 2 * PIECE_BYTES),)),
        (X + X + C, ((0, 2 * PIECE_BYTES),)),
        (X + B + X, ((0, PIECE_BYTES), (2 * PIECE_BYTES, SIZE))),
        (A + B, ((2 * PIECE_BYTES, SIZE),)),
        (b"", ((0, SIZE),)),
        (A + B + C + X, ()),
    ],
)
def test_wrong_pieces_that_touch_are_one_range(found: bytes, wrong: tuple[tuple[int, int], ...]) -> None:
    assert wrong_pieces(A + B + C, found, SIZE) == wrong


def test_what_is_left_is_what_is_not_damaged() -> None:
    assert the_rest((), 10) == ((0, 10),)
    assert the_rest(((0, 10),), 10) == ()
    assert the_rest(((2, 4), (6, 10)), 10) == ((0, 2), (4, 6))
    assert the_rest(((6, 12), (2, 4)), 10) == ((0, 2), (4, 6))
    assert the_rest((), 0) == ()


def test_ranges_that_overlap_are_joined() -> None:
    assert joined([(4, 6), (0, 2), (1, 4), (8, 9)]) == ((0, 6), (8, 9))


def test_digests_fit_a_size_or_they_are_of_something_else() -> None:
    assert fits(A + B + C, SIZE)
    assert not fits(A + B, SIZE)
    assert not fits(None, SIZE)
    assert pieces.fits(b"", 0)
