"""Export and import of a whole registry."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.entries.issues_of_files import weights_of
from modelhubd.errors import CannotStart, Untrusted
from modelhubd.registry.audit import service as audit
from modelhubd.registry.database import Database
from modelhubd.registry.migrate import migrate, newest
from modelhubd.registry.portable import store
from modelhubd.registry.portable.archive import FORMAT, FORMAT_VERSION, TABLES, Manifest, Reader, Writer
from modelhubd.registry.portable.checks import Log, check_file, check_version
from modelhubd.registry.release import building, tuf
from modelhubd.registry.release.store import head as read_head
from modelhubd.registry.versions.entries import loaded, stored_entry
from modelhubd.registry.versions.store import note_weights
from modelhubd.registry.versions.words import words_of
from modelhubd.tasks import in_thread
from modelhubd.wire.base import rfc3339

AT_ONCE = 500
"""Rows held in memory at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What was exported or imported: the registry's name, its audit log's size and root, rows in all."""

    name: str
    audit_size: int
    audit_root: str
    rows: int


async def export(database: Database, path: Path, *, now: datetime, with_tokens: bool = False) -> Moved:
    """Write everything as of one moment to a file; the service may run meanwhile.

    Raises:
        CannotStart: the file cannot be written.
        Unavailable: the database is away.
    """
    writer = await in_thread(lambda: Writer(path))
    try:
        async with database.reading() as connection:
            manifest = await _manifest(connection, now, with_tokens)
            await in_thread(lambda: writer.begin(manifest))
            for table in TABLES:
                if table in manifest.rows:
                    await _export_table(connection, writer, table)
        await in_thread(writer.end)
    except BaseException:
        writer.abandon()
        raise
    return Moved(
        name=manifest.name,
        audit_size=manifest.audit_size,
        audit_root=manifest.audit_root,
        rows=sum(manifest.rows.values()),
    )


async def _manifest(connection: AsyncConnection, now: datetime, with_tokens: bool) -> Manifest:
    head = await read_head(connection)
    size = await audit.size(connection)
    tables = [table for table in TABLES if with_tokens or table != "token"]
    return Manifest(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        form=newest(),
        name=head.name,
        revision=head.revision,
        released=head.released,
        exported_at=rfc3339(now),
        rows={table: await store.count(connection, table) for table in tables},
        audit_size=size,
        audit_root=(await audit.root(connection, size)).hex(),
    )


async def _export_table(connection: AsyncConnection, writer: Writer, table: str) -> None:
    async for rows in store.rows(connection, table, AT_ONCE):
        await in_thread(_writes(writer, table, rows))


def _writes(writer: Writer, table: str, rows: list[dict[str, Any]]) -> Callable[[], None]:
    return lambda: writer.rows(table, rows)


async def import_(database: Database, path: Path) -> Moved:
    """Fill an empty database from an export, all of it or nothing, and only if all of it verifies.

    Raises:
        CannotStart: the database is not empty, or the export does not verify.
        Unavailable: the database is away.
    """
    reader = await in_thread(lambda: Reader(path))
    try:
        await migrate(database)
        async with database.migrating() as connection:
            return await _import(connection, reader)
    except sa.exc.IntegrityError as error:
        raise CannotStart(
            "The export does not verify: it says what the database refuses to hold. Nothing was imported."
        ) from error
    finally:
        reader.close()


async def _import(connection: AsyncConnection, reader: Reader) -> Moved:
    manifest, log = reader.manifest, Log()
    if manifest.form != newest():
        raise CannotStart(
            f"The export has form {manifest.form} and this program {newest()}. Export with the same release."
        )
    if not await store.is_empty(connection):
        raise CannotStart("The database is not empty. Import goes into a database that was never used.")
    counted: dict[str, int] = {}
    versions: dict[str, int] = {}
    batches = reader.rows(AT_ONCE)
    while (batch := await in_thread(lambda: next(batches, None))) is not None:
        table, rows = batch
        counted[table] = counted.get(table, 0) + len(rows)
        if table == "model":
            versions |= {row["id"]: row["last_version"] for row in rows}
        await _take_in(connection, table, rows, log)
    if counted != {table: count for table, count in manifest.rows.items() if count}:
        raise CannotStart("The export does not verify: rows are missing. Nothing was imported.")
    if (log.size, log.root()) != (manifest.audit_size, manifest.audit_root):
        raise CannotStart("The audit log does not verify: its root is another one. Nothing was imported.")
    if await store.last_versions(connection) != versions:
        raise CannotStart("The export does not verify: versions are missing. Nothing was imported.")
    await store.set_head(connection, manifest.name, manifest.revision, manifest.released)
    await _check_release(connection)
    return Moved(
        name=manifest.name,
        audit_size=log.size,
        audit_root=log.root(),
        rows=sum(counted.values()),
    )


async def _take_in(connection: AsyncConnection, table: str, rows: list[dict[str, Any]], log: Log) -> None:
    if any(row.keys() != store.columns(table) for row in rows):
        raise CannotStart(
            f"The export does not verify: a row of {table} has other columns. Nothing was imported."
        )
    if table == "model":
        await store.add_models(connection, rows)
    elif table == "version":
        weights = await in_thread(_derived(rows))
        for number in sorted({row["version"] for row in rows}):
            await store.add_versions(connection, [row for row in rows if row["version"] == number])
        for of, found in weights:
            await note_weights(connection, of, found)
    elif table == "audit":
        await in_thread(_follows(log, rows))
        await store.add_entries(connection, rows)
        await store.add(connection, "audit_node", log.nodes)
        log.nodes = []
    else:
        if table == "release_file":
            await in_thread(_checks_files(rows))
        await store.add(connection, table, rows)


async def _check_release(connection: AsyncConnection) -> None:
    """That what is served is signed as the newest root says."""
    base = await building.read_base(connection)
    if base is not None:
        try:
            await in_thread(lambda: tuf.check_signed(base.root, base.timestamp, base.snapshot, base.targets))
        except Untrusted as error:
            raise CannotStart(f"The export does not verify: {error} Nothing was imported.") from error


async def check_log(database: Database) -> Moved:
    """Go through the whole audit log and every content of a database.

    Raises:
        CannotStart: something in it does not verify.
    """
    log, rows = Log(), 0
    async with database.reading() as connection:
        async for found in store.rows(connection, "audit", AT_ONCE):
            await in_thread(_follows(log, found))
            rows, log.nodes = rows + len(found), []
        async for found in store.rows(connection, "version", AT_ONCE):
            await in_thread(_checks(found))
            rows += len(found)
        head = await read_head(connection)
        if (await audit.root(connection, log.size)).hex() != log.root():
            raise CannotStart(
                "The audit log does not verify: its stored hashes are not those of its entries."
            )
        await _check_release(connection)
    return Moved(name=head.name, audit_size=log.size, audit_root=log.root(), rows=rows)


def _follows(log: Log, rows: list[dict[str, Any]]) -> Callable[[], None]:
    def follow() -> None:
        for row in rows:
            log.follow(row)

    return follow


def _checks(rows: list[dict[str, Any]]) -> Callable[[], None]:
    def check() -> None:
        for row in rows:
            check_version(row)

    return check


def _derived(rows: list[dict[str, Any]]) -> Callable[[], list[tuple[str, frozenset[str]]]]:
    """Checks the versions, and computes again what is derived from their contents: words, and weights by
    model."""

    def derive() -> list[tuple[str, frozenset[str]]]:
        weights = []
        for row in rows:
            check_version(row)
            row["words"] = words_of(row["model"], loaded(row["content"]))
            weights.append((row["model"], weights_of(stored_entry(row["content"]))))
        return weights

    return derive


def _checks_files(rows: list[dict[str, Any]]) -> Callable[[], None]:
    def check() -> None:
        for row in rows:
            check_file(row)

    return check
