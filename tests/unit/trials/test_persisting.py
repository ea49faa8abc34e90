"""What must be written down is tried again only where trying again may help."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from modelhubd.trials import persisting
from modelhubd.trials.persisting import until_written


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persisting, "AGAIN_S", 0)


async def test_on_a_full_disk_it_is_tried_until_there_is_room(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "main.db", isolation_level=None)) as database:
        database.execute("CREATE TABLE noted (what TEXT)")
        database.execute("PRAGMA max_page_count = 3")
        tried: list[int] = []

        async def write() -> str:
            tried.append(1)
            if len(tried) == 3:
                database.execute("PRAGMA max_page_count = 300")
            database.execute("INSERT INTO noted VALUES (?)", ("x" * 20_000,))
            return "written"

        assert await until_written(write, "it") == "written"
        assert len(tried) == 3


async def test_while_somebody_else_writes_it_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "main.db"
    with (
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other,
        contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as database,
    ):
        other.execute("CREATE TABLE noted (what TEXT)")
        other.execute("BEGIN IMMEDIATE")
        tried: list[int] = []

        async def write() -> str:
            tried.append(1)
            if len(tried) == 3:
                other.execute("COMMIT")
            database.execute("INSERT INTO noted VALUES ('x')")
            return "written"

        assert await until_written(write, "it") == "written"
        assert len(tried) == 3


@pytest.mark.parametrize("sql", ["INSERT INTO nowhere VALUES (1)", "INSERT INTO once VALUES (1), (1)"])
async def test_any_other_error_comes_to_the_surface(sql: str) -> None:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.execute("CREATE TABLE once (n INTEGER PRIMARY KEY)")
        tried: list[int] = []

        async def write() -> None:
            tried.append(1)
            assert len(tried) == 1, "tried again"
            database.execute(sql)

        with pytest.raises(sqlite3.DatabaseError):
            await until_written(write, "it")
