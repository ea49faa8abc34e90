"""Transactions are whole or not there, and a newer program's database is left alone."""

import asyncio
import gc
import hashlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelhubd.errors import CannotStart
from modelhubd.storage.database import Database, migrate, migrations_in
from modelhubd.tasks import freed


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_first.sql").write_text("CREATE TABLE thing (name TEXT PRIMARY KEY) STRICT;")
    (folder / "README.md").write_text("no migration")
    return folder


@pytest.fixture
async def database(tmp_path: Path, migrations: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "test.db", migrations) as opened:
        yield opened


async def names(database: Database) -> list[str]:
    return [row["name"] for row in await database.reader.fetch_all("SELECT name FROM thing ORDER BY name")]


async def test_what_is_committed_is_read(database: Database) -> None:
    async with database.transaction() as tx:
        assert await tx.execute("INSERT INTO thing VALUES (?)", ("a",)) == 1
        await tx.execute_many("INSERT INTO thing VALUES (?)", [("b",), ("c",)])
    assert await names(database) == ["a", "b", "c"]
    assert await database.reader.fetch_one("SELECT 1 FROM thing WHERE name = 'z'") is None


async def test_readers_do_not_see_what_is_not_committed(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute("INSERT INTO thing VALUES ('a')")
        assert await names(database) == []
    assert await names(database) == ["a"]


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError, KeyboardInterrupt])
async def test_whatever_is_raised_rolls_back(database: Database, error: type[BaseException]) -> None:
    told: list[str] = []
    with pytest.raises(error):
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO thing VALUES ('a')")
            tx.after_commit(lambda: told.append("a"))
            raise error
    assert await names(database) == []
    assert told == []


async def test_the_reader_cannot_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database.reader.fetch_all("INSERT INTO thing VALUES ('a') RETURNING name")


async def test_what_follows_a_commit_runs_before_the_next_transaction(database: Database) -> None:
    order: list[str] = []

    async def write(name: str) -> None:
        async with database.transaction() as tx:
            order.append(f"begin {name}")
            await tx.execute("INSERT INTO thing VALUES (?)", (name,))
            tx.after_commit(lambda: order.append(f"told {name}"))

    await asyncio.gather(*(write(name) for name in "abc"))
    assert order == ["begin a", "told a", "begin b", "told b", "begin c", "told c"]


async def test_a_cancellation_during_the_commit_still_tells(database: Database) -> None:
    told: list[str] = []

    async def write(name: str) -> None:
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO thing VALUES (?)", (name,))
            tx.after_commit(lambda: told.append(name))

    for attempt in range(40):
        task = asyncio.create_task(write(f"{attempt:02d}"))
        for _ in range(attempt % 20):
            await asyncio.sleep(0)
        await asyncio.sleep(attempt / 10_000)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert told == await names(database)
    assert await database.reader.fetch_one("SELECT 1")


async def test_a_database_of_a_newer_program_is_refused_untouched(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "test.db"
    migrate(path, migrations)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    before = hashlib.sha256(path.read_bytes()).digest()
    with pytest.raises(CannotStart, match=r"newer modelhubd \(schema 7"):
        async with Database.open(path, migrations):
            pass
    assert hashlib.sha256(path.read_bytes()).digest() == before


async def test_what_is_no_database_is_refused_untouched(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "test.db"
    path.write_bytes(b"not a database, whatever it is called" * 100)
    with pytest.raises(CannotStart, match="cannot be opened"):
        migrate(path, migrations)
    assert path.read_bytes().startswith(b"not a database")


def test_a_migration_that_fails_leaves_the_version_before(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "test.db"
    migrate(path, migrations)
    (migrations / "0002_bad.sql").write_text("CREATE TABLE other (x INTEGER) STRICT; SELECT no_such_column;")
    with pytest.raises(CannotStart):
        migrate(path, migrations)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'other'").fetchone() == (
            0,
        )
    connection.close()
    (migrations / "0002_bad.sql").write_text("CREATE TABLE other (x INTEGER) STRICT;")
    migrate(path, migrations)


def test_the_database_is_its_owners_alone_and_in_wal_mode(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "test.db"
    migrate(path, migrations)
    assert path.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_gap_in_the_numbers_is_refused(migrations: Path) -> None:
    (migrations / "0003_third.sql").write_text("")
    with pytest.raises(ValueError, match="without a gap"):
        migrations_in(migrations)


def test_our_own_migrations_run_from_nothing(tmp_path: Path) -> None:
    migrate(tmp_path / "test.db")
    migrate(tmp_path / "test.db")


async def test_rows_that_were_let_go_are_held_by_nobody(database: Database) -> None:
    many = "WITH n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 500) SELECT n FROM n"
    rows = await database.reader.fetch_all(many)
    assert len(rows) == 500
    gc.collect()
    before = _rows_alive()
    freed(rows)
    assert before - _rows_alive() == 500


def _rows_alive() -> int:
    return sum(type(one) is sqlite3.Row for one in gc.get_objects())
