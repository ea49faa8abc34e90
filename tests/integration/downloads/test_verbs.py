"""What people ask of the queue."""

import asyncio
import os
import threading
import time

import msgspec
import pytest

from modelhubd.downloads import process, staging
from modelhubd.downloads.rows import StoredDownload
from modelhubd.errors import Conflict, InvalidInput, NotFound
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.wire.catalog import OptionFile
from modelhubd.wire.downloads import ChangeDownload, CreateDownload, DownloadState
from tests.fakes.download_home import Home, Running, option_of
from tests.fakes.origin import Origin, Step, sha256

SIZE = 2_000_000
SLOW: Step = {"rate": 1_500_000}


@pytest.fixture(autouse=True)
def five_models(home: Home, origin: Origin) -> None:
    for number in range(1, 6):
        offer(home, origin, number, SLOW)


def offer(home: Home, origin: Origin, number: int, step: Step) -> None:
    url = origin.serve(f"/verbs/{number}.gguf", SIZE, step)
    file = OptionFile(name="tiny.gguf", size_bytes=SIZE, sha256=sha256(1, SIZE), urls=(url,))
    home.offer(f"acme/m{number}", option_of(file))


async def pulled(daemon: Running, count: int = 5) -> list[str]:
    return [(await daemon.pull(f"acme/m{number}")).id for number in range(1, count + 1)]


async def states(daemon: Running) -> dict[str, DownloadState]:
    page = await daemon.downloads.list((), 200, None)
    return {item.model: item.state for item in page.items}


def partial_exists(home: Home, id: str) -> bool:
    return (home.models_dir / ".staging" / id).exists()


async def test_an_equal_download_under_way_is_answered_instead(home: Home) -> None:
    async with home.daemon() as daemon:
        first, created = await daemon.downloads.create(CreateDownload(model="acme/m1"))
        again, created_again = await daemon.downloads.create(CreateDownload(model="acme/m1@1:gguf-q4"))
        assert (created, created_again) == (True, False)
        assert again.id == first.id
        many = await asyncio.gather(
            *(daemon.downloads.create(CreateDownload(model="acme/m2")) for _ in range(5))
        )
        assert len({download.id for download, _ in many}) == 1
        assert [made for _, made in many].count(True) == 1


async def test_what_is_installed_or_unknown_or_contradictory_is_refused(home: Home) -> None:
    async with home.daemon() as daemon:
        done = await daemon.pull("acme/m1")
        await daemon.until(done.id)
        with pytest.raises(Conflict) as installed:
            await daemon.pull("acme/m1")
        assert installed.value.code == "already_installed"
        with pytest.raises(NotFound):
            await daemon.pull("acme/none")
        with pytest.raises(InvalidInput):
            await daemon.pull("acme/m2@2", version=3)
        with pytest.raises(InvalidInput):
            await daemon.pull("Acme/M2")
        with pytest.raises(NotFound):
            await daemon.downloads.get("0" * 16)


async def test_two_are_active_at_once_and_the_rest_wait_in_order(home: Home) -> None:
    async with home.daemon() as daemon:
        ids = await pulled(daemon)
        await daemon.until(ids[1], DownloadState.ACTIVE)
        found = [await daemon.downloads.get(id_) for id_ in ids]
        assert [item.state for item in found] == [DownloadState.ACTIVE] * 2 + [DownloadState.QUEUED] * 3
        assert [item.position for item in found] == [0, 0, 1, 2, 3]
        summary = await daemon.downloads.summary()
        assert (summary.active, summary.queued) == (2, 3)
        page = await daemon.downloads.list((), 2, None)
        rest = await daemon.downloads.list((), 200, page.next)
        assert [item.id for item in (*page.items, *rest.items)] == ids
        assert page.total == 5 and rest.next is None
        assert [
            item.id for item in (await daemon.downloads.list((DownloadState.QUEUED,), 9, None)).items
        ] == ids[2:]


