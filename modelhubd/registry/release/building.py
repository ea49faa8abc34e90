"""One build of the release: read at one moment, made in a thread, written if nobody else was faster."""

import logging
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection
from tuf.api.metadata import Root

from modelhubd.errors import CannotStart
from modelhubd.registry.audit import service as audit
from modelhubd.registry.audit import store as audit_store
from modelhubd.registry.database import Database
from modelhubd.registry.release import catalog_store, files, store, tuf
from modelhubd.registry.release.catalog import Catalog, Frame, Texts, document, packed
from modelhubd.registry.release.keys import AUDIT, Keyring
from modelhubd.registry.release.store import Head
from modelhubd.registry.release.tuf import Current, Lifetimes
from modelhubd.tasks import in_thread
from modelhubd.trust.notes import Checkpoint, sign_checkpoint, verifier_key
from modelhubd.wire.base import rfc3339

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What is served now, as bytes. `timestamp` and what it points to are None before the first release."""

    head: Head
    root_version: int
    root: bytes
    timestamp: bytes | None
    snapshot: bytes | None
    targets: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a build is to make. `catalog` is None where only the age of the metadata asks for it."""

    catalog: Catalog | None
    checkpoint: Checkpoint
    published_at: str
    beyond: int = 0
    again: bool = False


async def read_base(connection: AsyncConnection) -> Base | None:
    """What is served now; None while there is no root."""
    head = await store.head(connection)
    version = files.newest_root(file.name for file in await store.listed(connection))
    if version is None:
        return None
    root = await store.content(connection, files.versioned(version, "root"))
    assert root is not None
    timestamp = await store.content(connection, files.TIMESTAMP)
    snapshot = targets = None
    if timestamp is not None:
        snapshot = await store.content(connection, tuf.snapshot_name(timestamp))
        assert snapshot is not None
        targets = await store.content(connection, tuf.targets_name(snapshot))
    return Base(
        head=head,
        root_version=version,
        root=root,
        timestamp=timestamp,
        snapshot=snapshot,
        targets=targets,
    )


async def read_wanted(
    connection: AsyncConnection,
    head: Head,
    now: datetime,
    *,
    whole: bool,
    beyond: int = 0,
    again: bool = False,
    known: catalog_store.Known | None = None,
) -> Wanted:
    """What the database wants signed; its catalog only where `whole`. `known` is what was read before."""
    size = await audit.size(connection)
    checkpoint = Checkpoint(origin=head.name, size=size, root=await audit.root(connection, size))
    return Wanted(
        catalog=await catalog_store.catalog(connection, known) if whole else None,
        checkpoint=checkpoint,
        published_at=await audit_store.last_moment(connection) or rfc3339(now),
        beyond=beyond,
        again=again,
    )


def made(
    base: Base,
    wanted: Wanted,
    keyring: Keyring,
    now: datetime,
    lifetimes: Lifetimes,
    texts: Texts | None = None,
) -> dict[str, bytes]:
    """The files to write; `texts` are the entries of the document before. Takes long: for a thread.

    Raises:
        Untrusted: an online key is not at hand.
    """
    root = tuf.read_root(base.root)
    target = None
    if wanted.catalog is not None:
        target = packed(document(wanted.catalog, _frame(base.head, wanted, root, keyring), texts))
    return tuf.release(
        catalog=target,
        current=current_of(base),
        beyond=wanted.beyond,
        again=wanted.again,
        root=root,
        keyring=keyring,
        now=now,
        lifetimes=lifetimes,
    )


def current_of(base: Base) -> Current | None:
    """The metadata of what is served; None before the first release."""
    if base.timestamp is None or base.snapshot is None or base.targets is None:
        return None
    return tuf.read_current(base.timestamp, base.snapshot, base.targets)


def note_of(checkpoint: Checkpoint, root: Root, keyring: Keyring) -> tuple[str, str]:
    """(the signed note over a checkpoint, the verifier key that checks it).

    Raises:
        CannotStart: the audit key is not at hand.
    """
    public = tuf.public_keys(root)[AUDIT]
    private = keyring.private.get(public)
    if private is None:
        raise CannotStart("The audit log's key that the newest root names is not in the keys folder.")
    key = verifier_key(checkpoint.origin, bytes.fromhex(public))
    return sign_checkpoint(checkpoint, checkpoint.origin, private), key


def _frame(head: Head, wanted: Wanted, root: Root, keyring: Keyring) -> Frame:
    note, key = note_of(wanted.checkpoint, root, keyring)
    return Frame(
        registry=head.name,
        revision=head.revision,
        published_at=wanted.published_at,
        checkpoint=note,
        audit_key=key,
    )


@dataclass(frozen=True, slots=True)
class Before:
    """What a process keeps of the builds before: the next one begins with it."""

    known: catalog_store.Known = field(default_factory=catalog_store.Known)


async def build(
    database: Database, keyring: Keyring, now: datetime, lifetimes: Lifetimes, kept_from: str, before: Before
) -> int | None:
    """Sign what has changed or grown old: the revision that is released then. None where another process has
    released meanwhile, or there is no root yet: ask again.

    Files that were superseded before `kept_from` are deleted.

    Raises:
        Untrusted: an online key is not at hand.
        Unavailable: the database is away.
    """
    async with database.reading(quick=True) as connection:
        base = await read_base(connection)
        if base is None:
            return None
        head = base.head
        whole = head.released < head.revision or base.timestamp is None
        due = whole or await in_thread(lambda: _is_due(base, now, lifetimes))
        if not due:
            return head.released
        wanted = await read_wanted(connection, head, now, whole=whole, known=before.known)
    written = await in_thread(lambda: made(base, wanted, keyring, now, lifetimes, before.known.texts))
    async with database.changing() as connection:
        if not await _is_still(connection, base):
            return None
        await store.put(connection, written, rfc3339(now))
        if whole:
            await store.set_released(connection, head.revision)
        await store.remove(connection, files.superseded(await store.listed(connection), kept_from))
    log.info("released revision %s%s", head.revision, "" if whole else " again, for its age")
    return head.revision if whole else head.released


def _is_due(base: Base, now: datetime, lifetimes: Lifetimes) -> bool:
    current = current_of(base)
    return current is None or tuf.is_due(current, now, lifetimes)


async def _is_still(connection: AsyncConnection, base: Base) -> bool:
    """Whether what is served is what the build began with."""
    known = None if base.timestamp is None else files.sha256_of(base.timestamp)
    if await store.digest(connection, files.TIMESTAMP) != known:
        return False
    return await store.digest(connection, files.versioned(base.root_version + 1, "root")) is None
