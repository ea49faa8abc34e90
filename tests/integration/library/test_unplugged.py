"""A drive that is pulled out before and in the middle of a removal and of a scrub: nothing is lost, no row
goes while its files are elsewhere, and what was begun comes to its end when the drive is back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from modelhubd.errors import Conflict
from modelhubd.library import integrity_store
from modelhubd.library.examining import Examination
from modelhubd.library.pieces import PIECE_BYTES
from modelhubd.library.scrub import Scrub
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.tasks import TaskOwner
from tests.disks import Disk, disk_of
from tests.integration.library.world import NOW, World, becomes, world_in

FILES = {"a.gguf": b"one", "b.gguf": b"two"}
FOLDER = "acme/tiny/1/gguf"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with disk_of("tmpfs", tmp_path / "models") as made:
        made.folder.chmod(0o700)
        yield made


@pytest.fixture
async def world(disk: Disk, tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path) as made:
        await made.library.scan()  # leaves its marker
        yield made


async def states(world: World) -> list[str]:
    return [str(item.state) for item in await world.library.all()]


async def test_what_was_pulled_out_a_moment_ago_is_not_removed(world: World, disk: Disk) -> None:
    """Nobody has looked since: the row still says that all is well."""
    artifact = await world.install(files=FILES)
    disk.unplug()
    with pytest.raises(Conflict) as refused:
        await world.library.remove(artifact.id)
    assert refused.value.code == "storage_offline"
    assert [item.id for item in await world.library.all()] == [artifact.id]
    disk.plug_in()
    await world.library._look()
    assert await states(world) == ["ok"]
    await world.library.remove(artifact.id)
    assert not (disk.folder / FOLDER).exists()


async def test_what_was_asked_for_in_the_moment_it_was_away_is_seen_when_it_is_back(
    world: World, disk: Disk
) -> None:
    """Who watches sees the same folder before and after."""
    artifact = await world.install(files=FILES)
    async with TaskOwner("test") as tasks:
        await world.library.start(tasks)
        for _ in range(3):
            await asyncio.sleep(1)  # until all that was to be looked at is
            disk.unplug()
            with pytest.raises(Conflict) as refused:
                await world.library.resolve(artifact.id)
            assert refused.value.code == "storage_offline"
            disk.plug_in()
            await becomes(lambda: states(world), ["ok"])


async def test_a_removal_in_whose_middle_it_is_pulled_out_is_finished_when_it_is_back(
    world: World, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = await world.install(files=FILES)
    other = await world.install(version=2)
    unlink = ConfinedRoot.unlink

    def unplugged(self: ConfinedRoot, relative: str) -> None:
        unlink(self, relative)
        disk.unplug()

    with monkeypatch.context() as patch:
        patch.setattr(ConfinedRoot, "unlink", unplugged)
        with pytest.raises(Conflict) as refused:
            await world.library.remove(artifact.id)
    assert refused.value.code == "storage_offline"
    await world.library._look()
    assert await states(world) == ["offline"], "the one that stays"
    async with world.library.still():
        pass  # a move of the models directory begins so: the removal waits
    disk.plug_in()
    assert (disk.folder / FOLDER / "b.gguf").exists()
    await world.library._look()
    assert [item.id for item in await world.library.all()] == [other.id]
    assert not (disk.folder / FOLDER).exists()
    assert await states(world) == ["ok"]


async def test_a_scrub_in_whose_middle_it_is_pulled_out_damages_nothing(
    world: World, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = await world.install(files={"a.gguf": bytes(PIECE_BYTES + 5)})
    step, steps = Examination.step, 0

    def unplugged(self: Examination) -> int:
        nonlocal steps
        read = step(self)
        steps += 1
        if steps == 1:
            self.rest()  # as it does while somebody needs the machine
            disk.unplug()
        return read

    scrub = Scrub(
        world.database,
        world.library.root,
        world.library.integrity,
        every=timedelta(days=7),
        bytes_per_s=1 << 40,
        is_idle=lambda: asyncio.sleep(0, True),
        clock=lambda: NOW,
    )
    with monkeypatch.context() as patch:
        patch.setattr(Examination, "step", unplugged)
        with pytest.raises(FileNotFoundError):
            await scrub.one()
    await world.library._look()
    assert await states(world) == ["offline"]
    disk.plug_in()
    await world.library._look()
    (back,) = await world.library.all()
    assert (back.state, back.verified_at) == ("ok", artifact.verified_at)
    while not await scrub.one():
        pass  # those that were passed by are due again
    assert await integrity_store.with_pieces(world.database.reader) == {artifact.files[0].sha256}
    assert await states(world) == ["ok"]