async def test_pause_frees_the_place_at_once_and_lasts_over_a_restart(home: Home, origin: Origin) -> None:
    offer(home, origin, 2, {"rate": 10_000})
    async with home.daemon() as daemon:
        ids = await pulled(daemon, 3)
        before = await daemon.until(ids[0], DownloadState.ACTIVE, past=200_000)
        paused = await daemon.downloads.pause(ids[0])
        assert paused.state is DownloadState.PAUSED
        assert paused.progress.done_bytes >= before.progress.done_bytes
        await daemon.until(ids[2], DownloadState.ACTIVE)
        assert (await daemon.downloads.get(ids[1])).state is DownloadState.ACTIVE, "it is not its place"
        assert partial_exists(home, ids[0])
    async with home.daemon() as daemon:
        await asyncio.sleep(0.3)
        kept = await daemon.downloads.get(ids[0])
        assert kept.state is DownloadState.PAUSED
        assert kept.progress.done_bytes == paused.progress.done_bytes
        assert (await daemon.downloads.resume(ids[0])).state is DownloadState.QUEUED
        assert (await daemon.until(ids[0])).state is DownloadState.COMPLETED


async def test_cancel_is_no_failure_and_removes_the_partial(home: Home) -> None:
    async with home.daemon() as daemon:
        (id_,) = await pulled(daemon, 1)
        await daemon.until(id_, DownloadState.ACTIVE, past=200_000)
        assert partial_exists(home, id_)
        cancelled = await daemon.downloads.cancel(id_)
        assert cancelled.state is DownloadState.CANCELLED
        assert cancelled.error is None
        assert not partial_exists(home, id_)
        with pytest.raises(Conflict, match="cancelled") as refusal:
            await daemon.downloads.cancel(id_)
        assert refusal.value.code == "wrong_state"
        again = await daemon.downloads.retry(id_)
        assert again.state is DownloadState.QUEUED and again.progress.done_bytes == 0
        assert (await daemon.until(id_)).state is DownloadState.COMPLETED


async def test_cancelled_while_its_files_are_moved_leaves_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed, go_on, left = threading.Event(), threading.Event(), threading.Event()
    place = staging.place

    def slow_place(root: ConfinedRoot, row: StoredDownload) -> tuple[int, ...]:
        missing = place(root, row)
        placed.set()
        go_on.wait(10)
        left.set()
        return missing

    monkeypatch.setattr(staging, "place", slow_place)
    async with home.daemon() as daemon:
        (id_,) = await pulled(daemon, 1)
        await asyncio.to_thread(placed.wait, 10)
        assert (home.models_dir / "acme/m1/1/gguf-q4/tiny.gguf").exists()
        asyncio.get_running_loop().call_later(0.2, go_on.set)
        assert (await daemon.downloads.cancel(id_)).state is DownloadState.CANCELLED
        assert left.is_set(), "nothing moves files any more"
        assert not await daemon.installed()
        assert not (home.models_dir / "acme").exists()
        assert not partial_exists(home, id_)


async def test_verbs_that_do_not_fit_the_state_are_refused(home: Home) -> None:
    async with home.daemon() as daemon:
        (id_,) = await pulled(daemon, 1)
        for verb in (daemon.downloads.resume, daemon.downloads.retry):
            with pytest.raises(Conflict):
                await verb(id_)
        with pytest.raises(Conflict):
            await daemon.downloads.forget(id_)
        await daemon.until(id_)
        for verb in (
            daemon.downloads.resume,
            daemon.downloads.retry,
            daemon.downloads.pause,
            daemon.downloads.cancel,
        ):
            with pytest.raises(Conflict):
                await verb(id_)
        await daemon.downloads.forget(id_)
        with pytest.raises(NotFound):
            await daemon.downloads.get(id_)
        assert (home.models_dir / "acme/m1/1/gguf-q4/tiny.gguf").exists()


async def test_many_verbs_at_once_leave_one_state(home: Home) -> None:
    async with home.daemon() as daemon:
        (id_,) = await pulled(daemon, 1)
        await daemon.until(id_, DownloadState.ACTIVE)
        for _ in range(20):
            await asyncio.gather(
                daemon.downloads.pause(id_),
                daemon.downloads.resume(id_),
                daemon.downloads.pause(id_),
                daemon.downloads.resume(id_),
                return_exceptions=True,
            )
        await asyncio.gather(daemon.downloads.resume(id_), return_exceptions=True)
        assert (await daemon.until(id_)).state is DownloadState.COMPLETED
        assert len(await daemon.installed()) == 1


