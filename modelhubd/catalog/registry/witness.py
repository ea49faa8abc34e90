"""Whether a registry's audit log continues the one that was seen before. Pure.

Every daemon is a witness (RFC 9162, section 2.1.4): a log that was changed, cut or forked shows as soon as
its checkpoint does not follow from the last one. The log's key is named by the TUF root, which is signed
offline; where the root names none it is pinned by standing in the signed catalog, and a new one needs a
signature of the old one on the same checkpoint, for the catalog is signed by the very party that is watched.
"""

from collections.abc import Sequence
from enum import Enum

from msgspec import Struct

from modelhubd.errors import Untrusted
from modelhubd.trust.merkle import fault_in_consistency
from modelhubd.trust.notes import Checkpoint, open_checkpoint, verifier_key


class Seen(Struct, frozen=True, kw_only=True):
    """The last good checkpoint: the log's `origin`, size, root (hex), the verifier key, and the note."""

    origin: str
    size: int
    root_hash: str
    key: str
    note: str


class Alarm(Struct, frozen=True, kw_only=True):
    """What is wrong with a log. `evidence` are the two notes that cannot both be true."""

    code: str
    detail: str
    evidence: tuple[str, ...]


class Next(Enum):
    """What a new checkpoint asks for."""

    TAKE = "take"
    """It is the first one, or the same tree."""
    PROVE = "prove"
    """A proof that the larger tree continues the one seen before."""


def judge(
    note: str, key: str, registry: str, seen: Seen | None, pinned: str | None = None
) -> tuple[Seen, Next] | Alarm:
    """What the checkpoint of a signed catalog comes to, after the last one that was `seen`. `pinned` is the
    public key (hex) that the root names for the log, if it names one."""

    def alarm(code: str, detail: str) -> Alarm:
        return Alarm(code=code, detail=detail, evidence=(note,) if seen is None else (seen.note, note))

    try:
        found = open_checkpoint(note, key)
    except Untrusted as error:
        return alarm(
            "audit_bad_checkpoint", f"The checkpoint of the registry's audit log is not good: {error}"
        )
    if found.origin != registry:
        return alarm("audit_bad_checkpoint", "The checkpoint belongs to another registry's audit log.")
    new = Seen(origin=found.origin, size=found.size, root_hash=found.root.hex(), key=key, note=note)
    if pinned is not None and not _is_key(key, found.origin, pinned):
        return alarm(
            "audit_key_changed", "The registry's audit log is signed by another key than the root names."
        )
    if seen is None:
        return new, Next.TAKE
    if seen.origin != new.origin:
        return alarm("audit_other_log", "The registry shows another audit log than before.")
    if seen.key != new.key and pinned is None and not _vouched(note, seen.key, found):
        return alarm(
            "audit_key_changed",
            "The registry's audit log is signed by another key, and the old key does not vouch for it.",
        )
    if new.size < seen.size:
        return alarm(
            "audit_shrunk",
            f"The registry's audit log had {seen.size} entries and now has {new.size}.",
        )
    if new.size > seen.size > 0:
        return new, Next.PROVE
    if new.size == seen.size and new.root_hash != seen.root_hash:
        return alarm("audit_forked", f"The registry shows two audit logs with {new.size} entries.")
    return new, Next.TAKE


def fault_in_proof(seen: Seen, new: Seen, hashes: Sequence[str]) -> Alarm | None:
    """The alarm that a consistency proof gives; None where the new tree continues the old one."""
    try:
        path = [bytes.fromhex(text) for text in hashes]
    except ValueError:
        path = []
    fault = fault_in_consistency(
        seen.size, bytes.fromhex(seen.root_hash), new.size, bytes.fromhex(new.root_hash), path
    )
    if fault is None:
        return None
    return Alarm(
        code="audit_forked",
        detail=f"The registry's audit log with {new.size} entries does not continue the one with "
        f"{seen.size}: what was written in it has been changed.",
        evidence=(seen.note, new.note),
    )


def _is_key(key: str, origin: str, pinned: str) -> bool:
    try:
        return key == verifier_key(origin, bytes.fromhex(pinned))
    except ValueError:
        return False


def _vouched(note: str, old_key: str, found: Checkpoint) -> bool:
    """Whether the old key has signed the same checkpoint too."""
    try:
        return open_checkpoint(note, old_key) == found
    except Untrusted:
        return False
