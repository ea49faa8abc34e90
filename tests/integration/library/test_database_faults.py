"""What looks after the library by itself goes on after a fault of its database: a full disk passes."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from modelhubd.errors import Conflict, NotFound
from modelhubd.library.scrub import Scrub
from modelhubd.packages import store
from modelhubd.packages.first_run import FirstRuns
from modelhubd.packages.recovery import Recovery
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.tasks import TaskOwner
from modelhubd.wire.downloads import CreateDownload, Download
from tests.integration.library.world import NOW, World, becomes


@pytest.fixture
async def tasks() -> AsyncIterator[TaskOwner]:
    async with TaskOwner("test") as owner:
        yield owner


@contextlib.contextmanager
def without(table: str, folder: Path) -> Iterator[None]:
    """Every statement that names the table fails meanwhile, at once."""
    with contextlib.closing(sqlite3.connect(folder / "modelhub.db", isolation_level=None)) as other:
        other.execute(f"ALTER TABLE {table} RENAME TO away")
        try:
            yield
        finally:
            other.execute(f"ALTER TABLE away RENAME TO {table}")


def said(caplog: pytest.LogCaptureFixture, words: str) -> Callable[[], bool]:
    return lambda: words in caplog.text


async def test_the_models_directory_is_watched_on(
    world: World, tasks: TaskOwner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await world.install()
    await world.library.start(tasks)
    await asyncio.sleep(1)
    with without("artifact", tmp_path):
        (world.models / "acme/tiny/1/gguf/tiny.gguf").unlink()
        await becomes(said(caplog, "the models directory cannot be looked at now"), True)
    await becomes(world.states, {"gguf": "missing"})
    world.write("acme/tiny/1/gguf/tiny.gguf")
    await becomes(world.states, {"gguf": "ok"})


async def test_what_is_left_of_a_bundle_still_goes(
    world: World, tasks: TaskOwner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def nothing(*_: object) -> None:
        raise AssertionError("no model was on its way")

    recovery = Recovery(world.database, world.jobs, world.library, nothing, look_s=0.05)
    await recovery.start(tasks)
    left = tmp_path / "kits/.kit.modelhub-partial"
    with without("setting", tmp_path):
        await becomes(said(caplog, "cannot be looked up now"), True)
    left.mkdir(parents=True)
    (left / "half.gguf").write_bytes(b"half")
    await recovery.note(tmp_path / "kits/kit", under_way=True)
    await becomes(left.exists, False)

    async def noted() -> frozenset[str]:
        return await store.making(world.database.reader)

    await becomes(noted, frozenset())


async def test_the_scrub_goes_on(world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    artifact = await world.install()
    broken = contextlib.ExitStack()

    async def is_idle() -> bool:
        return True

    async def sleep(_: float) -> None:
        broken.close()
        if "cannot be written down now" not in caplog.text:
            broken.enter_context(without("content_pieces", tmp_path))
        await asyncio.sleep(0)

    scrub = Scrub(
        world.database, ConfinedRoot(world.models), world.library.integrity, every=timedelta(days=30),
        bytes_per_s=1 << 30, is_idle=is_idle, clock=lambda: NOW, sleep=sleep,
    )  # fmt: skip
    async with TaskOwner("test") as owner:
        owner.start(scrub.run(), name="scrub")

        async def read() -> bool:
            return (await world.library.get(artifact.id)).verified_at == "2026-03-01T12:00:00.000Z"

        await becomes(said(caplog, "cannot be written down now"), True)
        await becomes(read, True)


class Asked:
    """A queue that takes nothing now, and notes what it was asked for."""

    def __init__(self) -> None:
        self.models: list[str | None] = []

    async def create(self, request: CreateDownload) -> tuple[Download, bool]:
        self.models.append(request.model)
        raise Conflict("Not now.", code="offline")

    async def get(self, id: str) -> Download:
        raise NotFound("There is none.", code="download_not_found")

    async def cancel(self, id: str) -> Download:
        raise NotFound("There is none.", code="download_not_found")


async def test_what_is_wanted_at_the_first_run_is_still_asked_for(
    world: World, tasks: TaskOwner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    queue = Asked()
    runs = FirstRuns(
        world.database, queue, declared=lambda: (), of_registry=lambda: ("acme/tiny",), usable=lambda: True,
        clock=lambda: NOW, again_s=0.05,
    )  # fmt: skip
    with without("first_run", tmp_path):
        runs.start(tasks)
        await becomes(said(caplog, "cannot be looked up now"), True)
        assert queue.models == []
    await becomes(lambda: queue.models[:1], ["acme/tiny"])
