"""What the next entry of the log is, given the one before it."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelhubd.trust.audit import FIRST_PREV_HASH, entry_bytes
from modelhubd.trust.merkle import leaf_hash
from modelhubd.wire.base import rfc3339

_ACTION = re.compile(r"[a-z_]+\.[a-z_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """The end of the log: the number of its last entry and the hash of it."""

    seq: int
    leaf_hash: str


EMPTY = Last(seq=-1, leaf_hash=FIRST_PREV_HASH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry as it is stored. `entry` is the text that is hashed."""

    seq: int
    at: str
    actor: str
    action: str
    subject: str
    entry: str
    leaf_hash: str
    prev_hash: str


def following(
    last: Last, *, actor: str, action: str, subject: str, detail: dict[str, Any], at: datetime
) -> Entry:
    """The entry that comes after `last`.

    Raises:
        ValueError: it cannot be one: nobody did it, the action is not `noun.verb`, or a number in its detail
            is no integer.
    """
    if not actor or not subject or _ACTION.fullmatch(action) is None:
        raise ValueError(f"{action!r} on {subject!r} by {actor!r} cannot be audited")
    seq, moment = last.seq + 1, rfc3339(at)
    whole = entry_bytes(
        seq=seq,
        at=moment,
        actor=actor,
        action=action,
        subject=subject,
        detail=detail,
        prev_hash=last.leaf_hash,
    )
    return Entry(
        seq=seq,
        at=moment,
        actor=actor,
        action=action,
        subject=subject,
        entry=whole.decode(),
        leaf_hash=leaf_hash(whole).hex(),
        prev_hash=last.leaf_hash,
    )