async def test_position_and_priority_decide_who_is_next(home: Home) -> None:
    home.max_active = 1
    async with home.daemon() as daemon:
        ids = await pulled(daemon)
        await daemon.until(ids[0], DownloadState.ACTIVE)
        first = await daemon.downloads.change(ids[4], ChangeDownload(position=1))
        assert first.position == 1
        last = await daemon.downloads.change(ids[1], ChangeDownload(position=99))
        assert last.position == 4
        urgent = await daemon.downloads.change(ids[2], ChangeDownload(priority=5))
        assert (urgent.position, urgent.priority) == (1, 5)
        line = [item.id for item in (await daemon.downloads.list((DownloadState.QUEUED,), 9, None)).items]
        assert line == [ids[2], ids[4], ids[3], ids[1]]
        with pytest.raises(Conflict):
            await daemon.downloads.change(ids[0], ChangeDownload(position=1))
        await daemon.downloads.cancel(ids[0])
        await daemon.until(ids[2], DownloadState.ACTIVE)


async def test_those_that_one_passes_in_the_line_are_told_of_their_new_places(home: Home) -> None:
    home.max_active = 1
    async with home.daemon() as daemon:
        ids = await pulled(daemon)
        await daemon.downloads.pause_all()
        told: dict[str, int] = {}
        daemon.bus.observe(lambda kind, id_, value: told.update({id_: value.position}))
        for position in (5, 2):
            told.clear()
            await daemon.downloads.change(ids[0], ChangeDownload(position=position))
            line = (await daemon.downloads.list((DownloadState.PAUSED,), 9, None)).items
            assert line[position - 1].id == ids[0]
            places = {item.id: item.position for item in line}
            assert told == {id_: place for id_, place in places.items() if position == 5 or place > 1}
        told.clear()
        await daemon.downloads.change(ids[0], ChangeDownload(position=2))
        assert told == {ids[0]: 2}


async def test_pause_all_and_resume_all(home: Home) -> None:
    async with home.daemon() as daemon:
        ids = await pulled(daemon)
        await daemon.until(ids[1], DownloadState.ACTIVE)
        assert await daemon.downloads.pause_all() == 5
        assert set((await states(daemon)).values()) == {DownloadState.PAUSED}
        assert await daemon.downloads.resume_all() == 5
        for id_ in ids:
            assert (await daemon.until(id_)).state is DownloadState.COMPLETED


async def test_state_events_carry_the_whole_value_and_gauges_never_fall(home: Home) -> None:
    async with home.daemon() as daemon:
        subscription = daemon.bus.subscribe(("downloads",))
        (id_,) = await pulled(daemon, 1)
        seen: list[str] = []
        done: list[int] = []
        began = time.monotonic()
        etas: list[float | None] = []
        while "completed" not in seen:
            batch = await subscription.take(within_s=5)
            for event in batch.events:
                value = msgspec.json.decode(event.data)
                assert value["id"] == id_
                seen.append(value["state"])
            for kind, data in batch.gauges:
                assert kind == "download.progress"
                gauge = msgspec.json.decode(data)
                done.append(gauge["done_bytes"])
                etas.append(gauge["eta_s"])
        assert seen == ["queued", "active", "verifying", "installing", "completed"]
        assert done == sorted(done)
        assert 3 <= len(done) <= (time.monotonic() - began) * 10 + 2
        assert etas[0] is None
        daemon.bus.unsubscribe(subscription)


async def test_the_worker_goes_when_idle_and_ends_with_its_pipe(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with home.daemon() as daemon:
        monkeypatch.setattr(daemon.downloads._worker, "_idle_s", 0.2)
        assert daemon.downloads.worker_pid is None, "nothing to do, no process"
        (id_,) = await pulled(daemon, 1)
        await daemon.until(id_, DownloadState.ACTIVE, past=1)
        pid = daemon.downloads.worker_pid
        assert pid is not None
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
        await daemon.until(id_)
        async with asyncio.timeout(30):
            while daemon.downloads.worker_pid is not None:
                await asyncio.sleep(0.02)
            while True:
                try:
                    os.kill(pid, 0)
                except ProcessLookupError:
                    break
                await asyncio.sleep(0.02)
    assert process.IDLE_S == 10
