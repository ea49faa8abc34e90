"""Checks a registry's audit log on this machine, and remembers what it has seen.

Whoever has checked once is a witness: the registry cannot take back, change or fork what was seen without the
next check noticing. What is remembered of each registry, in the state directory, is one checkpoint and the
root by which the keys are found that sign later ones.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from modelhub_cli.failures import INTEGRITY, Failed
from modelhub_cli.token_file import write_private
from modelhub_client import RegistryClient
from modelhubd.errors import ModelhubError
from modelhubd.places import private_dir
from modelhubd.trust.urls import origin_of

if TYPE_CHECKING:
    from modelhubd.trust.notes import Checkpoint

FOLDER = "audit-seen"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a log: the note, the key that signed it, the keys that signed others before, and the
    registry's root."""

    key: str
    note: str
    keys: tuple[str, ...] = ()
    root: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A log that holds: `read` entries of `size` were hashed here, and it begins with `consistent_with`."""

    origin: str
    size: int
    root: bytes
    read: int
    consistent_with: int | None


def noted(held: Held) -> dict[str, object]:
    """As JSON values."""
    return {
        "origin": held.origin,
        "entries": held.size,
        "root_hash": held.root.hex(),
        "read": held.read,
        "consistent_with": held.consistent_with,
    }


def check_log(
    registry: RegistryClient, folder: Path, *, key: str | None, earlier: str | None, with_entries: bool
) -> Held:
    """The log as it is now, if all of it holds.

    `key` and `earlier` (a note) come from elsewhere; what was seen at the last check is held against it too.

    Raises:
        Failed: something does not hold (exit code 8); nothing is remembered then.
    """
    # Here, as it brings the library of cryptography, which takes longer to import than most commands take.
    from modelhub_cli.audit_roots import follow_roots
    from modelhubd.trust.notes import open_checkpoint, verifier_key

    def opened(note: str, keys: Sequence[str], what: str) -> "Checkpoint":
        refused: ModelhubError | None = None
        for one in keys:
            try:
                return open_checkpoint(note, one)
            except ModelhubError as error:
                refused = refused or error
        raise _broken(f"{what} is not what it should be: {refused}")

    path = folder / FOLDER / f"{hashlib.sha256(origin_of(registry.url).encode()).hexdigest()[:16]}.json"
    seen = _seen(path)
    answer = registry.checkpoint()
    try:
        roots = follow_roots(registry, None if seen is None else seen.root)
    except ModelhubError as error:
        raise _broken(f"its keys cannot be followed: {error}") from error
    name = (answer.key if seen is None else seen.key).partition("+")[0]
    keys = tuple(verifier_key(name, public) for public in roots.keys)
    if seen is not None and seen.key not in (*keys, key):
        raise _broken("it was signed by a key, at the last check, that its roots do not know")
    trusted = key or keys[0]
    now = opened(answer.note, [trusted], "The checkpoint")
    read = _check_entries(registry, now.size, now.root) if with_entries else 0
    known = [opened(seen.note, [seen.key], "The remembered checkpoint")] if seen is not None else []
    every = tuple(dict.fromkeys((trusted, *keys, *(() if seen is None else seen.keys))))
    if earlier is not None:
        known.append(opened(earlier, every, "The checkpoint in the file"))
    for before in known:
        _check_growth(registry, before, now)
    _remember(path, Seen(key=trusted, note=answer.note, keys=every, root=roots.newest))
    sizes = [before.size for before in known]
    return Held(
        origin=now.origin,
        size=now.size,
        root=now.root,
        read=read,
        consistent_with=max(sizes) if sizes else None,
    )


def _check_entries(registry: RegistryClient, size: int, root: bytes) -> int:
    from modelhubd.trust.audit import FIRST_PREV_HASH, leaf_of
    from modelhubd.trust.merkle import root_of

    hashes: list[bytes] = []
    before = FIRST_PREV_HASH
    for entry in registry.every_audit_entry():
        if len(hashes) == size:
            break
        if entry.seq != len(hashes):
            raise _broken(f"after entry {len(hashes) - 1} comes entry {entry.seq}")
        try:
            leaf = leaf_of(entry)
        except ValueError as error:
            raise _broken(f"entry {entry.seq} cannot be hashed: {error}") from error
        if leaf != entry.leaf_hash:
            raise _broken(f"entry {entry.seq} has been changed: it does not have the hash {entry.leaf_hash}")
        if entry.prev_hash != before:
            raise _broken(f"entry {entry.seq} does not follow the one before it")
        hashes.append(bytes.fromhex(leaf))
        before = leaf
    if len(hashes) < size:
        raise _broken(f"it has {len(hashes)} entries, and its checkpoint covers {size}")
    if root_of(hashes) != root:
        raise _broken("its entries do not have the root that the checkpoint signs")
    return len(hashes)


def _check_growth(registry: RegistryClient, before: "Checkpoint", now: "Checkpoint") -> None:
    from modelhubd.trust.merkle import fault_in_consistency

    if before.origin != now.origin:
        raise _broken(f"it calls itself {now.origin}, and called itself {before.origin}")
    if before.size > now.size:
        raise _broken(f"it has {now.size} entries, and had {before.size}: it was cut")
    hashes: tuple[str, ...] = ()
    if 0 < before.size < now.size:
        hashes = registry.consistency_proof(before.size, now.size).hashes
    try:
        proof = [bytes.fromhex(one) for one in hashes]
    except ValueError as error:
        raise _broken("its proof of consistency cannot be read") from error
    fault = fault_in_consistency(before.size, before.root, now.size, now.root, proof)
    if fault is not None:
        raise _broken(f"it does not begin with what was seen before ({fault}): it was changed or forked")


def _broken(what: str) -> Failed:
    return Failed(
        f"The audit log does not hold: {what.rstrip('.')}.",
        next_step="Keep the checkpoints you have, and ask whoever runs the registry.",
        code=INTEGRITY,
    )


def _seen(path: Path) -> Seen | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Seen)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise Failed(
            f"What was seen of the log before, {path}, cannot be read.",
            next_step="Look at it before removing it.",
        ) from error


def _remember(path: Path, seen: Seen) -> None:
    try:
        private_dir(path.parent)
        write_private(path, msgspec.json.encode(seen))
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror or error}.") from error
