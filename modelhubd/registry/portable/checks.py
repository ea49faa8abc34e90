"""What makes an imported registry the one that was exported: every content, every audit leaf, the root."""

import hashlib
import json
from typing import Any

from modelhubd.errors import CannotStart
from modelhubd.registry.release.files import sha256_of
from modelhubd.trust import merkle
from modelhubd.trust.audit import FIRST_PREV_HASH, entry_bytes

Row = dict[str, Any]


class Log:
    """An audit log that is gone through entry by entry. `size`; `nodes` holds the full subtrees that came
    about since they were last taken out."""

    def __init__(self) -> None:
        self.size = 0
        self._prev = FIRST_PREV_HASH
        self._peaks: list[tuple[int, bytes]] = []
        self.nodes: list[Row] = []

    def follow(self, row: Row) -> None:
        """Check the next entry.

        Raises:
            CannotStart: it is not what was hashed, or does not follow.
        """
        leaf = _leaf_of(row)
        if (
            row["seq"] != self.size
            or row["prev_hash"] != self._prev
            or leaf is None
            or leaf.hex() != row["leaf_hash"]
        ):
            raise CannotStart(
                f"The audit log does not verify: entry {self.size} was changed, or one is missing."
            )
        self._prev = row["leaf_hash"]
        position, level, top = self.size, 0, leaf
        self._keep(level, position, top)
        while self._peaks and self._peaks[-1][0] == level:
            top = merkle.node_hash(self._peaks.pop()[1], top)
            level, position = level + 1, position // 2
            self._keep(level, position, top)
        self._peaks.append((level, top))
        self.size += 1

    def root(self) -> str:
        """Root of what was gone through, in hex."""
        tops = [top for _, top in self._peaks]
        return (merkle.joined(tops) if tops else merkle.EMPTY_ROOT).hex()

    def _keep(self, level: int, position: int, top: bytes) -> None:
        self.nodes.append({"level": level, "position": position, "hash": top.hex()})


def check_version(row: Row) -> None:
    """
    Raises:
        CannotStart: the content of a version is not the one that its digest names.
    """
    if hashlib.sha256(row["content"].encode()).hexdigest() != row["content_sha256"]:
        raise CannotStart(
            f"Version {row['version']} of {row['model']} does not verify: its content was changed."
        )


def check_file(row: Row) -> None:
    """
    Raises:
        CannotStart: a file of the release is not the one that its digest names.
    """
    if sha256_of(row["content"]) != row["sha256"]:
        raise CannotStart(f"The signed file {row['name']} does not verify.")


def _leaf_of(row: Row) -> bytes | None:
    """The leaf hash of an entry whose columns say what its text says; None if they do not."""
    try:
        entry = json.loads(row["entry"])
        whole = entry_bytes(
            seq=row["seq"],
            at=row["at"],
            actor=row["actor"],
            action=row["action"],
            subject=row["subject"],
            detail=entry["detail"],
            prev_hash=row["prev_hash"],
        )
    except (ValueError, KeyError, TypeError):
        return None
    return merkle.leaf_hash(whole) if whole.decode() == row["entry"] else None
