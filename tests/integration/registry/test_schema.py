"""The database as the migrations make it: the tables of `schema` exactly, and what it refuses by itself."""

import contextlib
import itertools
import json
import re
from collections.abc import AsyncIterator, Sequence
from types import ModuleType

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.errors import CannotStart
from modelhubd.registry.database import Database
from modelhubd.registry.migrate import MIGRATIONS, _forms, migrate, newest
from modelhubd.registry.migrations.versions import v0001_tables, v0002_weights, v0003_found_and_counted
from modelhubd.registry.schema import metadata, template_compliance, version
from modelhubd.registry.triggers import MOVES
from modelhubd.registry.versions.words import words_of

AT = "2026-01-01T00:00:00.000Z"
ZEROS = "0" * 64
AGES = (
    "version (model, version, status, content, content_sha256, envelopes, published_by, published_at, "
    "four_eyes)"
)
ENTRY = "audit (seq, at, actor, action, subject, entry, leaf_hash, prev_hash)"

FILLED = (
    *(f"INSERT INTO principal VALUES ('{name}', '{AT}')" for name in ("author", "reviewer", "admin")),
    f"INSERT INTO publisher VALUES ('acme', 'Acme', 'active', '{AT}')",
    f"INSERT INTO publisher_key VALUES ('acme', 'k1', 'public', '{AT}', NULL)",
    f"INSERT INTO token VALUES ('t1', 'author', 'x', '[]', '', '{AT}', 'admin', '{AT}', NULL, NULL)",
    f"INSERT INTO model VALUES ('acme/one', 'acme', 0, '{AT}')",
    f"INSERT INTO model VALUES ('acme/two', 'acme', 0, '{AT}')",
    "UPDATE model SET last_version = 1",
    f"INSERT INTO {AGES} VALUES ('acme/one', 1, 'pending', 'c', 'd', '[]', 'author', '{AT}', TRUE)",
    f"INSERT INTO {AGES} VALUES ('acme/two', 1, 'pending', 'c', 'd', '[]', 'author', '{AT}', TRUE)",
    f"UPDATE version SET status = 'approved', decided_by = 'reviewer', decided_at = '{AT}' "
    "WHERE model = 'acme/one'",
    "INSERT INTO served VALUES ('acme/one', 1, 'approved')",
    f"INSERT INTO template VALUES ('tpl', 'T', '', '{AT}', 'admin')",
    "INSERT INTO template_model VALUES ('tpl', 'acme/one')",
    f"INSERT INTO {ENTRY} VALUES (0, '{AT}', 'a', 'b', 'c', '{{}}', 'h0', '{ZEROS}')",
    "INSERT INTO audit_node VALUES (0, 0, 'h0')",
    "UPDATE hub_head SET name = 'n', revision = 5, released = 4",
)

