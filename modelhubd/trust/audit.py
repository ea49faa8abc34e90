"""The bytes of an audit entry that are hashed: whoever holds an entry can hash it again."""

import json
from typing import Any

from modelhubd.trust.merkle import leaf_hash
from modelhubd.wire.registry import AuditEntry

FIRST_PREV_HASH = "0" * 64
"""Stands for the leaf hash before the first entry."""


def entry_bytes(
    *, seq: int, at: str, actor: str, action: str, subject: str, detail: dict[str, Any], prev_hash: str
) -> bytes:
    """The entry as JSON with sorted keys and no blanks, in UTF-8.

    Raises:
        ValueError: `detail` holds a number that is no integer, which others might write differently.
    """
    entry = {
        "action": action,
        "actor": actor,
        "at": at,
        "detail": detail,
        "prev_hash": prev_hash,
        "seq": seq,
        "subject": subject,
    }
    if _has_float(detail):
        raise ValueError(f"the detail of {action} holds a number that is no integer")
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def leaf_of(entry: AuditEntry) -> str:
    """The leaf hash that the entry must have, computed from all its fields but that one, in hex."""
    whole = entry_bytes(
        seq=entry.seq,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        detail=entry.detail,
        prev_hash=entry.prev_hash,
    )
    return leaf_hash(whole).hex()


def _has_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_float(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_has_float(item) for item in value)
    return isinstance(value, float)
