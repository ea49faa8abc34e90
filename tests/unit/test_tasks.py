"""Background tasks end with their owner."""

import asyncio
import gc
import logging
import subprocess
import sys

import pytest

from modelhubd.tasks import FREED_SLICE, HANDOVER_S, TaskOwner, freed, gently


async def test_leaving_cancels_what_still_runs() -> None:
    async with TaskOwner("test") as tasks:
        task = tasks.start(asyncio.sleep(60), name="sleeper")
        await asyncio.sleep(0)
    assert task.cancelled()


async def test_a_task_that_fails_is_logged_by_name_and_takes_nothing_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> None:
        raise OSError("no such luck")

    async with TaskOwner("test") as tasks:
        tasks.start(fail(), name="unlucky")
        other = tasks.start(asyncio.sleep(0.01), name="other")
        await other
    assert "test: unlucky failed" in caplog.text
    assert "no such luck" in caplog.text


async def test_a_task_that_will_not_end_is_reported_and_not_waited_for_for_ever(
    caplog: pytest.LogCaptureFixture,
) -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    tasks = TaskOwner("test", patience_s=0.05)
    task = tasks.start(stubborn(), name="stubborn")
    await asyncio.sleep(0)
    with caplog.at_level(logging.ERROR):
        await tasks.close()
    assert "did not end" in caplog.text
    release.set()
    await asyncio.wait_for(task, 20)


async def test_nothing_starts_after_the_end() -> None:
    tasks = TaskOwner("test")
    await tasks.close()
    with pytest.raises(RuntimeError, match="is closed"):
        tasks.start(asyncio.sleep(0), name="late")


@pytest.mark.parametrize("collects", [True, False])
def test_the_interpreter_is_left_as_it_was_found(collects: bool) -> None:
    try:
        if not collects:
            gc.disable()
        with pytest.raises(LookupError), gently():
            assert not gc.isenabled()
            raise LookupError
        assert gc.isenabled() == collects
    finally:
        gc.enable()


def test_a_process_that_has_settled_looks_for_cycles_in_what_is_new_alone() -> None:
    told = (
        "import gc, sys; gc.disable(); from modelhubd.tasks import settle; settle();"
        "print(gc.isenabled(), gc.get_freeze_count() > 1000, sys.getswitchinterval())"
    )
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == ["True", "True", str(HANDOVER_S)]


def test_a_list_that_nobody_needs_is_emptied() -> None:
    many = [object()] * (3 * FREED_SLICE + 1)
    freed(many)
    assert many == []