REFUSED = {
    "a version that is approved from the start":
        f"INSERT INTO {AGES} VALUES ('acme/two', 2, 'approved', 'c', 'd', '[]', 'author', '{AT}', TRUE)",
    "a version with another number than allocated":
        f"INSERT INTO {AGES} VALUES ('acme/one', 2, 'pending', 'c', 'd', '[]', 'author', '{AT}', TRUE)",
    "a version twice":
        f"INSERT INTO {AGES} VALUES ('acme/one', 1, 'pending', 'c', 'd', '[]', 'author', '{AT}', TRUE)",
    "other content": "UPDATE version SET content = 'x' WHERE model = 'acme/two'",
    "another digest": "UPDATE version SET content_sha256 = 'x' WHERE model = 'acme/two'",
    "another publisher of a version": "UPDATE version SET published_by = 'admin' WHERE model = 'acme/two'",
    "another time of publishing": "UPDATE version SET published_at = 'x' WHERE model = 'acme/two'",
    "another number": "UPDATE version SET version = 7 WHERE model = 'acme/two'",
    "other signatures": "UPDATE version SET envelopes = '[1]' WHERE model = 'acme/two'",
    "back to pending": "UPDATE version SET status = 'pending' WHERE model = 'acme/one'",
    "withdrawn without approval":
        "UPDATE version SET status = 'withdrawn', decided_by = 'reviewer' WHERE model = 'acme/two'",
    "a status that is none": "UPDATE version SET status = 'good' WHERE model = 'acme/two'",
    "an approval by nobody": "UPDATE version SET status = 'approved' WHERE model = 'acme/two'",
    "one's own approval":
        "UPDATE version SET status = 'approved', decided_by = 'author' WHERE model = 'acme/two'",
    "an approval by somebody unknown":
        "UPDATE version SET status = 'approved', decided_by = 'nobody' WHERE model = 'acme/two'",
    "another approver afterwards": "UPDATE version SET decided_by = 'admin' WHERE model = 'acme/one'",
    "another reason afterwards": "UPDATE version SET reason = 'x' WHERE model = 'acme/one'",
    "four eyes less afterwards": "UPDATE version SET four_eyes = FALSE WHERE model = 'acme/one'",
    "a withdrawal without its status": "UPDATE version SET withdrawn_by = 'admin' WHERE model = 'acme/one'",
    "a served version withdrawn":
        "UPDATE version SET status = 'withdrawn', withdrawn_by = 'admin' WHERE model = 'acme/one'",
    "a version deleted": "DELETE FROM version WHERE model = 'acme/two'",
    "a pending version served": "INSERT INTO served VALUES ('acme/two', 1, 'approved')",
    "a pending version served as such": "INSERT INTO served VALUES ('acme/two', 1, 'pending')",
    "a model that begins with a version": f"INSERT INTO model VALUES ('acme/x', 'acme', 3, '{AT}')",
    "a model of no publisher": f"INSERT INTO model VALUES ('none/x', 'none', 0, '{AT}')",
    "a version number left out": "UPDATE model SET last_version = 3 WHERE id = 'acme/one'",
    "a version number taken back": "UPDATE model SET last_version = 0 WHERE id = 'acme/one'",
    "another id": "UPDATE model SET id = 'acme/three' WHERE id = 'acme/two'",
    "another publisher of a model": "UPDATE model SET publisher = 'x' WHERE id = 'acme/two'",
    "a model deleted": "DELETE FROM model WHERE id = 'acme/two'",
    "a model verified that is not served":
        f"INSERT INTO verification VALUES ('acme/two', 'admin', '{AT}')",
    "an audit entry changed": "UPDATE audit SET actor = 'x'",
    "an audit entry deleted": "DELETE FROM audit",
    "an audit entry left out":
        f"INSERT INTO {ENTRY} VALUES (2, '{AT}', 'a', 'b', 'c', '{{}}', 'h2', 'h0')",
    "an audit entry that does not follow":
        f"INSERT INTO {ENTRY} VALUES (1, '{AT}', 'a', 'b', 'c', '{{}}', 'h1', 'hX')",
    "a second first audit entry":
        f"INSERT INTO {ENTRY} VALUES (1, '{AT}', 'a', 'b', 'c', '{{}}', 'h1', '{ZEROS}')",
    "a node of the tree changed": "UPDATE audit_node SET hash = 'x'",
    "a node of the tree deleted": "DELETE FROM audit_node",
    "a token that may do more": "UPDATE token SET scopes = '[\"admin\"]'",
    "a token that lives longer": "UPDATE token SET expires_at = 'x'",
    "a token with another secret": "UPDATE token SET secret_sha256 = 'y'",
    "a token of somebody else": "UPDATE token SET principal = 'admin'",
    "a token deleted": "DELETE FROM token",
    "another public key": "UPDATE publisher_key SET public_key = 'x'",
    "a key deleted": "DELETE FROM publisher_key",
    "a publisher of another status": "UPDATE publisher SET status = 'x'",
    "a revision taken back": "UPDATE hub_head SET revision = 4",
    "a release taken back": "UPDATE hub_head SET released = 3",
    "a release of what is not there": "UPDATE hub_head SET released = 6",
    "another name of the registry": "UPDATE hub_head SET name = 'other'",
    "a second head": "INSERT INTO hub_head VALUES (2, 'x', 0, 0)",
    "no head": "DELETE FROM hub_head",
    "a negative counter": "INSERT INTO counter VALUES ('acme/one', -1)",
    "a star of nobody": "INSERT INTO star VALUES ('acme/one', 'nobody')",
    "an issue of another severity": "INSERT INTO issue VALUES ('acme/one', 1, 0, 'c', 'bad', '', '')",
}  # fmt: skip

