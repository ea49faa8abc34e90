"""RFC 6962, 2.1, word by word: an independent checker, slow and recursive. It shares nothing with ours."""

import hashlib


def mth(entries: list[bytes]) -> bytes:
    """MTH(D[n]) of RFC 6962, 2.1."""
    n = len(entries)
    if n == 0:
        return hashlib.sha256(b"").digest()
    if n == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = split(n)
    return hashlib.sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: list[bytes]) -> list[bytes]:
    """PATH(m, D[n]) of RFC 6962, 2.1.1."""
    n = len(entries)
    if n == 1:
        return []
    k = split(n)
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def proof(m: int, entries: list[bytes]) -> list[bytes]:
    """PROOF(m, D[n]) of RFC 6962, 2.1.2, for 0 < m <= n."""
    return subproof(m, entries, True)


def subproof(m: int, entries: list[bytes], known: bool) -> list[bytes]:
    n = len(entries)
    if m == n:
        return [] if known else [mth(entries)]
    k = split(n)
    if m <= k:
        return [*subproof(m, entries[:k], known), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], False), mth(entries[:k])]


def split(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def root_from_path(leaf: bytes, m: int, n: int, hashes: list[bytes]) -> bytes | None:
    """The root that a path leads to, by undoing PATH; None if the path is not of the right length."""
    if n == 1:
        return leaf if not hashes else None
    if not hashes:
        return None
    k, last = split(n), hashes[-1]
    inner = (
        root_from_path(leaf, m, k, hashes[:-1]) if m < k else root_from_path(leaf, m - k, n - k, hashes[:-1])
    )
    if inner is None:
        return None
    pair = inner + last if m < k else last + inner
    return hashlib.sha256(b"\x01" + pair).digest()
