"""Makes an empty, migrated database a registry: its name, and the floor as what it serves."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from modelhubd.entries.content import content_of, content_sha256, notes_of
from modelhubd.entries.issues_of_files import weights_of
from modelhubd.entries.rules import faults_in_entry
from modelhubd.floor.loader import floor_bytes, floor_digest, load_floor
from modelhubd.registry.access import REGISTRY
from modelhubd.registry.audit import service as audit
from modelhubd.registry.database import Database
from modelhubd.registry.release.store import bump
from modelhubd.registry.seed import store
from modelhubd.registry.seed.store import SeedRow
from modelhubd.registry.versions.entries import loaded
from modelhubd.registry.versions.words import words_of
from modelhubd.wire.base import rfc3339
from modelhubd.wire.catalog import CatalogEntry

log = logging.getLogger(__name__)


async def first_start(
    database: Database, name: str, clock: Callable[[], datetime], floor: bytes | None = None
) -> str:
    """The registry's name: the one it has, or else `name` from now on, with the floor imported. `floor` is a
    floor's file, by default the one this program carries."""
    async with database.reading() as connection:
        known = await store.name_of(connection)
    if known:
        return known
    data = floor_bytes() if floor is None else floor
    rows, skipped = await asyncio.to_thread(lambda: rows_of(load_floor(data)))
    now = clock()
    async with database.changing() as connection:
        if known := await store.name_of(connection):  # another process was first
            return known
        await store.set_name(connection, name)
        await store.add_all(connection, rows, rfc3339(now))
        await audit.append(
            connection,
            actor=REGISTRY,
            action="seed.imported",
            subject="floor",
            detail={"count": len(rows), "skipped": list(skipped), "sha256": floor_digest(data)},
            at=now,
        )
        await bump(connection)
    log.info("%s: its first start, with %d models", name, len(rows))
    return name


def rows_of(entries: Iterable[CatalogEntry]) -> tuple[list[SeedRow], tuple[str, ...]]:
    """(rows in the order of their ids, ids of entries that break a rule and are left out)."""
    rows: dict[str, SeedRow] = {}
    skipped = []
    for entry in sorted(entries, key=lambda found: found.id):
        if faults_in_entry(entry) or entry.id in rows:
            skipped.append(entry.id)
            log.warning("an entry of the floor breaks a rule and is left out")
            continue
        notes = notes_of(entry)
        content = content_of(entry, notes).decode()
        rows[entry.id] = SeedRow(
            model=entry.id,
            publisher=entry.id.partition("/")[0],
            content=content,
            content_sha256=content_sha256(entry, notes),
            words=words_of(entry.id, loaded(content)),
            weights=weights_of(entry),
        )
    return list(rows.values()), tuple(skipped)
