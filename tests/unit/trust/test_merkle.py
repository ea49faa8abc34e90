import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.trust import merkle
from tests.unit.trust import merkle_by_the_book as book

# The vectors of certificate-transparency's own tests.
ENTRIES = [
    b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57", b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
PROOFS = {
    (1, 1): [],
    (1, 8): PATHS[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
SIZES = range(71)


def log_of(size: int) -> tuple[list[bytes], list[bytes]]:
    entries = [b"entry %d" % index for index in range(size)]
    return entries, [merkle.leaf_hash(entry) for entry in entries]


def known(size: int) -> list[bytes]:
    return [merkle.leaf_hash(entry) for entry in ENTRIES[:size]]


def unhexed(hashes: list[str]) -> list[bytes]:
    return [bytes.fromhex(one) for one in hashes]


@pytest.mark.parametrize(("size", "root"), list(enumerate(ROOTS)))
def test_roots_are_those_of_certificate_transparency(size: int, root: str) -> None:
    assert merkle.root_of(known(size)).hex() == root


@pytest.mark.parametrize(("index", "size"), list(PATHS))
def test_inclusion_proofs_are_those_of_certificate_transparency(index: int, size: int) -> None:
    proof = merkle.inclusion_proof(known(size), index)
    assert proof == unhexed(PATHS[index, size])
    leaf, root = known(size)[index], bytes.fromhex(ROOTS[size])
    assert merkle.fault_in_inclusion(leaf, index, size, proof, root) is None


@pytest.mark.parametrize(("old_size", "size"), list(PROOFS))
def test_consistency_proofs_are_those_of_certificate_transparency(old_size: int, size: int) -> None:
    proof = merkle.consistency_proof(known(size), old_size)
    assert proof == unhexed(PROOFS[old_size, size])
    old_root, root = bytes.fromhex(ROOTS[old_size]), bytes.fromhex(ROOTS[size])
    assert merkle.fault_in_consistency(old_size, old_root, size, root, proof) is None


@pytest.mark.parametrize("size", SIZES)
def test_every_root_and_proof_is_that_of_the_recursive_definition(size: int) -> None:
    entries, hashes = log_of(size)
    assert merkle.root_of(hashes) == book.mth(entries)
    for index in range(size):
        proof = merkle.inclusion_proof(hashes, index)
        assert proof == book.path(index, entries)
        assert book.root_from_path(hashes[index], index, size, proof) == book.mth(entries)
        assert merkle.fault_in_inclusion(hashes[index], index, size, proof, book.mth(entries)) is None
    for old_size in range(1, size + 1):
        proof = merkle.consistency_proof(hashes, old_size)
        assert proof == book.proof(old_size, entries)
        old_root = book.mth(entries[:old_size])
        assert merkle.fault_in_consistency(old_size, old_root, size, book.mth(entries), proof) is None


@pytest.mark.parametrize("size", SIZES)
def test_stored_subtrees_are_enough_for_every_root_and_proof(size: int) -> None:
    entries, hashes = log_of(size)
    stored: dict[merkle.Node, bytes] = {}
    for index, leaf in enumerate(hashes):
        made, lefts = merkle.completed(index)
        stored[made[0]] = top = leaf
        for node, left in zip(made[1:], lefts, strict=True):
            stored[node] = top = merkle.node_hash(stored[left], top)
    for level, position in stored:
        assert stored[level, position] == book.mth(entries[position << level : (position + 1) << level])

    def root(span: merkle.Span) -> bytes:
        return merkle.joined([stored[node] for node in merkle.subtrees(span)])

    for index in range(size):
        assert [root(span) for span in merkle.inclusion_spans(index, size)] == book.path(index, entries)
    for old_size in range(1, size + 1):
        found = [root(span) for span in merkle.consistency_spans(old_size, size)]
        assert found == book.proof(old_size, entries)


@given(st.data())
def test_a_changed_inclusion_proof_proves_nothing(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 70))
    index = data.draw(st.integers(0, size - 1))
    entries, hashes = log_of(size)
    proof, root = merkle.inclusion_proof(hashes, index), book.mth(entries)
    for forged in forgeries(data, proof):
        assert merkle.fault_in_inclusion(hashes[index], index, size, forged, root) is not None
    other = data.draw(st.integers(-1, size).filter(lambda place: place != index))
    assert merkle.fault_in_inclusion(hashes[index], other, size, proof, root) is not None
    assert merkle.fault_in_inclusion(merkle.leaf_hash(b"another"), index, size, proof, root) is not None
    assert merkle.fault_in_inclusion(hashes[index], index, size, proof, bytes(32)) is not None


@given(st.data())
def test_a_changed_consistency_proof_proves_nothing(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 70))
    old_size = data.draw(st.integers(1, size - 1))
    entries, hashes = log_of(size)
    proof, root = merkle.consistency_proof(hashes, old_size), book.mth(entries)
    old_root = book.mth(entries[:old_size])
    for forged in forgeries(data, proof):
        assert merkle.fault_in_consistency(old_size, old_root, size, root, forged) is not None
    assert merkle.fault_in_consistency(old_size, bytes(32), size, root, proof) is not None
    assert merkle.fault_in_consistency(old_size, old_root, size, bytes(32), proof) is not None


def forgeries(data: st.DataObject, proof: list[bytes]) -> list[list[bytes]]:
    place = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    flipped = bytearray(proof[place])
    flipped[bit // 8] ^= 1 << bit % 8
    return [
        [*proof[:place], bytes(flipped), *proof[place + 1 :]],
        [*proof[:place], *proof[place + 1 :]],
        [*proof, bytes(32)],
        [hashlib.sha256(b"").digest(), *proof],
        [*proof[:place], proof[place][:31], *proof[place + 1 :]],
        [],
    ]


@given(st.integers(2, 70), st.data())
def test_a_log_that_changed_an_old_entry_has_no_proof_of_growth(size: int, data: st.DataObject) -> None:
    old_size = data.draw(st.integers(1, size - 1))
    changed = data.draw(st.integers(0, old_size - 1))
    entries, hashes = log_of(size)
    old_root = book.mth(entries[:old_size])
    hashes[changed] = merkle.leaf_hash(b"rewritten")
    proof = merkle.consistency_proof(hashes, old_size)
    assert merkle.fault_in_consistency(old_size, old_root, size, merkle.root_of(hashes), proof) is not None


def test_an_empty_log_is_the_beginning_of_every_log() -> None:
    _, hashes = log_of(5)
    root = merkle.root_of(hashes)
    assert merkle.consistency_proof(hashes, 0) == []
    assert merkle.fault_in_consistency(0, merkle.EMPTY_ROOT, 5, root, []) is None
    assert merkle.fault_in_consistency(0, merkle.EMPTY_ROOT, 0, merkle.EMPTY_ROOT, []) is None
    assert merkle.fault_in_consistency(0, root, 5, root, []) is not None
    assert merkle.fault_in_consistency(5, root, 5, root, [root]) is not None
    assert merkle.fault_in_consistency(5, bytes(32), 5, root, []) is not None


def test_a_log_that_shrank_is_told_so() -> None:
    assert merkle.fault_in_consistency(5, bytes(32), 4, bytes(32), []) == (
        "the log has shrunk from 5 to 4 entries"
    )


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_there_is_no_proof_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="has no leaf"):
        merkle.inclusion_spans(index, size)


@pytest.mark.parametrize(("old_size", "size"), [(-1, 3), (4, 3)])
def test_there_is_no_proof_that_a_log_shrank(old_size: int, size: int) -> None:
    with pytest.raises(ValueError, match="does not begin with"):
        merkle.consistency_spans(old_size, size)


def test_an_inner_node_is_no_leaf() -> None:
    """The attack that the 0x00 and 0x01 before what is hashed are for."""
    left, right = known(2)
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)
