"""The Merkle tree of a log that only grows: roots, proofs and their checks, of RFC 6962 and RFC 9162.

A hash is 32 bytes. A proof is a list of hashes in the order in which they are combined.
"""

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Span = tuple[int, int]
"""Leaves from the first on, up to but without the second."""
Node = tuple[int, int]
"""(level, position): the full subtree over the 2^level leaves from position * 2^level on."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash of a leaf (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of a node over two others (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Root of the tree over these leaf hashes."""
    if not hashes:
        return EMPTY_ROOT
    peaks: list[tuple[int, bytes]] = []
    for leaf in hashes:
        level, top = 0, leaf
        while peaks and peaks[-1][0] == level:
            level, top = level + 1, node_hash(peaks.pop()[1], top)
        peaks.append((level, top))
    return joined([top for _, top in peaks])


def joined(tops: Sequence[bytes]) -> bytes:
    """Root over full subtrees that stand side by side, the largest first, as `subtrees` lists them."""
    root = tops[-1]
    for top in reversed(tops[:-1]):
        root = node_hash(top, root)
    return root


def subtrees(span: Span) -> list[Node]:
    """The full subtrees that make up a span of a proof, or a whole tree, from left to right."""
    start, end = span
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found


def completed(index: int) -> tuple[list[Node], list[Node]]:
    """What appending the leaf `index` completes: the new nodes, bottom up, and the left sibling of each but
    the last, which is combined with it into the next."""
    made, lefts = [(0, index)], []
    level, position = 0, index
    while position % 2:
        lefts.append((level, position - 1))
        level, position = level + 1, position // 2
        made.append((level, position))
    return made, lefts


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The spans whose roots prove that leaf `index` is in a tree of `size` leaves (RFC 9162, 2.1.3.1).

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    spans, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(old_size: int, size: int) -> list[Span]:
    """The spans whose roots prove that a tree of `size` leaves begins with the first `old_size` of them
    (RFC 9162, 2.1.4.1). Nothing has to be proved of an empty tree.

    Raises:
        ValueError: the old tree is larger than the new one.
    """
    if not 0 <= old_size <= size:
        raise ValueError(f"a tree of {size} leaves does not begin with one of {old_size}")
    if old_size in (0, size):
        return []
    spans, start, end, known = [], 0, size, True
    while old_size < end:
        middle = start + _split(end - start)
        if old_size <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start, known = middle, False
    if not known:
        spans.append((start, end))
    return spans[::-1]


def inclusion_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Proof that leaf `index` is among these leaf hashes.

    Raises:
        ValueError: there is no such leaf.
    """
    return [root_of(hashes[start:end]) for start, end in inclusion_spans(index, len(hashes))]


def consistency_proof(hashes: Sequence[bytes], old_size: int) -> list[bytes]:
    """Proof that the tree over these leaf hashes begins with the tree over the first `old_size`.

    Raises:
        ValueError: there are not so many.
    """
    return [root_of(hashes[start:end]) for start, end in consistency_spans(old_size, len(hashes))]


def fault_in_inclusion(
    leaf: bytes, index: int, size: int, hashes: Sequence[bytes], root: bytes
) -> str | None:
    """Why these hashes do not prove that the leaf with the hash `leaf` stands at `index` of the tree with
    this size and root; None if they do (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return f"a tree of {size} leaves has no leaf {index}"
    if any(len(one) != HASH_BYTES for one in (leaf, root, *hashes)):
        return "a hash does not have 32 bytes"
    place, last, found = index, size - 1, leaf
    for one in hashes:
        if last == 0:
            return "the proof has more hashes than such a tree needs"
        if place % 2 or place == last:
            found = node_hash(one, found)
            while not place % 2 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, one)
        place, last = place >> 1, last >> 1
    if last != 0:
        return "the proof has fewer hashes than such a tree needs"
    return None if found == root else "the proof leads to another root"


def fault_in_consistency(
    old_size: int, old_root: bytes, size: int, root: bytes, hashes: Sequence[bytes]
) -> str | None:
    """Why these hashes do not prove that the tree with this size and root begins with the old one; None if
    they do (RFC 9162, 2.1.4.2)."""
    if not 0 <= old_size <= size:
        return f"the log has shrunk from {old_size} to {size} entries"
    if any(len(one) != HASH_BYTES for one in (old_root, root, *hashes)):
        return "a hash does not have 32 bytes"
    if old_size in (0, size):
        if hashes:
            return "the proof has more hashes than such a tree needs"
        expected = root if old_size == size else EMPTY_ROOT
        return None if old_root == expected else "two logs of the same size have different roots"
    return _fault_in_growth(old_size, old_root, size, root, hashes)


def _fault_in_growth(
    old_size: int, old_root: bytes, size: int, root: bytes, hashes: Sequence[bytes]
) -> str | None:
    path = list(hashes)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return "the proof has fewer hashes than such a tree needs"
    place, last = old_size - 1, size - 1
    while place % 2:
        place, last = place >> 1, last >> 1
    old_found = found = path[0]
    for one in path[1:]:
        if last == 0:
            return "the proof has more hashes than such a tree needs"
        if place % 2 or place == last:
            old_found, found = node_hash(one, old_found), node_hash(one, found)
            while not place % 2 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, one)
        place, last = place >> 1, last >> 1
    if last != 0:
        return "the proof has fewer hashes than such a tree needs"
    if old_found != old_root:
        return "the proof leads to another root of the old log: its entries are not the first of the new one"
    return None if found == root else "the proof leads to another root"


def _split(count: int) -> int:
    """The largest power of two that is less than `count`."""
    return 1 << ((count - 1).bit_length() - 1)
