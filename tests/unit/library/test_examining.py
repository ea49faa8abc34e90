"""A reading gives the same whether threads help with it or not."""

import hashlib
from pathlib import Path

from modelhubd.library.examining import HELPERS, Examination, Outcome
from modelhubd.library.pieces import PIECE_BYTES, piece_digest
from modelhubd.storage.confined import ConfinedRoot

PIECES = HELPERS + 3


def read(folder: Path, *, helped: bool) -> Outcome:
    with Examination(ConfinedRoot(folder), "model", whole=True, pieces=True, helped=helped) as reading:
        while reading.step():
            pass
        return reading.outcome()


def test_pieces_that_are_hashed_beside_keep_their_order(tmp_path: Path) -> None:
    """Each of other bytes, and the last one short."""
    with (tmp_path / "model").open("wb") as file:
        for number in range(PIECES):
            file.seek(number * PIECE_BYTES)
            file.write(bytes((number + 1,)))
        file.write(b"the end")
    content = (tmp_path / "model").read_bytes()
    found = read(tmp_path, helped=True)
    assert found == read(tmp_path, helped=False)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.pieces == b"".join(
        piece_digest(content[start : start + PIECE_BYTES]) for start in range(0, len(content), PIECE_BYTES)
    )
