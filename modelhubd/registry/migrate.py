"""Brings the database to this program's form, and keeps its hands off one that is newer."""

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
    found = _script(Config()).get_current_head()
    assert found is not None
    return found


def _upgrade(connection: sa.Connection) -> tuple[str | None, str]:
    config = Config()
    script = _script(config)
    before = MigrationContext.configure(connection).get_current_revision()
    known = {found.revision for found in script.walk_revisions()}
    if before is not None and before not in known:
        raise CannotStart(
            f"The database has form {before}; this program knows forms up to {script.get_current_head()}. "
            "A newer modelhub-registry has migrated it. Use that one, or restore a backup from before."
        )
    if before is None and (strange := sorted(sa.inspect(connection).get_table_names())):
        raise CannotStart(
            f"The database holds tables that are not the registry's ({', '.join(strange[:3])}). Give the "
            "registry an empty database of its own."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    after = script.get_current_head()
    assert after is not None
    return before, after


def _script(config: Config) -> ScriptDirectory:
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return ScriptDirectory.from_config(config)
