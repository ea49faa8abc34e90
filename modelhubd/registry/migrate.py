"""Brings the database to this program's form, and keeps its hands off one that is newer."""

import functools
from pathlib import Path

import sqlalchemy as sa

from modelhubd.errors import CannotStart
from modelhubd.registry.database import Database

MIGRATIONS = Path(__file__).with_name("migrations")
CURRENT = sa.table("alembic_version", sa.column("version_num"))
"""Alembic's own table."""


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
    """Every form that this program knows, the oldest first: its files are named by them."""
    return tuple(sorted(path.stem[1:5] for path in (MIGRATIONS / "versions").glob("v[0-9]*.py")))


def _upgrade(connection: sa.Connection) -> tuple[str | None, str]:
    before, after = _current(connection), newest()
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
    # Half of what a command takes to start is Alembic, and nearly always there is nothing for it to do.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return before, after


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(CURRENT.name):
        return None
    found: str | None = connection.execute(sa.select(CURRENT.c.version_num)).scalar_one_or_none()
    return found
