"""Decides which installed files the scrub reads, and in which order. No I/O."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from modelhubd.library.store import Stored
from modelhubd.wire.base import rfc3339
from modelhubd.wire.library import ArtifactFile, ArtifactState

EVERY = {"off": None, "weekly": timedelta(days=7), "monthly": timedelta(days=30)}


def due_files(
    rows: Iterable[Stored],
    *,
    with_pieces: Collection[str],
    passed: Collection[tuple[str, str]],
    now: datetime,
    every: timedelta,
) -> list[tuple[Stored, ArtifactFile]]:
    """The one that has waited longest first: those whose pieces nobody knows yet come before those that were
    read last longer than `every` ago. `passed` (artifact, name) were tried and are not tried again."""
    before = rfc3339(now - every)
    waiting = [
        (file.sha256 in with_pieces, file.verified_at or "", row.id, file.name, row, file)
        for row in rows
        if row.state is ArtifactState.OK
        for file in row.files
        if file.sha256 is not None and (row.id, file.name) not in passed
        if file.sha256 not in with_pieces or (file.verified_at or "") < before
    ]
    return [(row, file) for *_, row, file in sorted(waiting, key=lambda item: item[:4])]
