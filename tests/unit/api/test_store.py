"""Answers kept for repeated requests."""

from pathlib import Path

from modelhubd.api import store
from modelhubd.storage.database import Database


async def keep(database: Database, now: str, oldest: str, answer: bytes) -> None:
    async with database.transaction() as tx:
        await store.keep_answer(
            tx, key="k", route="r", body_sha256="b", status=201, answer=answer, now=now, oldest=oldest
        )


async def test_an_answer_is_kept_for_its_time_and_then_the_key_is_free(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "test.db") as database:
        await keep(database, "2026-01-02", "2026-01-01", b"first")
        kept = await store.kept_answer(database.reader, "k", oldest="2026-01-02")
        assert kept == ("r", "b", 201, b"first")
        assert await store.kept_answer(database.reader, "k", oldest="2026-01-03") is None
        await keep(database, "2026-01-04", "2026-01-03", b"second")
        kept = await store.kept_answer(database.reader, "k", oldest="2026-01-03")
        assert kept == ("r", "b", 201, b"second")
