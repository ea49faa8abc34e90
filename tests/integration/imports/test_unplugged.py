"""A drive that is pulled out in the middle of the work: nothing is lost, nothing is written to the mount
point that is left, and all is as it was when the drive is back."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from modelhubd.errors import Conflict
from modelhubd.library.jobs import Progress
from modelhubd.library.layout import Key, folder_of
from modelhubd.wire.jobs import Job, JobState
from modelhubd.wire.library import ArtifactState
from tests.disks import Disk, disk_of
from tests.integration.imports.world import World, world_in

FILES = {"tiny-00001-of-00002.gguf": b"one" * 1000, "tiny-00002-of-00002.gguf": b"two" * 1000}
MODEL = "acme/tiny"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with disk_of("tmpfs", tmp_path / "models") as made:
        made.folder.chmod(0o700)
        yield made


@pytest.fixture
async def world(disk: Disk, tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path) as made:
        await made.know(MODEL, q4=FILES)
        yield made


def pull_out(monkeypatch: pytest.MonkeyPatch, disk: Disk, *, at: int) -> None:
    """Unplug the disk when a job tells of bytes for the so manieth time."""
    real, told = Progress.add, 0

    def add(self: Progress, done_bytes: int = 0, done_files: int = 0) -> None:
        nonlocal told
        real(self, done_bytes, done_files)
        told += bool(done_bytes)
        if told == at and done_bytes:
            disk.unplug()

    monkeypatch.setattr(Progress, "add", add)


async def went_away(world: World, job: Job, disk: Disk) -> None:
    ended = await world.ended(job)
    assert (ended.state, ended.error and ended.error.code) == (JobState.FAILED, "storage_offline"), ended
    assert not list(disk.folder.iterdir()), "nothing is written to the mount point"


async def plugged_in(world: World, disk: Disk) -> None:
    disk.plug_in()
    await world.library._look()


@pytest.mark.parametrize("at", [1, 3, 4], ids=["hashing", "the first copy", "the second copy"])
@pytest.mark.parametrize("mode", ["copy", "move"])
async def test_in_the_middle_of_an_import(
    world: World, disk: Disk, monkeypatch: pytest.MonkeyPatch, at: int, mode: str
) -> None:
    for name, content in FILES.items():
        world.source(f"set/{name}", content)
    with monkeypatch.context() as patch:
        pull_out(patch, disk, at=at)
        await went_away(world, await world.start(world.home / "set", mode), disk)
    assert {path.name: path.read_bytes() for path in (world.home / "set").iterdir()} == FILES
    assert await world.artifacts() == {}
    await plugged_in(world, disk)
    assert not (disk.folder / ".importing").exists(), "what was half there is cleared away"
    assert await world.database.reader.fetch_all("SELECT * FROM importing") == []
    (made,) = (await world.bring(world.home / "set", mode)).imported
    assert (await world.library.get(made.library_id)).state is ArtifactState.OK


async def test_in_the_middle_of_a_verification_and_of_a_repair(
    world: World, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in FILES.items():
        world.source(f"set/{name}", content)
    (made,) = (await world.bring(world.home / "set", "copy")).imported
    before = await world.library.get(made.library_id)
    with monkeypatch.context() as patch:
        pull_out(patch, disk, at=1)
        await went_away(world, await world.library.integrity.verify(before.id), disk)
    assert (await world.library.get(before.id)).state is ArtifactState.OFFLINE
    await plugged_in(world, disk)
    after = await world.library.get(before.id)
    assert (after.state, after.verified_at) == (ArtifactState.OK, before.verified_at)
    folder = disk.folder / folder_of(Key(MODEL, 1, "q4"))
    for name in FILES:
        (folder / name).write_bytes(FILES[name][::-1])
        os.utime(folder / name, (10, 10))  # otherwise than when it was checked
    await world.library.scan()
    with monkeypatch.context() as patch:
        pull_out(patch, disk, at=1)
        await went_away(world, await world.library.integrity.repair(before.id), disk)
    await plugged_in(world, disk)
    assert (await world.library.get(before.id)).state in (ArtifactState.OK, ArtifactState.DAMAGED)
    assert {path.name for path in folder.iterdir()} == FILES.keys()


@pytest.mark.parametrize("at", [1, 3], ids=["hashing", "copying"])
@pytest.mark.parametrize("mode", ["copy", "move"])
async def test_the_drive_that_it_is_imported_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, mode: str
) -> None:
    """What is open can be read to its end, or not: it is whole here, or nothing of it is."""
    (tmp_path / "home").mkdir(mode=0o700)
    with disk_of("tmpfs", tmp_path / "home/stick") as stick:
        async with world_in(tmp_path) as world:
            await world.know(MODEL, q4=FILES)
            for name, content in FILES.items():
                world.source(f"stick/{name}", content)
            with monkeypatch.context() as patch:
                pull_out(patch, stick, at=at)
                ended = await world.ended(await world.start(stick.folder, mode))
            assert ended.state is JobState.COMPLETED or (ended.error is not None and ended.error.detail)
            placed = world.models / folder_of(Key(MODEL, 1, "q4"))
            found = {path.name: path.read_bytes() for path in placed.iterdir()} if placed.exists() else {}
            assert found == (FILES if ended.state is JobState.COMPLETED else {})
            assert not (world.models / ".importing").exists()
            stick.plug_in()
            assert {path.name: path.read_bytes() for path in stick.folder.iterdir()} == FILES, "all is there"
            for artifact in (await world.artifacts()).values():
                await world.library.remove(artifact.id)
            await world.bring(stick.folder, mode)


async def test_a_drive_whose_files_are_used_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    with disk_of("tmpfs", tmp_path / "home/stick") as stick:
        async with world_in(tmp_path) as world:
            await world.know(MODEL, q4=FILES)
            for name, content in FILES.items():
                world.source(f"stick/{name}", content)
            (made,) = (await world.bring(stick.folder, "reference")).imported
            before = await world.library.get(made.library_id)
            stick.unplug()
            await world.library._look()
            assert (await world.library.get(before.id)).state is ArtifactState.OFFLINE
            with pytest.raises(Conflict, match="Plug it in"):
                await world.library.integrity.verify(before.id)
            stick.plug_in()
            await world.library._look()
            assert await world.library.get(before.id) == before, "by itself, and nothing is to be read again"
