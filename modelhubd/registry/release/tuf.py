"""TUF metadata around one target, with `tuf.api.metadata` (https://theupdateframework.github.io/specification).

A version number is the second in which it was given, or one more than the last: so those of a registry that
was restored from an older backup are still higher than any that its clients have seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from modelhubd.errors import Untrusted
from modelhubd.registry.release.files import CATALOG, TIMESTAMP, sha256_of, target, versioned
from modelhubd.registry.release.keys import AUDIT, ROLES, Keyring

AUDIT_KEY = "x-modelhub-audit-key"
"""Field of the root: the audit log's public key, in hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long metadata is good. What is past half its life is made again, a timestamp `renewed` after it was
    made."""

    timestamp: timedelta = timedelta(days=1)
    renewed: timedelta = timedelta(hours=1)
    snapshot: timedelta = timedelta(days=7)
    targets: timedelta = timedelta(days=7)
    root: timedelta = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """The metadata that is served."""

    timestamp: Timestamp
    snapshot: Snapshot
    targets: Targets


def first_root(
    *,
    root_keys: Sequence[bytes],
    threshold: int,
    online: Mapping[str, bytes],
    signing: Keyring,
    now: datetime,
    lifetimes: Lifetimes,
) -> bytes:
    """Version 1 of the root, signed: the bytes that every client starts from. Keys are public ones.

    Raises:
        Untrusted: the private halves of too few root keys are at hand.
    """
    root = Root(version=1, expires=now + lifetimes.root, consistent_snapshot=True)
    return _signed_root(_with_keys(root, root_keys, threshold, online), None, signing)


def next_root(
    old: bytes,
    *,
    root_keys: Sequence[bytes] | None,
    threshold: int | None,
    online: Mapping[str, bytes],
    signing: Keyring,
    now: datetime,
    lifetimes: Lifetimes,
) -> bytes:
    """The root after `old`, with these online keys, and with these root keys unless they are None.

    Raises:
        Untrusted: too few keys to sign as the old and as the new root ask for are at hand.
    """
    before = read_root(old)
    if root_keys is None:
        held = before.roles[Root.type]
        root_keys = [_raw(before.keys[name]) for name in held.keyids]
        threshold = held.threshold
    root = Root(version=before.version + 1, expires=now + lifetimes.root, consistent_snapshot=True)
    return _signed_root(_with_keys(root, root_keys, threshold or 1, online), before, signing)


def read_root(data: bytes) -> Root:
    """A root that is signed by itself.

    Raises:
        Untrusted: it is none, or is not.
    """
    try:
        metadata = Metadata[Root].from_bytes(data)
        metadata.signed.verify_delegate(Root.type, metadata.signed_bytes, metadata.signatures)
    except (DeserializationError, RepositoryError, ValueError, AttributeError) as error:
        raise Untrusted("The root is not one that is signed by its own keys.") from error
    return metadata.signed


def public_keys(root: Root) -> dict[str, str]:
    """The public key of each online role and of the audit log, in hex, as the root says."""
    found = {role: _raw(root.keys[root.roles[role].keyids[0]]).hex() for role in ROLES}
    return {**found, AUDIT: str(root.unrecognized_fields.get(AUDIT_KEY, ""))}


def missing_keys(root: Root, keyring: Keyring) -> list[str]:
    """The online roles whose private key is not at hand."""
    return [role for role, public in public_keys(root).items() if public not in keyring.private]


def read_current(timestamp: bytes, snapshot: bytes, targets: bytes) -> Current:
    """What is served, out of its files."""
    return Current(
        timestamp=Metadata[Timestamp].from_bytes(timestamp).signed,
        snapshot=Metadata[Snapshot].from_bytes(snapshot).signed,
        targets=Metadata[Targets].from_bytes(targets).signed,
    )


def check_signed(root: bytes, timestamp: bytes | None, snapshot: bytes | None, targets: bytes | None) -> None:
    """Whether metadata, as far as there is any, is signed as the root says.

    Raises:
        Untrusted: one is not; it is named.
    """
    judge = read_root(root)
    for role, data in ((Timestamp.type, timestamp), (Snapshot.type, snapshot), (Targets.type, targets)):
        if data is None:
            continue
        try:
            found: Metadata[Any] = Metadata.from_bytes(data)
            judge.verify_delegate(role, found.signed_bytes, found.signatures)
        except (DeserializationError, RepositoryError, ValueError) as error:
            raise Untrusted(f"The {role} is not signed by the key that the newest root names.") from error


def snapshot_name(timestamp: bytes) -> str:
    """Name of the snapshot file that a timestamp points to."""
    return versioned(Metadata[Timestamp].from_bytes(timestamp).signed.snapshot_meta.version, Snapshot.type)


def targets_name(snapshot: bytes) -> str:
    """Name of the targets file that a snapshot points to."""
    meta = Metadata[Snapshot].from_bytes(snapshot).signed.meta
    return versioned(meta["targets.json"].version, Targets.type)


def target_digest(current: Current) -> str:
    """Digest of the target that is served."""
    return current.targets.targets[CATALOG].hashes["sha256"]


def is_due(current: Current, now: datetime, lifetimes: Lifetimes) -> bool:
    """Whether something that is served has to be made again for its age."""
    return (
        current.timestamp.expires - now <= lifetimes.timestamp - lifetimes.renewed
        or _is_old(current.snapshot, now, lifetimes.snapshot)
        or _is_old(current.targets, now, lifetimes.targets)
    )


def release(
    *,
    catalog: bytes | None,
    current: Current | None,
    beyond: int,
    again: bool,
    root: Root,
    keyring: Keyring,
    now: datetime,
    lifetimes: Lifetimes,
) -> dict[str, bytes]:
    """The files to be written so that `catalog` (None: the one before) is served; what is still good stays.

    `again` makes all metadata anew, for new keys; every version number is higher than `beyond`.

    Raises:
        Untrusted: an online key is not at hand.
    """
    files: dict[str, bytes] = {}
    targets, snapshot = (None, None) if current is None else (current.targets, current.snapshot)
    if catalog is not None:
        files |= {target(sha256_of(catalog)): catalog, CATALOG: catalog}
    if again or catalog is not None or targets is None or _is_old(targets, now, lifetimes.targets):
        entry = _target_file(catalog, current)
        targets = Targets(
            version=_next(targets, beyond, now), expires=now + lifetimes.targets, targets={CATALOG: entry}
        )
        files[versioned(targets.version, Targets.type)] = made = _signed(targets, root, keyring)
        meta = {"targets.json": _meta(targets.version, made)}
        snapshot = Snapshot(version=_next(snapshot, beyond, now), expires=now + lifetimes.snapshot, meta=meta)
        files[versioned(snapshot.version, Snapshot.type)] = made = _signed(snapshot, root, keyring)
        pointer = _meta(snapshot.version, made)
    elif snapshot is None or current is None or _is_old(snapshot, now, lifetimes.snapshot):
        meta = {} if snapshot is None else snapshot.meta
        snapshot = Snapshot(version=_next(snapshot, beyond, now), expires=now + lifetimes.snapshot, meta=meta)
        files[versioned(snapshot.version, Snapshot.type)] = made = _signed(snapshot, root, keyring)
        pointer = _meta(snapshot.version, made)
    else:
        pointer = current.timestamp.snapshot_meta
    timestamp = Timestamp(
        version=_next(None if current is None else current.timestamp, beyond, now),
        expires=now + lifetimes.timestamp,
        snapshot_meta=pointer,
    )
    return {**files, TIMESTAMP: _signed(timestamp, root, keyring)}


def _target_file(catalog: bytes | None, current: Current | None) -> TargetFile:
    if catalog is not None:
        return TargetFile(len(catalog), {"sha256": sha256_of(catalog)}, CATALOG)
    assert current is not None
    return current.targets.targets[CATALOG]


def _with_keys(root: Root, root_keys: Iterable[bytes], threshold: int, online: Mapping[str, bytes]) -> Root:
    for public in root_keys:
        root.add_key(_key(public), Root.type)
    root.roles[Root.type].threshold = threshold
    for role in ROLES:
        root.add_key(_key(online[role]), role)
    root.unrecognized_fields[AUDIT_KEY] = online[AUDIT].hex()
    return root


def _signed_root(root: Root, before: Root | None, signing: Keyring) -> bytes:
    metadata = Metadata(root)
    for judge in (root, before):
        for name in () if judge is None else judge.roles[Root.type].keyids:
            assert judge is not None
            private = signing.private.get(_raw(judge.keys[name]).hex())
            if private is not None:
                metadata.sign(_signer(private), append=True)
    for judge, words in ((before, "the root before it"), (root, "itself")):
        if judge is None:
            continue
        result = judge.get_verification_result(Root.type, metadata.signed_bytes, metadata.signatures)
        if not result:
            raise Untrusted(
                f"The new root needs {result.threshold} root keys that {words} names; {len(result.signed)} "
                "of them are in the folders given. Name the folders with the others, too."
            )
    return metadata.to_bytes()


def _signed(signed: Targets | Snapshot | Timestamp, root: Root, keyring: Keyring) -> bytes:
    private = keyring.private.get(public_keys(root)[signed.type])
    if private is None:
        raise Untrusted(f"The key for {signed.type} that the newest root names is not in the keys folder.")
    metadata: Metadata[Any] = Metadata(signed)
    metadata.sign(_signer(private))
    return metadata.to_bytes()


def _next(before: Targets | Snapshot | Timestamp | None, beyond: int, now: datetime) -> int:
    return max(0 if before is None else before.version, beyond, int(now.timestamp()) - 1) + 1


def _is_old(signed: Targets | Snapshot, now: datetime, lifetime: timedelta) -> bool:
    return signed.expires - now <= lifetime / 2


def _meta(version: int, data: bytes) -> MetaFile:
    return MetaFile(version, len(data), {"sha256": sha256_of(data)})


def _signer(private: bytes) -> CryptoSigner:
    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(private))


def _key(public: bytes) -> SSlibKey:
    return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(public))


def _raw(key: object) -> bytes:
    assert isinstance(key, SSlibKey)
    return bytes.fromhex(key.keyval["public"])