ALLOWED = {
    "the next version": (
        "UPDATE model SET last_version = 2 WHERE id = 'acme/one'",
        f"INSERT INTO {AGES} VALUES ('acme/one', 2, 'pending', 'c', 'd', '[]', 'author', '{AT}', TRUE)",
    ),
    "one's own approval where it is said to be one": (
        "UPDATE version SET status = 'approved', decided_by = 'author', four_eyes = FALSE "
        "WHERE model = 'acme/two'",
    ),
    "a rejection": (
        "UPDATE version SET status = 'rejected', decided_by = 'reviewer', reason = 'x' "
        "WHERE model = 'acme/two'",
    ),
    "a cancellation": ("UPDATE version SET status = 'cancelled' WHERE model = 'acme/two'",),
    "a withdrawal": (
        "DELETE FROM served",
        "UPDATE version SET status = 'withdrawn', withdrawn_by = 'admin' WHERE model = 'acme/one'",
    ),
    "a revocation": (
        f"UPDATE token SET revoked_at = '{AT}', last_used_at = '{AT}'",
        f"UPDATE publisher_key SET revoked_at = '{AT}'",
    ),
    "the next audit entry": (f"INSERT INTO {ENTRY} VALUES (1, '{AT}', 'a', 'b', 'c', '{{}}', 'h1', 'h0')",),
}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Migrated."""
    async with Database.open(database_url) as opened:
        await migrate(opened)
        yield opened


async def run(connection: AsyncConnection, statements: Sequence[str]) -> None:
    for statement in statements:
        await connection.exec_driver_sql(statement)


@contextlib.asynccontextmanager
async def filled(database: Database) -> AsyncIterator[AsyncConnection]:
    """With `FILLED`, taken back at the end."""
    with contextlib.suppress(TakenBack):
        async with database.changing() as connection:
            await run(connection, FILLED)
            yield connection
            raise TakenBack


class TakenBack(Exception):
    pass


async def test_the_migrations_make_the_tables_of_the_schema(database: Database) -> None:
    async with database.migrating() as connection:
        differences = await connection.run_sync(
            lambda found: compare_metadata(MigrationContext.configure(found), metadata)
        )
    assert differences == []


async def test_the_migrations_make_the_constraints_of_the_schema_too(
    database: Database, database_url: str
) -> None:
    """What Alembic does not compare: every CHECK, with its name."""
    async with database.migrating() as connection:
        migrated = await connection.run_sync(checks)
        expected = await connection.run_sync(lambda found: checks_of_the_schema(found, migrated))
    assert migrated == expected


def checks(connection: sa.Connection) -> dict[str, set[tuple[str, str]]]:
    """Table → (name, text) of its CHECK constraints."""
    inspector = sa.inspect(connection)
    return {
        table: {
            (str(found["name"]), re.sub(r"\s+", " ", found["sqltext"]))
            for found in inspector.get_check_constraints(table)
        }
        for table in metadata.tables
    }


def checks_of_the_schema(
    connection: sa.Connection, migrated: dict[str, set[tuple[str, str]]]
) -> dict[str, set[tuple[str, str]]]:
    """The same of tables that are made from `schema` in place of the migrated ones."""
    connection.exec_driver_sql("DROP VIEW template_compliance")
    metadata.drop_all(connection)
    metadata.create_all(connection)
    return checks(connection)


def test_each_form_is_named_by_its_file() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert _forms() == tuple(reversed(known))
    assert newest() == known[0]


async def test_a_second_migration_changes_nothing(database: Database) -> None:
    assert await migrate(database) == (newest(), newest())


async def test_versions_of_an_older_form_are_found_by_their_words(database_url: str) -> None:
    async with Database.open(database_url) as database:
        async with database.migrating() as connection:
            await connection.run_sync(lambda found: upgrade(found, "0002"))
            content = '{"display_name":"Big One","tags":["x-ray"]}'
            await run(connection, [one.replace("'c'", f"'{content}'", 1) for one in FILLED])
        assert await migrate(database) == ("0002", newest())
        async with database.reading() as connection:
            found = dict((await connection.execute(sa.select(version.c.model, version.c.words))).all())
    assert found == {name: f"{name}\nbig one\nx-ray" for name in ("acme/one", "acme/two")}
    assert set(found.values()) == {words_of(name, json.loads(content)) for name in found}


def upgrade(connection: sa.Connection, form: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, form)


async def test_a_form_of_the_future_is_refused(database: Database) -> None:
    async with database.changing() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CannotStart, match="newer modelhub-registry"):
        await migrate(database)


async def test_a_database_of_something_else_is_refused(database_url: str) -> None:
    async with Database.open(database_url) as database:
        async with database.migrating() as connection:
            await connection.exec_driver_sql("CREATE TABLE photos (id INTEGER)")
        with pytest.raises(CannotStart, match="tables that are not the registry's"):
            await migrate(database)
        async with database.reading() as connection:
            tables = await connection.run_sync(lambda found: sa.inspect(found).get_table_names())
        assert tables == ["photos"]


@pytest.mark.parametrize("form", [v0001_tables, v0002_weights, v0003_found_and_counted])
def test_there_is_no_way_back(form: ModuleType) -> None:
    with pytest.raises(CannotStart, match="Restore a backup"):
        form.downgrade()


async def test_the_database_refuses_what_must_never_be(database: Database) -> None:
    for what, statement in REFUSED.items():
        async with filled(database) as connection:
            with pytest.raises(sa.exc.DBAPIError) as refused:
                async with connection.begin_nested():
                    await connection.exec_driver_sql(statement)
                pytest.fail(f"{what} went through")
            assert isinstance(refused.value, sa.exc.IntegrityError), (what, refused.value)


async def test_the_database_lets_what_may_be_pass(database: Database) -> None:
    for statements in ALLOWED.values():
        async with filled(database) as connection:
            await run(connection, statements)


STATES = ("pending", "approved", "rejected", "cancelled", "withdrawn")


async def test_the_database_moves_a_version_as_the_states_say_and_in_no_other_way(database: Database) -> None:
    """Every status to every other, whoever is named beside it."""
    for before, after in itertools.permutations(STATES, 2):
        async with filled(database) as connection:
            first = ("approved", before) if before == "withdrawn" else (before,)
            await run(connection, [moved(status) for status in first if status != "pending"])
            attempt = connection.exec_driver_sql(moved(after))
            if (before, after) in MOVES:
                await attempt
                continue
            with pytest.raises(sa.exc.IntegrityError):
                async with connection.begin_nested():
                    await attempt
                pytest.fail(f"{before} became {after}")


def moved(status: str) -> str:
    """With all that the status needs, and nothing that is written once already."""
    named = "" if status == "pending" else ", decided_by = coalesce(decided_by, 'reviewer')"
    if status == "withdrawn":
        named += ", withdrawn_by = 'admin', withdrawn_at = 'x'"
    return f"UPDATE version SET status = '{status}'{named} WHERE model = 'acme/two'"


async def test_what_is_revoked_stays_revoked(database: Database) -> None:
    for table in ("token", "publisher_key"):
        for after in ("NULL", "'later'"):
            async with filled(database) as connection:
                await run(connection, ALLOWED["a revocation"])
                with pytest.raises(sa.exc.IntegrityError):
                    async with connection.begin_nested():
                        await connection.exec_driver_sql(f"UPDATE {table} SET revoked_at = {after}")


async def test_a_number_is_allocated_only_after_the_one_before_is_used(database: Database) -> None:
    async with filled(database) as connection:
        await connection.exec_driver_sql("UPDATE model SET last_version = 2 WHERE id = 'acme/one'")
        with pytest.raises(sa.exc.IntegrityError, match="none is left out"):
            async with connection.begin_nested():
                await connection.exec_driver_sql("UPDATE model SET last_version = 3 WHERE id = 'acme/one'")


async def test_a_badge_moves_with_the_verified_set(database: Database) -> None:
    badge = sa.select(template_compliance)
    async with filled(database) as connection:
        assert tuple((await connection.execute(badge)).one()) == ("tpl", 1, 0, False)
        await connection.exec_driver_sql(f"INSERT INTO verification VALUES ('acme/one', 'admin', '{AT}')")
        assert tuple((await connection.execute(badge)).one()) == ("tpl", 1, 1, True)
        await connection.exec_driver_sql("INSERT INTO template_model VALUES ('tpl', 'acme/gone')")
        assert tuple((await connection.execute(badge)).one()) == ("tpl", 2, 1, False)
        await connection.exec_driver_sql("DELETE FROM template_model")
        assert tuple((await connection.execute(badge)).one()) == ("tpl", 0, 0, False)


async def test_postgresql_keeps_whole_tables_too(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has no TRUNCATE")
    for table in ("audit", "audit_node", "version"):
        async with filled(database) as connection:
            with pytest.raises(sa.exc.IntegrityError, match="never emptied"):
                async with connection.begin_nested():
                    await connection.exec_driver_sql(f"TRUNCATE {table} CASCADE")
