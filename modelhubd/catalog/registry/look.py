"""One look at a registry: what it offers, verified, understood and witnessed. Blocks: call it in a thread."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from modelhubd.catalog.registry.document import Document, Head, Known, read_document
from modelhubd.catalog.registry.fetching import Fetching
from modelhubd.catalog.registry.freshness import clock_is_ahead, fault_in_clock
from modelhubd.catalog.registry.refresh import Refreshed, bundled, refresh, trusted_root
from modelhubd.catalog.registry.refusals import NotTaken, of_status
from modelhubd.catalog.registry.witness import Alarm, Next, Seen, fault_in_proof, judge
from modelhubd.tasks import gently
from modelhubd.wire.registry import Proof, SignedCatalog

PROOF_MAX = 64 * 1024


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """What is known before the look. `head` is that of the snapshot in use, `root_version` what vouched for
    it; `seeds` are metadata that count as seen."""

    root_path: str
    folder: Path
    now: datetime
    head: Head | None = None
    root_version: int = 0
    seeds: dict[str, bytes] = {}
    seen: Seen | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What may be taken once it is stored. With an `alarm` it must not be."""

    document: Document
    seen: Seen | None = None
    alarm: Alarm | None = None


def look(fetching: Fetching, before: Before) -> Refreshed:
    """What the registry offers, verified; its target is None where it is the one in use.

    Raises:
        NotTaken: why nothing can be taken.
    """
    head = before.head
    root = trusted_root(before.root_path)
    refuse_wrong_clock(before.now, None, head)
    try:
        return refresh(
            fetching,
            folder=before.folder,
            root=root,
            seeds=before.seeds or bundled(before.root_path)[0],
            kept_sha256=None if head is None else head.sha256,
            first=head is None,
        )
    except NotTaken as refused:
        reason = clock_is_ahead(before.now, fetching.told_at)
        if refused.code == "expired" and reason is not None:
            raise NotTaken("clock_wrong", reason) from refused
        raise


def understood(
    fetching: Fetching,
    before: Before,
    refreshed: Refreshed,
    target: bytes,
    known: Callable[[], Known | None],
) -> Found:
    """The document in the `target`, read and witnessed; what is `known` is asked for here, as it may take its
    time.

    Raises:
        NotTaken: why it cannot be taken.
    """
    head = before.head
    with gently():
        document = read_document(target, refreshed.sha256, fetching.stopping, known())
    refuse_wrong_clock(before.now, document.head, head)
    refuse_older(document.head, refreshed.root_version, head, before.root_version)
    judged = witnessed(document.head.catalog, before.seen, refreshed.audit_key, fetching)
    if isinstance(judged, Alarm):
        return Found(document=document, alarm=judged)
    return Found(document=document, seen=judged)


def refuse_wrong_clock(now: datetime, offered: Head | None, kept: Head | None) -> None:
    """
    Raises:
        NotTaken: what the registry has signed is of a later day than this machine's clock says it is.
    """
    reason = fault_in_clock(
        now,
        signed=None if offered is None else offered.published_at,
        seen=None if kept is None else kept.published_at,
    )
    if reason is not None:
        raise NotTaken("clock_wrong", reason)


def refuse_older(offered: Head, root_version: int, kept: Head | None, kept_root_version: int) -> None:
    """A second look at what TUF has seen to already. A new root may begin again from a lower revision, as it
    must after a theft of the keys.

    Raises:
        NotTaken: it is an older revision.
    """
    if kept is None or root_version != kept_root_version:
        return
    if offered.catalog.revision < kept.catalog.revision:
        raise NotTaken("rolled_back")


def witnessed(
    catalog: SignedCatalog, seen: Seen | None, pinned: str | None, fetching: Fetching | None
) -> Seen | Alarm:
    """The checkpoint of the catalog, once it continues the one that was `seen`; `pinned` as `judge` has it.

    Raises:
        NotTaken: the registry does not give a proof, or cannot be asked for one.
    """
    judged = judge(catalog.checkpoint, catalog.audit_key, catalog.registry, seen, pinned)
    if isinstance(judged, Alarm):
        return judged
    new, following = judged
    if following is Next.TAKE or seen is None:
        return new
    if fetching is None:
        raise NotTaken("audit_proof_missing", "it is not asked")
    return fault_in_proof(seen, new, _proof(fetching, seen.size, new.size).hashes) or new


def _proof(fetching: Fetching, old: int, new: int) -> Proof:
    answer = fetching.get(f"/audit/proof/consistency?from={old}&to={new}", PROOF_MAX)
    if answer.status != 200:
        refused = of_status(answer.status, answer.retry_after_s)
        raise NotTaken("audit_proof_missing", f"status {answer.status}", retry_after_s=refused.retry_after_s)
    try:
        return msgspec.json.decode(answer.body, type=Proof)
    except (msgspec.MsgspecError, RecursionError):
        raise NotTaken("audit_proof_missing", "its answer is no proof") from None
