"""Folders that provide models, on a machine so busy that the database answers late."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from modelhubd.library.jobs import Progress
from modelhubd.packages.sources import Sources
from modelhubd.storage.database import Database, Parameters, Reader, Row
from modelhubd.tasks import TaskOwner
from modelhubd.wire.jobs import Job
from tests.integration.library.world import NOW, World
from tests.integration.packages.world import write_bundle


class Late(Reader):
    """A real reader; `before_answer` is awaited once what is known of read files is fetched."""

    before_answer: Callable[[], Awaitable[object]] | None = None

    async def fetch_all(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        rows = await super().fetch_all(sql, parameters)
        if self.before_answer is not None and "FROM package_file" in sql:
            await self.before_answer()
        return rows


async def test_files_whose_reading_ends_during_a_look_are_not_read_again(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "app", {"acme/app": b"the model"})
    tasks = TaskOwner("sources")
    async with Database.open(tmp_path / "state.db") as database:
        database.reader = late = Late(database.reader._connection)
        world = World(database, tmp_path / "models")
        sources = Sources(
            database, world.jobs, world.library, bundles=(str(bundle),), first_run=(),
            bundles_d=tmp_path / "bundles.d", packages_d=tmp_path / "packages.d", trusted_keys=(),
            home=tmp_path, me=os.getuid(), clock=lambda: NOW,
        )  # fmt: skip
        begun, let_go = asyncio.Event(), asyncio.Event()

        async def busy(_: Progress) -> None:
            begun.set()
            await let_go.wait()

        try:
            world.jobs.start(kind="busy", work=busy)
            await begun.wait()
            await sources.start(tasks)
            async with asyncio.timeout(30):
                while not (checks := _checks(world)):
                    await asyncio.sleep(0.01)
            assert checks[0].waiting, "its turn comes during the next look"

            async def has_ended() -> None:
                late.before_answer = None
                let_go.set()
                assert await world.jobs.ended(checks[0].id, within_s=30)

            late.before_answer = has_ended
            await sources.look()
            assert let_go.is_set(), "the look asked"
            async with asyncio.timeout(30):
                while sources.all().items[0].state != "ok":
                    await asyncio.sleep(0.01)
            assert len(_checks(world)) == 1
        finally:
            let_go.set()
            await tasks.close()
            await world.jobs.close()


def _checks(world: World) -> list[Job]:
    return [job for job in world.jobs.list() if job.kind == "source check"]
