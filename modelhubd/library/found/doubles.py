"""Decides which bytes are on the disk more than once. No I/O."""

from collections.abc import Iterable

from msgspec import Struct

from modelhubd.wire.imports import Doubled


class Copy(Struct, frozen=True):
    """A file of known content. Files of one device and inode are the same bytes under two names."""

    sha256: str
    size_bytes: int
    device: int
    inode: int
    where: str


def doubled(copies: Iterable[Copy]) -> tuple[Doubled, ...]:
    """What lies at several places with bytes of its own, the most wasteful first. Clones cannot be told from
    copies: what they share is counted nonetheless."""
    by_digest: dict[str, list[Copy]] = {}
    for copy in copies:
        by_digest.setdefault(copy.sha256, []).append(copy)
    found = []
    for sha256, same in by_digest.items():
        inodes = {(copy.device, copy.inode) for copy in same}
        if len(inodes) > 1:
            size = same[0].size_bytes
            found.append(
                Doubled(
                    sha256=sha256,
                    size_bytes=size,
                    places=tuple(sorted({copy.where for copy in same})),
                    wasted_bytes=size * (len(inodes) - 1),
                )
            )
    return tuple(sorted(found, key=lambda one: (-one.wasted_bytes, one.sha256)))
