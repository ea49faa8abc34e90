"""Brings the database to this program's form, and keeps its hands off one that is newer."""

import functools
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from modelhubd.errors import CannotStart
from modelhubd.registry.database import Database

MIGRATIONS = Path(__file__).with_name("migrations")


async def migrate(database: Database) -> tuple[str | None, str]:
    """(form before, form after); all of it or nothing, by one process at a time.

    Raises:
        CannotStart: a newer program has migrated it, or its tables are not ours. Nothing is changed then.
    """
    async with database.migrating() as connection:
        return await connection.run_sync(_upgrade)


def newest() -> str:
    """The form that this program knows."""
    return _forms()[-1]


@functools.cache
def _forms() -> tuple[str, ...]:
    """Every form that this program knows, the oldest first."""
    script = _script(Config())
    return tuple(reversed([found.revision for found in script.walk_revisions()]))


def _upgrade(connection: sa.Connection) -> tuple[str | None, str]:
    before, after = MigrationContext.configure(connection).get_current_revision(), newest()
    if before == after:
        return before, after
    if before is not None and before not in _forms():
        raise CannotStart(
            f"The database has form {before}; this program knows forms up to {after}. "
            "A newer modelhub-registry has migrated it. Use that one, or restore a backup from before."
        )
    if before is None and (strange := sorted(sa.inspect(connection).get_table_names())):
        raise CannotStart(
            f"The database holds tables that are not the registry's ({', '.join(strange[:3])}). Give the "
            "registry an empty database of its own."
        )
    config = Config()
    _script(config)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return before, after


def _script(config: Config) -> ScriptDirectory:
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return ScriptDirectory.from_config(config)
