"""The registry's signed catalog as files in a folder, carried to a machine that cannot ask the registry.

The names are those of TUF: the roots by number, `timestamp.json`, `snapshot.json`, `targets.json`, and the
target. `[catalog] registry_root` may name a root in such a folder, and then a first start is protected too.
Everything here blocks and belongs into a thread.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from modelhubd.catalog.registry import store
from modelhubd.catalog.registry.document import PACKED_MAX, TARGET, Document, read_document
from modelhubd.catalog.registry.look import refuse_older, refuse_wrong_clock
from modelhubd.catalog.registry.refresh import (
    METADATA_MAX,
    ROLES,
    ROOT_MAX,
    ROTATIONS_MAX,
    Refreshed,
    Signatures,
    audit_key_of,
    metadata_version,
    trusted_root,
    verify_kept,
)
from modelhubd.catalog.registry.refusals import NotTaken
from modelhubd.catalog.registry.witness import Alarm, Next, Seen, judge

ROOT_NAME = re.compile(r"([1-9][0-9]{0,8})\.root\.json")


class Carried(Struct, frozen=True, kw_only=True):
    """Files of a folder, as read: nothing is verified."""

    signatures: Signatures
    target: bytes


class Taken(Struct, frozen=True, kw_only=True):
    """A catalog that the trusted root vouches for and that is newer than the one in use."""

    document: Document
    refreshed: Refreshed
    seen: Seen | None


def files_of(root: bytes, signatures: Signatures, target: bytes) -> dict[str, bytes]:
    """Name → content of what is to be carried; `root` is the trusted one."""
    found = {f"{metadata_version(data)}.root.json": data for data in (root, *signatures.roots)}
    found |= {f"{role}.json": getattr(signatures, role) for role in ROLES}
    return found | {TARGET: target}


def read_carried(names: list[str], read: Callable[[str, int], bytes]) -> Carried:
    """What a folder with these names holds; `read(name, most)` gives a file of at most so many bytes.

    Raises:
        NotTaken: something is missing.
        OSError: a file cannot be read.
    """
    numbered = sorted(int(match[1]) for name in names if (match := ROOT_NAME.fullmatch(name)))
    wanted = {*(f"{role}.json" for role in ROLES), TARGET}
    if missing := wanted - set(names):
        raise NotTaken("bad_metadata", f"{min(missing)}, which is missing,")
    if len(numbered) > ROTATIONS_MAX:
        raise NotTaken("bad_metadata", "list of roots")
    return Carried(
        signatures=Signatures(
            roots=tuple(read(f"{number}.root.json", ROOT_MAX) for number in numbered),
            **{role: read(f"{role}.json", METADATA_MAX) for role in ROLES},
        ),
        target=read(TARGET, PACKED_MAX),
    )


def judge_carried(
    carried: Carried, *, root_path: str, kept: store.Kept | None, seen: Seen | None, now: datetime
) -> Taken | None:
    """The carried catalog, if it is newer than the one in use; None if it is that one, or vouched for no
    longer than it.

    It may have expired: that shows as `stale`. Where its audit log is longer than the one seen before, the
    proof that it continues it is asked of the registry at the next look, from what was `seen`.

    Raises:
        NotTaken: the trusted root does not vouch for it, it is older than what was seen, or this clock is
            wrong.
    """
    root = trusted_root(root_path)
    signatures = carried.signatures
    if kept is not None and _newest(kept.signatures) > _newest(signatures):
        # Keys that were replaced since count no more, whatever they sign.
        signatures = replace(signatures, roots=kept.signatures.roots)
    sha256, expires_at, root_version = verify_kept(root, signatures, carried.target)
    if kept is not None and root_version <= kept.root_version:
        _refuse_rollback(signatures, kept.signatures)
    if kept is not None and sha256 == kept.head.sha256:
        return None
    document = read_document(carried.target, sha256)
    head = None if kept is None else kept.head
    refuse_wrong_clock(now, document.head, head)
    refuse_older(document.head, root_version, head, 0 if kept is None else kept.root_version)
    return Taken(
        document=document,
        refreshed=Refreshed(
            signatures=signatures,
            target=carried.target,
            sha256=sha256,
            expires_at=expires_at,
            root_version=root_version,
        ),
        seen=_witnessed(document, seen, audit_key_of(root, signatures)),
    )


def _witnessed(document: Document, seen: Seen | None, pinned: str | None) -> Seen | None:
    catalog = document.head.catalog
    judged = judge(catalog.checkpoint, catalog.audit_key, catalog.registry, seen, pinned)
    if isinstance(judged, Alarm):
        raise NotTaken("audit_alarm", judged.detail)
    new, following = judged
    return new if following is Next.TAKE else seen


def _newest(signatures: Signatures) -> int:
    return max((metadata_version(data) for data in signatures.roots), default=0)


def _refuse_rollback(offered: Signatures, kept: Signatures) -> None:
    versions: Mapping[str, tuple[int, int]] = {
        role: (metadata_version(getattr(offered, role)), metadata_version(getattr(kept, role)))
        for role in ROLES
    }
    if any(present < before for present, before in versions.values()):
        raise NotTaken("rolled_back")
