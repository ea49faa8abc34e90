"""What is kept of a registry's catalog over restarts, and what an organisation ships with the root."""

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from modelhubd.catalog.registry import store
from modelhubd.catalog.registry.document import Document, Known, digests_of, read_document
from modelhubd.catalog.registry.look import witnessed
from modelhubd.catalog.registry.refresh import (
    ROLES,
    Refreshed,
    Signatures,
    audit_key_of,
    bundled,
    forget,
    trusted_root,
    verify_kept,
)
from modelhubd.catalog.registry.refusals import NotTaken
from modelhubd.catalog.registry.witness import Alarm, Seen
from modelhubd.catalog.sync import Served
from modelhubd.storage.database import Database

log = logging.getLogger(__name__)
Raised = tuple[Alarm, datetime]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A catalog that came with the trusted root, verified."""

    document: Document
    refreshed: Refreshed
    seen: Seen


async def load(
    database: Database, root_path: str, folder: Path
) -> tuple[store.Kept | None, Seen | None, Raised | None]:
    """The snapshot, the last good checkpoint and the alarm that were kept, verified again.

    What the trusted root does not vouch for is of another registry, or has been tampered with: all of it is
    forgotten. Without a root to ask, it stays as it was when it was taken: the floor holds what nobody has
    approved.
    """
    try:
        kept = await store.kept(database.reader)
        seen, alarm = await store.witness(database.reader)
    except ValueError:
        kept, seen, alarm = None, None, None
        reason: str | None = "it cannot be read"
    else:
        reason = None if kept is None else await _fault(database, kept, root_path)
    if reason is None:
        return kept, seen, alarm
    log.warning("what was kept of the registry's catalog does not count: %s", reason)
    async with database.transaction(durable=True) as tx:
        await store.forget(tx)
    await asyncio.to_thread(
        forget, folder, lambda error: log.warning("metadata cannot be removed: %s", error.strerror)
    )
    return None, None, None


async def _fault(database: Database, kept: store.Kept, root_path: str) -> str | None:
    try:
        root = await asyncio.to_thread(trusted_root, root_path)
    except NotTaken as refused:
        log.warning("%s", refused.detail)
        return None
    target = await store.target(database.reader)
    try:
        sha256, _, _ = await asyncio.to_thread(verify_kept, root, kept.signatures, target)
    except NotTaken as refused:
        return refused.detail
    return None if sha256 == kept.head.sha256 else "it has been changed"


async def served(target: bytes, sha256: str) -> Served:
    """All that a verified target serves."""
    document = await asyncio.to_thread(read_document, target, sha256)
    return document.entries, document.faults


async def known(
    database: Database, sha256: str, digests: tuple[str, bytes], shown: Collection[str]
) -> Callable[[], Known]:
    """What is known of the target `sha256` that is in use, to be called in a thread: `digests` of it if they
    are, counted from the target that was kept if not, as after a start."""
    of, counted = digests
    if of == sha256:
        return lambda: Known.of(counted, shown)
    target = await store.target(database.reader)
    return lambda: Known.of(digests_of(target), shown)


async def shipped(root_path: str) -> Bundle | None:
    """The catalog that an organisation ships beside the trusted root; None where none counts."""
    try:
        return await asyncio.to_thread(_bundle, root_path)
    except NotTaken as refused:
        log.warning("the catalog beside the trusted root is not taken: %s", refused.detail)
        return None


def _bundle(root_path: str) -> Bundle | None:
    metadata, target = bundled(root_path) if root_path else ({}, None)
    if target is None or set(metadata) != set(ROLES):
        return None
    root, signatures = trusted_root(root_path), msgspec.convert(metadata, Signatures)
    sha256, expires_at, version = verify_kept(root, signatures, target)
    document = read_document(target, sha256)
    seen = witnessed(document.head.catalog, None, audit_key_of(root, signatures), None)
    if isinstance(seen, Alarm):
        raise NotTaken("audit_alarm", seen.detail)
    refreshed = Refreshed(
        signatures=signatures, target=target, sha256=sha256, expires_at=expires_at, root_version=version
    )
    return Bundle(document, refreshed, seen)
