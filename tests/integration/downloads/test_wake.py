"""What waits for the network or the storage goes on by itself when it is back; what an origin told to wait
does not."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhubd.downloads import scheduler
from modelhubd.downloads.plan import Backoff
from modelhubd.wire.catalog import OptionFile
from modelhubd.wire.downloads import ChangeLimits, DownloadState
from tests.fakes.download_home import Home, option_of
from tests.fakes.origin import Origin, Step, sha256

SIZE = 2_000_000
PATIENT = Backoff(first_s=600, most_s=600, storage_s=600)
"""Nothing is tried again by itself within a test."""


def offer(home: Home, origin: Origin, name: str, *steps: Step) -> None:
    url = origin.serve(f"/wake/{name}.gguf", SIZE, *steps)
    file = OptionFile(name="tiny.gguf", size_bytes=SIZE, sha256=sha256(1, SIZE), urls=(url,))
    home.offer("acme/tiny", option_of(file))


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "STORAGE_LOOK_S", 0.05)


@pytest.mark.usefixtures("quick_looks")
async def test_a_models_directory_that_comes_back_is_noticed(home: Home, origin: Origin) -> None:
    offer(home, origin, "unplugged", {"rate": 1_000_000})
    home.backoff = PATIENT
    away = home.models_dir.with_name("unplugged")
    async with home.daemon() as daemon:
        made = await daemon.pull()
        half = await daemon.until(made.id, DownloadState.ACTIVE, past=100_000)
        home.models_dir.rename(away)
        waiting = await daemon.until(made.id, DownloadState.WAITING)
        assert waiting.error is not None and waiting.error.code == "storage_offline"
        await asyncio.sleep(0.5)
        still = await daemon.until(made.id, DownloadState.WAITING)
        assert (still.attempts, still.error) == (0, waiting.error)
        away.rename(home.models_dir)
        ended = await daemon.until(made.id)
        assert ended.state is DownloadState.COMPLETED, ended.error
        assert ended.progress.done_bytes >= half.progress.done_bytes


@pytest.fixture
def tmpfs(home: Home) -> Iterator[Path]:
    """The models directory on a file system of its own, which can be made read-only."""
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("mounting a file system needs the right to do so")
    command = [mount, "-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", str(home.models_dir)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield home.models_dir
    finally:
        subprocess.run(["umount", "-l", str(home.models_dir)], check=True)


def remount(path: Path, how: str) -> bool:
    return subprocess.run(["mount", "-o", f"remount,{how}", str(path)], capture_output=True).returncode == 0


@pytest.mark.usefixtures("quick_looks")
async def test_a_file_system_that_turned_read_only_is_waited_for(
    home: Home, origin: Origin, tmpfs: Path
) -> None:
    offer(home, origin, "read-only", {"rate": 1_000_000})
    home.backoff = PATIENT
    async with home.daemon() as daemon:
        made = await daemon.pull()
        await daemon.until(made.id, DownloadState.ACTIVE, past=100_000)
        await daemon.downloads.pause(made.id)
        assert remount(tmpfs, "ro")
        await daemon.downloads.resume(made.id)
        waiting = await daemon.until(made.id, DownloadState.WAITING)
        assert waiting.error is not None and waiting.error.code == "storage_offline"
        assert waiting.held_bytes > 100_000, "nothing is lost"
        await asyncio.sleep(0.5)
        assert (await daemon.downloads.get(made.id)).state is DownloadState.WAITING
        assert remount(tmpfs, "rw")
        assert (await daemon.until(made.id)).state is DownloadState.COMPLETED


async def test_another_network_does_not_hurry_an_origin_that_said_when(home: Home, origin: Origin) -> None:
    offer(home, origin, "later", {"status": 503, "fields": {"Retry-After": "300"}}, {})
    async with home.daemon() as daemon:
        made = await daemon.pull()
        waiting = await daemon.until(made.id, DownloadState.WAITING)
        await daemon.downloads.network_changed()
        await asyncio.sleep(0.3)
        assert (await daemon.downloads.get(made.id)) == waiting
        await daemon.downloads.pause(made.id)
        await daemon.downloads.resume(made.id)
        assert (await daemon.until(made.id)).state is DownloadState.COMPLETED, "a person may hurry"


async def test_thousands_that_wait_for_the_network_are_woken_at_once(home: Home, origin: Origin) -> None:
    offer(home, origin, "offline")
    home.online = lambda: False
    home.max_active = 1
    async with home.daemon() as daemon:
        async with daemon.database.transaction() as tx:
            await tx.execute_many(
                "INSERT INTO download (id, model, version, option, format, state, priority, rank,"
                " next_retry_at, waits_for, created_at, updated_at) VALUES (?, ?, 1, 'o', 'gguf', 'waiting',"
                " 0, ?, '2999-01-01T00:00:00.000Z', 'network', '', '')",
                [(f"{number:016x}", f"acme/m{number}", float(number)) for number in range(3000)],
            )
        subscription = daemon.bus.subscribe(("downloads",))
        await daemon.downloads.network_changed()
        assert (await subscription.take(within_s=5)).lagged
        rows = await daemon.database.reader.fetch_all("SELECT 1 FROM download WHERE waits_for = 'network'")
        assert len(rows) <= 1, "one may have been tried already"


async def test_what_runs_is_never_more_than_allowed_while_limits_change(home: Home, origin: Origin) -> None:
    for number in range(8):
        url = origin.serve(f"/wake/many{number}.gguf", SIZE, {"rate": 2_000_000})
        file = OptionFile(name="tiny.gguf", size_bytes=SIZE, sha256=sha256(1, SIZE), urls=(url,))
        home.offer(f"acme/many{number}", option_of(file))
    async with home.daemon() as daemon:
        ids = [(await daemon.pull(f"acme/many{number}")).id for number in range(8)]
        for allowed in (4, 1, 3, 2):
            await daemon.downloads.limiter.change(ChangeLimits(max_active=allowed))
            async with asyncio.timeout(20):
                while len(daemon.downloads.scheduler._work) > allowed:
                    await asyncio.sleep(0.01)
            assert (await daemon.downloads.summary()).active <= allowed
        for id_ in ids:
            assert (await daemon.until(id_, within_s=60)).state is DownloadState.COMPLETED
