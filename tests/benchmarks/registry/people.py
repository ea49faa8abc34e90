"""A registry's process for measuring, people with tokens of it, and many requests at once."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

import aiohttp

from tests.benchmarks.figures import ms, percentile
from tests.fakes.registry import Person
from tests.fakes.registry_process import RegistryProcess

T = TypeVar("T")
DAY_S = 86_400
UNLIMITED = {"MODELHUB_REGISTRY_REQUESTS_PER_S": "1000000", "MODELHUB_REGISTRY_REQUESTS_AT_ONCE": "1000000"}
"""What is measured is the registry, not what it lets one principal do."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class People:
    """`reviewers` are two persons, who are after the same work."""

    process: RegistryProcess
    admin: Person
    author: Person
    reviewers: tuple[Person, Person]
    reader: Person


@contextlib.asynccontextmanager
async def registry_of(folder: Path, database: str, in_flight: int) -> AsyncIterator[People]:
    """A registry in a process of its own, its people, and connections enough."""
    process = RegistryProcess(folder, database)
    process.environ |= UNLIMITED
    connector = aiohttp.TCPConnector(limit=in_flight)
    await asyncio.to_thread(process.start)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            token = await asyncio.to_thread(process.create_admin)
            admin = Person(url=process.url, token=token, session=session)
            made = await admin.post("/publishers", {"name": "acme"})
            assert made.status in (201, 409), made.body

            async def person(name: str, scope: str) -> Person:
                wanted = {"principal": name, "scopes": [scope], "expires_in_s": DAY_S}
                answer = await admin.post("/tokens", wanted)
                assert answer.status == 201, answer.body
                return dataclasses.replace(admin, token=answer.json["token"])

            yield People(
                process=process,
                admin=admin,
                author=await person("author", "publish:acme"),
                reviewers=(await person("reviewer", "review"), await person("another", "review")),
                reader=await person("reader", "read"),
            )
    finally:
        await asyncio.to_thread(process.stop)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
    """How long a number of requests took, all together and each."""

    seconds: float
    each_s: tuple[float, ...]

    def row(self, name: str, done: int | None = None) -> list[str]:
        """`done` of them count, by default all."""
        count = len(self.each_s) if done is None else done
        return [
            name,
            f"{count}",
            f"{count / self.seconds:.0f}",
            ms(percentile(self.each_s, 0.5)),
            ms(percentile(self.each_s, 0.99)),
        ]


async def at_once(jobs: Iterable[Callable[[], Awaitable[T]]], in_flight: int) -> tuple[list[T], Measured]:
    """What each job gives, in their order, `in_flight` at any time."""
    waiting = iter(enumerate(jobs))
    found: dict[int, T] = {}
    took: list[float] = []

    async def worker() -> None:
        for number, job in waiting:
            began = time.perf_counter()
            found[number] = await job()
            took.append(time.perf_counter() - began)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(worker())
    measured = Measured(seconds=time.perf_counter() - began, each_s=tuple(took))
    return [found[number] for number in sorted(found)], measured
