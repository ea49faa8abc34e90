"""Backup and restore of one registry: its database and its online keys, in a folder."""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from modelhubd.errors import CannotStart
from modelhubd.registry.config import RegistryConfig
from modelhubd.registry.database import Database
from modelhubd.registry.opening import ready_database
from modelhubd.registry.portable.file_store import clear, copy, settle
from modelhubd.registry.portable.service import Moved, check_log, export, import_
from modelhubd.registry.release import keys
from modelhubd.registry.release.first import KEYS
from modelhubd.tasks import in_thread

DATABASE = "registry.db"
EXPORT = "registry.export.gz"


async def backup(config: RegistryConfig, folder: Path, *, now: datetime) -> Path:
    """Write the database as of one moment and the online keys into a new folder (0700), while the service may
    run: the file that holds the database. On PostgreSQL that is an export with the hashes of tokens.

    Raises:
        CannotStart: the folder is not empty, or cannot be written.
    """
    await in_thread(lambda: _empty(folder))
    if (source := sqlite_path(config)) is not None:
        written = folder / DATABASE
        await in_thread(lambda: copy(source, written))
    else:
        written = folder / EXPORT
        async with Database.open(config.database_url, connections=config.connections) as database:
            await export(database, written, now=now, with_tokens=True)
    await in_thread(lambda: _copy_keys(config.state_dir / KEYS, folder / KEYS))
    return written


async def restore(config: RegistryConfig, folder: Path) -> Moved:
    """Make a backup this registry: into a state folder or PostgreSQL database that holds none. All of it is
    verified first: the audit log, every content, the signatures. Keys are taken where there are none.

    Raises:
        CannotStart: there is a registry here already, or the backup does not verify.
    """
    target = sqlite_path(config)
    if (folder / DATABASE).exists():
        if target is None:
            raise CannotStart(
                "This backup is one of SQLite. Restore it into a state folder of its own, and move it from "
                "there to PostgreSQL with `export` and `import`."
            )
        moved = await _restore_file(folder / DATABASE, target)
    elif (folder / EXPORT).exists():
        async with Database.open(config.database_url, connections=config.connections) as database:
            moved = await import_(database, folder / EXPORT)
    else:
        raise CannotStart(f"{folder} holds no backup: neither {DATABASE} nor {EXPORT}.")
    await in_thread(lambda: _copy_keys(folder / KEYS, config.state_dir / KEYS))
    return moved


@contextlib.asynccontextmanager
async def existing_database(config: RegistryConfig) -> AsyncIterator[tuple[Database, str]]:
    """The database of a registry that has been started, and its name.

    Raises:
        CannotStart: there is none: nothing is made.
    """
    path = sqlite_path(config)
    if path is not None and not await in_thread(path.exists):
        raise CannotStart(
            "There is no registry here yet. Name its state folder with --state-dir, or start it once."
        )
    async with ready_database(config) as found:
        yield found


def sqlite_path(config: RegistryConfig) -> Path | None:
    """The file of the database; None on PostgreSQL."""
    url = sa.make_url(config.database_url)
    return Path(url.database) if url.drivername.startswith("sqlite") and url.database else None


async def _restore_file(source: Path, target: Path) -> Moved:
    if await in_thread(target.exists):
        raise CannotStart("There is a database here already. Restore goes where none is: move it away first.")
    partial = target.with_name(f".{target.name}.partial")
    try:
        await in_thread(lambda: copy(source, partial))
        async with Database.open(f"sqlite+aiosqlite:///{partial}") as database:
            moved = await check_log(database)
        await in_thread(lambda: settle(partial, target))
    finally:
        await in_thread(lambda: clear(partial))
    return moved


def _empty(folder: Path) -> None:
    keys.make_folder(folder)
    if any(folder.iterdir()):
        raise CannotStart(f"{folder} is not empty. A backup goes into a folder of its own.")


def _copy_keys(source: Path, target: Path) -> None:
    if not source.exists() or target.exists():
        return
    keys.make_folder(target)
    for path in sorted(source.iterdir()):
        if path.suffix in (".pem", ".json"):
            keys.write_whole(target / path.name, path.read_bytes())
