"""What others may ask of the log: append to it, read it, and prove it."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.errors import InvalidInput, NotFound
from modelhubd.registry.audit import store
from modelhubd.registry.audit.entries import Entry, following
from modelhubd.registry.audit.store import Filter
from modelhubd.trust import merkle
from modelhubd.wire.registry import AuditEntry, AuditPage, Proof


async def append(
    connection: AsyncConnection,
    *,
    actor: str,
    action: str,
    subject: str,
    detail: dict[str, Any],
    at: datetime,
) -> int:
    """Put one act into the log, in the transaction of the change (`Database.changing`): what it raises undoes
    the change. Answers the entry's number.

    Raises:
        ValueError: see `entries.following`.
    """
    entry = following(
        await store.last(connection), actor=actor, action=action, subject=subject, detail=detail, at=at
    )
    made, lefts = merkle.completed(entry.seq)
    known = await store.nodes(connection, lefts)
    top = bytes.fromhex(entry.leaf_hash)
    hashes = {made[0]: top}
    for node, left in zip(made[1:], lefts, strict=True):
        top = merkle.node_hash(known[left], top)
        hashes[node] = top
    await store.add(connection, entry)
    await store.add_nodes(connection, hashes)
    return entry.seq


async def size(connection: AsyncConnection) -> int:
    """How many entries the log has."""
    return (await store.last(connection)).seq + 1


async def root(connection: AsyncConnection, size: int) -> bytes:
    """Root of the tree over the first `size` entries, which there are."""
    (found,) = await _roots(connection, [(0, size)])
    return found


async def page(
    connection: AsyncConnection, only: Filter, *, after: int | None, limit: int, newest: bool = False
) -> AuditPage:
    """Entries after the number `after`, oldest first; or before it, `newest` first."""
    found = await store.entries(connection, only, after=after, limit=limit + 1, newest=newest)
    return AuditPage(
        items=tuple(told(entry) for entry in found[:limit]),
        next=str(found[limit - 1].seq) if len(found) > limit else None,
        total=await store.count(connection, only),
    )


async def inclusion(connection: AsyncConnection, seq: int, of_size: int | None) -> Proof:
    """Proof that the entry `seq` is in the tree of the first `of_size` entries, of all without it.

    Raises:
        NotFound: there is no such entry.
        InvalidInput: there are not so many, or the entry is not among them.
    """
    whole = await _checked(connection, of_size, "?size")
    entry = await store.entry(connection, seq) if seq < whole else None
    if entry is None:
        raise NotFound(f"The log's first {whole} entries hold none with the number {seq}; they count from 0.")
    *hashes, top = await _roots(connection, [*merkle.inclusion_spans(seq, whole), (0, whole)])
    return Proof(
        size=whole,
        root_hash=top.hex(),
        hashes=tuple(one.hex() for one in hashes),
        seq=seq,
        leaf_hash=entry.leaf_hash,
    )


async def consistency(connection: AsyncConnection, from_size: int, to_size: int | None) -> Proof:
    """Proof that the tree of the first `to_size` entries, of all without it, begins with the first
    `from_size`.

    Raises:
        InvalidInput: there are not so many, or fewer than `from_size` are asked for.
    """
    whole = await _checked(connection, to_size, "?to")
    if from_size > whole:
        raise InvalidInput.at("?from", f"The log has {whole} entries here, fewer than {from_size}.")
    *hashes, top = await _roots(connection, [*merkle.consistency_spans(from_size, whole), (0, whole)])
    return Proof(
        size=whole, root_hash=top.hex(), hashes=tuple(one.hex() for one in hashes), from_size=from_size
    )


def told(entry: Entry) -> AuditEntry:
    """An entry as it crosses the wire."""
    return AuditEntry(
        seq=entry.seq,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        detail=msgspec.json.decode(entry.entry)["detail"],
        prev_hash=entry.prev_hash,
        leaf_hash=entry.leaf_hash,
    )


async def _checked(connection: AsyncConnection, wanted: int | None, pointer: str) -> int:
    whole = await size(connection)
    if wanted is None:
        return whole
    if wanted > whole:
        raise InvalidInput.at(pointer, f"The log has {whole} entries, fewer than {wanted}.")
    return wanted


async def _roots(connection: AsyncConnection, spans: list[merkle.Span]) -> list[bytes]:
    """Roots over these spans, from stored subtrees: about 2 log2(size) rows."""
    trees = [merkle.subtrees(span) for span in spans]
    known = await store.nodes(connection, [node for tree in trees for node in tree])
    return [merkle.joined([known[node] for node in tree]) if tree else merkle.EMPTY_ROOT for tree in trees]
