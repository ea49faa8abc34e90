"""A header is read once, on demand, and kept; what cannot be read is not asked for again at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelhubd.catalog.headers import RemoteHeaders
from modelhubd.catalog.merge import Sourced
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner
from modelhubd.wire.architecture import Architecture
from modelhubd.wire.catalog import CatalogEntry
from tests.unit.catalog.test_shapes import FILE, entry, option
from tests.unit.fit.devices import LLAMA_8B

BARE = Sourced(entry(option(FILE)), "local")


class Origins:
    """Answers what it is told to, and counts."""

    def __init__(self) -> None:
        self.answer: Architecture | None = LLAMA_8B
        self.asked: list[tuple[str, int | None]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def read(self, url: str, size: int | None) -> Architecture | None:
        self.asked.append((url, size))
        await self.may_answer.wait()
        return self.answer


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "x.db") as database:
        yield database


@pytest.fixture
async def tasks() -> AsyncIterator[TaskOwner]:
    async with TaskOwner("test") as tasks:
        yield tasks


def headers(database: Database, tasks: TaskOwner, origins: Origins, patience_s: float = 5) -> RemoteHeaders:
    return RemoteHeaders(
        database, tasks, origins.read, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC), patience_s=patience_s
    )


def shape(entry: CatalogEntry) -> int | None:
    return entry.architecture.hidden_size


async def test_a_header_is_read_once_and_kept_over_restarts(database: Database, tasks: TaskOwner) -> None:
    origins = Origins()
    found = await headers(database, tasks, origins).complete(BARE)
    assert shape(found.entry) == LLAMA_8B.hidden_size
    assert found.source == "local"
    again = await headers(database, tasks, origins).complete(BARE)
    assert again == found
    assert origins.asked == [(FILE.urls[0], FILE.size_bytes)]


async def test_who_looks_does_not_wait_for_a_slow_origin_and_the_next_one_has_it(
    database: Database, tasks: TaskOwner
) -> None:
    origins = Origins()
    origins.may_answer.clear()
    reading = headers(database, tasks, origins, patience_s=0.01)
    assert await reading.complete(BARE) == BARE
    assert await reading.complete(BARE) == BARE, "it is being read already"
    assert len(origins.asked) == 1
    origins.may_answer.set()
    patient = headers(database, tasks, origins)
    while shape((await patient.complete(BARE)).entry) is None:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("answer", [None, Architecture(family="new"), Architecture(hidden_size=-1)])
async def test_what_cannot_be_read_is_not_asked_for_again_at_once(
    database: Database, tasks: TaskOwner, answer: Architecture | None
) -> None:
    origins = Origins()
    origins.answer = answer
    reading = headers(database, tasks, origins)
    assert await reading.complete(BARE) == BARE
    assert await reading.complete(BARE) == BARE
    assert len(origins.asked) == 1


async def test_an_entry_that_says_enough_asks_nobody(database: Database, tasks: TaskOwner) -> None:
    origins = Origins()
    full = Sourced(entry(option(FILE), architecture=LLAMA_8B), "floor")
    assert await headers(database, tasks, origins).complete(full) is full
    assert origins.asked == []
