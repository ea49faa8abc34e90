"""Jobs of the library: owned, bounded, seen, and ended."""

import asyncio
import errno
import itertools
import threading
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from modelhubd.errors import Conflict, NotFound, Unavailable
from modelhubd.events import Bus
from modelhubd.library.jobs import ENDED_KEPT, Jobs, Progress, error_of
from modelhubd.wire.jobs import Job, JobState


@pytest.fixture
async def jobs() -> AsyncIterator[Jobs]:
    made = Jobs(Bus("00000000"))
    yield made
    await made.close()


async def ended(jobs: Jobs, job: Job) -> Job:
    async with asyncio.timeout(10):
        while not jobs.get(job.id).state.ended:
            await asyncio.sleep(0)
    return jobs.get(job.id)


async def nothing(_: Progress) -> None:
    return None


async def test_what_the_work_returns_is_the_result(jobs: Jobs) -> None:
    async def work(progress: Progress) -> dict[str, int]:
        progress.expect(total_bytes=10, total_files=1)
        await progress.in_thread(lambda: progress.add(10, 1))
        return {"files": 1}

    started = jobs.start("verify", work, library_id="a", model="acme/tiny@1:gguf")
    assert (started.state, started.model, started.progress.done_bytes) == (
        JobState.RUNNING, "acme/tiny@1:gguf", 0,
    )  # fmt: skip
    done = await ended(jobs, started)
    assert (done.state, done.result, done.error) == (JobState.COMPLETED, {"files": 1}, None)
    assert done.progress.done_bytes == done.progress.total_bytes == 10
    assert done.ended_at is not None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unavailable("No.", code="nope"), "nope"),
        (OSError(errno.ENOSPC, "full"), "disk_full"),
        (OSError(errno.ENODEV, "away"), "storage_offline"),
        (OSError(errno.EIO, "Input/output error"), "io_error"),
        (ValueError("a secret"), "internal"),
    ],
)
async def test_what_the_work_raises_ends_it_as_failed(jobs: Jobs, error: Exception, code: str) -> None:
    async def work(_: Progress) -> None:
        raise error

    done = await ended(jobs, jobs.start("verify", work))
    assert done.state is JobState.FAILED
    assert done.error is not None
    assert done.error.code == code
    assert "secret" not in done.error.detail


def test_an_error_without_words_still_says_something() -> None:
    assert error_of(OSError("odd")).detail == "A file cannot be used: OSError."


async def test_one_job_at_a_time_works_on_an_artifact(jobs: Jobs) -> None:
    first = jobs.start("verify", nothing, library_id="a", model="acme/tiny@1:gguf")
    jobs.start("verify", nothing, library_id="b")
    with pytest.raises(Conflict, match=first.id):
        jobs.start("repair", nothing, library_id="a")
    assert jobs.holding("a") == first
    await ended(jobs, first)
    assert jobs.holding("a") is None
    await ended(jobs, jobs.start("repair", nothing, library_id="a"))


async def test_one_heavy_job_runs_at_once_and_light_ones_beside_it(jobs: Jobs) -> None:
    running = most = 0

    async def work(_: Progress) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    first = jobs.start("verify", work)
    await asyncio.sleep(0)
    others = [jobs.start("verify", work) for _ in range(3)]
    light = jobs.start("note", nothing, heavy=False)
    assert [job.waiting for job in (first, *others, light)] == [False, True, True, True, False]
    for job in (first, *others, light):
        assert (await ended(jobs, job)).waiting is False
    assert most == 1


async def test_a_cancelled_job_ends_and_its_thread_with_it(jobs: Jobs) -> None:
    began, left = threading.Event(), threading.Event()

    async def work(progress: Progress) -> None:
        def busy() -> None:
            began.set()
            try:
                for _ in itertools.count():
                    progress.add(1)
            finally:
                left.set()

        await progress.in_thread(busy)

    job = jobs.start("verify", work, library_id="a")
    await asyncio.to_thread(began.wait, 10)
    done = await jobs.cancel(job.id)
    assert done.state is JobState.CANCELLED
    assert left.is_set()
    assert done.progress.done_bytes > 0
    assert jobs.holding("a") is None
    with pytest.raises(Conflict, match="cancelled"):
        await jobs.cancel(job.id)


async def test_a_cancel_that_comes_too_late_waits_for_the_end(jobs: Jobs) -> None:
    going, may_end = asyncio.Event(), asyncio.Event()

    async def work(progress: Progress) -> str:
        progress.final = True
        going.set()
        await may_end.wait()
        return "done"

    job = jobs.start("import", work)
    await going.wait()
    cancelling = asyncio.create_task(jobs.cancel(job.id))
    await asyncio.sleep(0)
    may_end.set()
    done = await cancelling
    assert (done.state, done.result) == (JobState.COMPLETED, "done")


async def test_one_that_waits_for_its_turn_can_be_cancelled(jobs: Jobs) -> None:
    hold = asyncio.Event()

    async def work(_: Progress) -> None:
        await hold.wait()

    first = jobs.start("verify", work)
    second = jobs.start("verify", work)
    assert (await jobs.cancel(second.id)).state is JobState.CANCELLED
    hold.set()
    assert (await ended(jobs, first)).state is JobState.COMPLETED


async def test_the_last_fifty_that_ended_are_kept_newest_first(jobs: Jobs) -> None:
    made = [jobs.start("verify", nothing) for _ in range(ENDED_KEPT + 5)]
    for job in made[5:]:
        await ended(jobs, job)
    assert [job.id for job in jobs.list()] == [job.id for job in reversed(made[5:])]
    with pytest.raises(NotFound):
        jobs.get(made[0].id)


async def test_readers_are_told_states_and_numbers() -> None:
    bus = Bus("00000000")
    reader = bus.subscribe(["library"])
    seconds = itertools.count()
    jobs = Jobs(bus, clock_s=lambda: next(seconds))
    told: list[tuple[str, Any]] = []

    async def work(progress: Progress) -> None:
        progress.expect(total_bytes=7)
        progress.add(7)
        await asyncio.sleep(0)
        batch = await reader.take(within_s=1)
        told.extend((event.type, msgspec.json.decode(event.data)["state"]) for event in batch.events)
        told.extend((kind, msgspec.json.decode(data)["done_bytes"]) for kind, data in batch.gauges)

    await ended(jobs, jobs.start("verify", work))
    batch = await reader.take(within_s=1)
    assert told == [("library.job", "running"), ("library.progress", 7)]
    assert [msgspec.json.decode(event.data)["state"] for event in batch.events] == ["completed"]
    await jobs.close()


async def test_closing_cancels_what_runs() -> None:
    jobs = Jobs(Bus("00000000"))

    async def work(_: Progress) -> None:
        await asyncio.Event().wait()

    job = jobs.start("verify", work)
    await asyncio.sleep(0)
    await jobs.close()
    assert jobs.get(job.id).state is JobState.CANCELLED
