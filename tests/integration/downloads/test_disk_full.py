"""A real full disk: a small tmpfs that holds the models and the database."""

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhubd.errors import NoSpace
from modelhubd.wire.catalog import OptionFile
from modelhubd.wire.downloads import DownloadState
from tests.fakes.download_home import Home, option_of
from tests.fakes.origin import Origin, sha256

MB = 1_000_000
DISK = 24 * MB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a tmpfs needs root and the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def offer(home: Home, origin: Origin, model: str, size: int, told: bool, rate: int = 0) -> None:
    url = origin.serve(f"/disk/{model}.gguf", size, {"rate": rate} if rate else {})
    file = OptionFile(
        name="tiny.gguf", size_bytes=size if told else None, sha256=sha256(1, size), urls=(url,)
    )
    home.offer(model, option_of(file))


def free(disk: Path) -> int:
    facts = os.statvfs(disk)
    return facts.f_bavail * facts.f_frsize


async def test_a_disk_that_fills_midway_fails_the_download_and_gives_its_space_back(
    disk: Path, origin: Origin
) -> None:
    home = Home(folder=disk, allow_origins=(origin.url,))
    offer(home, origin, "acme/large", 18 * MB, told=True, rate=12 * MB)
    offer(home, origin, "acme/small", 2 * MB, told=True)
    async with home.daemon() as daemon:
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            created = await daemon.pull("acme/large")
            await daemon.until(created.id, DownloadState.ACTIVE, past=6 * MB)
            while True:
                file.write(b"x" * 65536)
        ended = await daemon.until(created.id)
        assert ended.state is DownloadState.FAILED
        assert ended.error is not None and ended.error.code == "disk_full", ended.error
        filled = free(disk)
        assert filled > 5 * MB, "the space is given back although the filler stays"
        # The daemon and its database go on.
        small = await daemon.pull("acme/small")
        assert (await daemon.until(small.id)).state is DownloadState.COMPLETED
        filler.unlink()
        await daemon.downloads.retry(created.id)
        assert (await daemon.until(created.id)).state is DownloadState.COMPLETED


async def test_a_write_to_a_database_on_a_full_disk_tells_so_and_it_goes_on_afterwards(disk: Path) -> None:
    async with Home(folder=disk).daemon() as daemon:
        filler = disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 65536)
        with pytest.raises(sqlite3.OperationalError, match="full"):
            async with daemon.database.transaction() as tx:
                await tx.execute("INSERT INTO setting VALUES ('large', hex(zeroblob(4000000)))")
        filler.unlink()
        async with daemon.database.transaction() as tx:
            await tx.execute("INSERT INTO setting VALUES ('small', '1')")
        assert await daemon.database.reader.fetch_one("SELECT 1 FROM setting WHERE key = 'large'") is None


async def test_a_file_of_unknown_size_is_stopped_before_the_disk_is_full(disk: Path, origin: Origin) -> None:
    home = Home(folder=disk, allow_origins=(origin.url,), reserve_bytes=4 * MB)
    url = origin.serve(
        "/disk/endless.gguf", 2 * MB, {"chunked": True, "ranges": False, "endless_body": True, "rate": 0}
    )
    home.offer("acme/endless", option_of(OptionFile(name="tiny.gguf", sha256="0" * 64, urls=(url,))))
    async with home.daemon() as daemon:
        ended = await daemon.until((await daemon.pull("acme/endless")).id)
        assert ended.error is not None and ended.error.code == "disk_full"
        assert free(disk) > 20 * MB


async def test_what_is_promised_to_others_counts_before_the_start(disk: Path, origin: Origin) -> None:
    home = Home(folder=disk, allow_origins=(origin.url,), reserve_bytes=MB)
    offer(home, origin, "acme/one", 12 * MB, told=True, rate=MB)
    offer(home, origin, "acme/two", 12 * MB, told=True)
    async with home.daemon() as daemon:
        created = await daemon.pull("acme/one")
        with pytest.raises(NoSpace, match=r"need 12.0 MB.*other downloads.*1.00 MB are kept in reserve"):
            await daemon.pull("acme/two")
        await daemon.downloads.cancel(created.id)
        assert (await daemon.until((await daemon.pull("acme/two")).id)).state is DownloadState.COMPLETED


async def test_a_read_only_models_directory_is_waited_for(disk: Path, origin: Origin, tmp_path: Path) -> None:
    home = Home(folder=tmp_path, allow_origins=(origin.url,))
    home.models_dir = disk
    offer(home, origin, "acme/small", 6 * MB, told=True, rate=6 * MB)
    async with home.daemon() as daemon:
        created = await daemon.pull("acme/small")
        await daemon.until(created.id, DownloadState.ACTIVE, past=MB)
        await daemon.downloads.pause(created.id)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        await daemon.downloads.resume(created.id)
        waiting = await daemon.until(created.id, DownloadState.WAITING)
        assert waiting.error is not None and waiting.error.code == "storage_offline"
        assert waiting.attempts == 0
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        ended = await daemon.until(created.id)
        assert ended.state is DownloadState.COMPLETED, ended.error
    assert origin.requests("/disk/acme/small.gguf")[-1]["fields"]["range"] != "bytes=0-"


async def test_what_has_become_too_much_since_it_was_asked_for_is_not_begun(
    disk: Path, origin: Origin
) -> None:
    home = Home(folder=disk, allow_origins=(origin.url,), reserve_bytes=4 * MB, max_active=1)
    offer(home, origin, "acme/first", 2 * MB, told=True, rate=MB)
    offer(home, origin, "acme/second", 10 * MB, told=True)
    async with home.daemon() as daemon:
        first = await daemon.pull("acme/first")
        second = await daemon.pull("acme/second")
        with (disk / "filler").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free(disk) - 13 * MB)
        assert (await daemon.until(first.id)).state is DownloadState.COMPLETED
        ended = await daemon.until(second.id)
        assert ended.error is not None and ended.error.code == "disk_full", ended
        assert "4.00 MB are kept in reserve" in ended.error.detail, "before anything is fetched of it"
        assert free(disk) > 4 * MB
