"""What is answered to errors that nobody raised on purpose."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from modelhubd.web.problems import problem_of_any


def test_a_full_database_is_said_to_be_full(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "small.db")) as database:
        database.execute("CREATE TABLE kept (text TEXT)")
        database.execute("PRAGMA max_page_count = 2")
        with pytest.raises(sqlite3.OperationalError) as full:
            database.execute("INSERT INTO kept VALUES (?)", ("x" * 100_000,))
    problem = problem_of_any(full.value)
    assert (problem.status, problem.code) == (507, "disk_full")
    assert "Make room" in problem.detail


def test_what_nobody_expected_tells_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    problem = problem_of_any(RuntimeError("the secrets of the house"))
    assert (problem.status, problem.code) == (500, "internal")
    assert "secrets" not in problem.detail
    assert "secrets" in caplog.text
