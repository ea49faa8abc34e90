"""What a reading of an installed file means."""

from modelhubd.library.judging import Judged, Known, damage_of, judge
from modelhubd.library.pieces import PIECE_BYTES, piece_digest
from modelhubd.wire.library import ArtifactFile, ArtifactState

SIZE = PIECE_BYTES + 10
RIGHT, WRONG = "aa" * 32, "bb" * 32
A, B, X = (piece_digest(letter) for letter in (b"a", b"b", b"x"))
FILE = ArtifactFile(name="a.gguf", role="model", size_bytes=SIZE, sha256=RIGHT)
UNPROMISED = ArtifactFile(name="a.gguf", role="model", size_bytes=SIZE, sha256=None)
OK, DAMAGED = ArtifactState.OK, ArtifactState.DAMAGED


def test_the_promised_bytes_are_right_and_their_pieces_kept() -> None:
    assert judge(Known(FILE), SIZE, RIGHT, A + B) == Judged(OK, right=True, keep_pieces=True)
    assert judge(Known(FILE, None, A + B), SIZE, RIGHT, None) == Judged(OK, right=True)


def test_other_bytes_are_damaged_where_pieces_tell_and_else_as_a_whole() -> None:
    assert judge(Known(FILE), SIZE, WRONG, A + X).damaged == ((0, SIZE),)
    known = Known(FILE, None, A + B)
    assert judge(known, SIZE, WRONG, A + X) == Judged(DAMAGED, right=False, damaged=((PIECE_BYTES, SIZE),))
    assert judge(known, SIZE, WRONG, A + B).damaged == ((0, SIZE),), "pieces that contradict tell nothing"
    assert judge(Known(FILE, None, A), SIZE, WRONG, A + X).damaged == ((0, SIZE),), "of another size"


def test_without_a_promise_the_first_reading_is_what_later_ones_are_compared_with() -> None:
    first = judge(Known(UNPROMISED), SIZE, RIGHT, A + B)
    assert first == Judged(OK, right=False, keep_pieces=True, first_sha256=RIGHT)
    assert judge(Known(UNPROMISED, RIGHT), SIZE, RIGHT, A + B) == Judged(OK, right=False, keep_pieces=True)
    assert judge(Known(UNPROMISED, RIGHT), SIZE, WRONG, A + B).state is DAMAGED


def test_a_file_of_another_size_is_damaged() -> None:
    known = Known(FILE, None, A + B)
    assert judge(known, PIECE_BYTES, WRONG, A).damaged == ((PIECE_BYTES, SIZE),)
    assert judge(known, SIZE + 1, WRONG, A + X).damaged == ((PIECE_BYTES, SIZE),)
    assert judge(Known(UNPROMISED), SIZE + 1, RIGHT, None).state is DAMAGED


def test_what_is_too_much_belongs_to_the_last_piece() -> None:
    assert damage_of(A + B, A + B + X, SIZE, SIZE + PIECE_BYTES) == ((PIECE_BYTES, SIZE),)
    assert damage_of(A + B, A + B, SIZE, SIZE) == ()
    assert damage_of(b"", A, 0, 5) == ((0, 0),)
