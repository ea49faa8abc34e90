"""The same request again: one change, one answer."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelhubd.errors import InvalidInput
from modelhubd.registry.database import Database
from modelhubd.registry.idempotency.service import KEPT, Answer, Attempt, once
from modelhubd.registry.migrate import migrate
from modelhubd.registry.seed.store import add_all

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Changes:
    """Counts how often it is really done."""

    def __init__(self) -> None:
        self.done = 0

    async def __call__(self) -> Answer:
        self.done += 1
        return Answer(status=201, body=f'{{"number":{self.done}}}')


def attempt(key: str = "k", body: str = "b", principal: str = "seed", at: datetime = NOW) -> Attempt:
    return Attempt(principal=principal, key=key, request_sha256=body, at=at)


async def tried(database: Database, wanted: Attempt, change: Any) -> Answer:
    async with database.changing() as connection:
        return await once(connection, wanted, change)


async def test_a_key_belongs_to_one_request_of_one_principal_for_a_day(database_url: str) -> None:
    async with Database.open(database_url) as database:
        await migrate(database)
        async with database.changing() as connection:
            await add_all(connection, [], "2026-01-01T00:00:00.000Z")
        change = Changes()
        assert await tried(database, attempt(), change) == Answer(status=201, body='{"number":1}')
        again = await tried(database, attempt(at=NOW + KEPT), change)
        assert again == Answer(status=201, body='{"number":1}', replayed=True)
        with pytest.raises(InvalidInput) as refused:
            await tried(database, attempt(body="other"), change)
        assert refused.value.code == "idempotency_key_reused"
        assert change.done == 1
        assert not (await tried(database, attempt(principal="registry"), change)).replayed
        assert not (await tried(database, attempt(key="another"), change)).replayed
        late = attempt(body="other", at=NOW + KEPT + timedelta(seconds=1))
        assert not (await tried(database, late, change)).replayed


async def test_a_change_that_failed_leaves_its_key_free(database_url: str) -> None:
    async def fails() -> Answer:
        raise ValueError("no")

    async with Database.open(database_url) as database:
        await migrate(database)
        with pytest.raises(ValueError, match="no"):
            await tried(database, attempt(), fails)
        change = Changes()
        assert not (await tried(database, attempt(body="mended"), change)).replayed
        assert change.done == 1


async def test_many_at_once_are_one_change(database_url: str) -> None:
    async with Database.open(database_url) as database:
        await migrate(database)
        change = Changes()
        answers = await asyncio.gather(*(tried(database, attempt(), change) for _ in range(8)))
        assert change.done == 1
        assert sorted(answer.replayed for answer in answers) == [False] + [True] * 7
        assert {answer.body for answer in answers} == {'{"number":1}'}
