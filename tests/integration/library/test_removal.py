"""Removing deletes the files of the row and nothing else, at whatever moment it is cut short."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from modelhubd.errors import Conflict, NotFound
from modelhubd.library.layout import MARKER
from tests.integration.library.world import World, world_in

FOLDER = "acme/tiny/1/gguf"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    (tmp_path / "models").mkdir(mode=0o700)
    async with world_in(tmp_path) as made:
        await made.library.scan()  # leaves its marker, as a daemon does at its start
        yield made


def left_in(models: Path) -> list[str]:
    """But for the marker."""
    found = sorted(path.relative_to(models).as_posix() for path in models.rglob("*"))
    return [path for path in found if path != MARKER]


async def test_removing_deletes_the_files_and_the_folders_that_are_empty_then(world: World) -> None:
    artifact = await world.install(files={"a.gguf": b"1", "sub/b.gguf": b"2"})
    await world.install(version=2)
    await world.told()
    removed = await world.library.remove(artifact.id)
    assert removed.left_files == ()
    assert left_in(world.models) == [
        "acme",
        "acme/tiny",
        "acme/tiny/2",
        "acme/tiny/2/gguf",
        "acme/tiny/2/gguf/tiny.gguf",
    ]
    assert await world.told() == [("library.removed", artifact.id)]
    with pytest.raises(NotFound):
        await world.library.get(artifact.id)


async def test_the_last_one_leaves_an_empty_models_directory(world: World) -> None:
    artifact = await world.install()
    await world.library.remove(artifact.id)
    assert left_in(world.models) == []
    assert world.models.is_dir()
    assert world.keys_changed == 2


async def test_another_artifact_takes_the_name_over_and_says_so(world: World) -> None:
    old = await world.install(version=1)
    new = await world.install(version=2)
    await world.told()
    await world.library.remove(new.id)
    assert await world.told() == [("library.removed", new.id), ("library.changed", old.id)]
    assert (await world.library.resolve("acme/tiny")).id == old.id


async def test_removing_the_one_made_active_by_hand_frees_the_name(world: World) -> None:
    old = await world.install(version=1)
    new = await world.install(version=2)
    await world.library.set_active("acme/tiny", old.id)
    await world.library.remove(old.id)
    assert (await world.library.resolve("acme/tiny")).id == new.id


async def test_what_a_job_works_on_is_not_removed(world: World) -> None:
    artifact = await world.install()
    job = await world.library.integrity.verify(artifact.id)
    with pytest.raises(Conflict, match=f"worked on by job {job.id} \\(verify\\)") as refused:
        await world.library.remove(artifact.id)
    assert refused.value.code == "job_under_way"
    assert await world.jobs.ended(job.id, within_s=20)
    assert (await world.library.remove(artifact.id)).left_files == ()


async def test_files_of_others_are_left_and_named(world: World) -> None:
    artifact = await world.install()
    world.write(f"{FOLDER}/notes/mine.txt")
    world.write(f"{FOLDER}/.DS_Store")
    removed = await world.library.remove(artifact.id)
    assert removed.left_files == (".DS_Store", "notes/mine.txt")
    assert f"{FOLDER}/notes/mine.txt" in left_in(world.models)
    assert f"{FOLDER}/tiny.gguf" not in left_in(world.models)


async def test_what_is_loaded_is_not_removed(world: World) -> None:
    artifact = await world.install()
    world.loaded[artifact.id] = ("5e1f", "77aa")
    with pytest.raises(Conflict, match="5e1f, 77aa") as refused:
        await world.library.remove(artifact.id)
    assert refused.value.code == "loaded"
    assert (await world.library.resolve("acme/tiny")).id == artifact.id


async def test_what_is_gone_already_is_forgotten(world: World) -> None:
    artifact = await world.install(files={"a.gguf": b"1", "b.gguf": b"2"})
    (world.models / FOLDER / "a.gguf").unlink()
    await world.library.scan()
    await world.library.remove(artifact.id)
    assert left_in(world.models) == []
    assert await world.library.all() == ()


async def test_two_removals_at_once_are_one(world: World) -> None:
    artifact = await world.install()
    outcomes = await asyncio.gather(
        *(world.library.remove(artifact.id) for _ in range(3)), return_exceptions=True
    )
    assert [isinstance(outcome, NotFound) for outcome in outcomes] == [False, True, True]


@pytest.mark.parametrize("level", ["acme", "acme/tiny", "acme/tiny/1", FOLDER])
async def test_a_planted_link_leads_a_removal_nowhere(world: World, level: str) -> None:
    artifact = await world.install()
    outside = world.models.parent / "outside"
    (world.models / level).rename(outside)
    (world.models / level).symlink_to(outside)
    before = left_in(outside)
    with pytest.raises(Conflict, match="link") as refused:
        await world.library.remove(artifact.id)
    assert refused.value.code == "cannot_remove"
    assert left_in(outside) == before
    assert str(world.models) not in refused.value.detail
    assert (await world.library.get(artifact.id)).id == artifact.id
    assert [kind for kind, _ in await world.told()] == ["library.added", "library.removed", "library.added"]


async def test_a_link_in_place_of_the_file_goes_and_what_it_points_to_stays(world: World) -> None:
    artifact = await world.install()
    outside = world.models.parent / "outside"
    outside.write_bytes(b"mine")
    (world.models / FOLDER / "tiny.gguf").unlink()
    (world.models / FOLDER / "tiny.gguf").symlink_to(outside)
    await world.library.remove(artifact.id)
    assert outside.read_bytes() == b"mine"
    assert left_in(world.models) == []


async def test_a_folder_in_place_of_the_file_is_left(world: World) -> None:
    artifact = await world.install()
    (world.models / FOLDER / "tiny.gguf").unlink()
    world.write(f"{FOLDER}/tiny.gguf/mine.txt")
    removed = await world.library.remove(artifact.id)
    assert removed.left_files == ("tiny.gguf/mine.txt",)


async def test_a_row_with_a_name_that_leads_out_deletes_nothing_outside(world: World) -> None:
    artifact = await world.install()
    outside = world.models.parent / "outside.gguf"
    outside.write_bytes(b"mine")
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE artifact_file SET name = '../../../../../outside.gguf'")
    with pytest.raises(Conflict):
        await world.library.remove(artifact.id)
    assert outside.read_bytes() == b"mine"


@contextlib.contextmanager
def undeletable(path: Path) -> Iterator[None]:
    """A closed folder around it; root deletes there too, but nobody deletes what something is mounted on."""
    if os.geteuid() == 0:
        subprocess.run(["mount", "--bind", str(path), str(path)], check=True, timeout=10)
        try:
            yield
        finally:
            subprocess.run(["umount", str(path)], check=True, timeout=10)
        return
    path.parent.chmod(0o500)
    try:
        yield
    finally:
        path.parent.chmod(0o700)


async def test_a_file_that_cannot_be_deleted_keeps_its_row(world: World) -> None:
    artifact = await world.install()
    with undeletable(world.models / FOLDER / "tiny.gguf"), pytest.raises(Conflict) as refused:
        await world.library.remove(artifact.id)
    assert refused.value.code == "cannot_remove"
    assert (await world.library.resolve("acme/tiny")).id == artifact.id


REMOVE_AND_DIE = """
import asyncio, os, signal, sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from modelhubd.library import removal
from tests.integration.library.world import world_in

calls = 0
unlink = removal.ConfinedRoot.unlink
def dying(self, path):
    global calls
    if calls == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    calls += 1
    unlink(self, path)
removal.ConfinedRoot.unlink = dying

async def main():
    async with world_in(Path(sys.argv[1])) as world:
        await world.library.remove(sys.argv[3])
asyncio.run(main())
"""


@pytest.mark.parametrize("deleted_before", [0, 1, 2])
async def test_a_removal_cut_short_by_kill_is_finished_and_takes_nothing_else(
    tmp_path: Path, deleted_before: int
) -> None:
    async with world_in(tmp_path) as world:
        artifact = await world.install(files={"a.gguf": b"1", "b.gguf": b"2", "c.gguf": b"3"})
        other = await world.install(option="other")
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", REMOVE_AND_DIE, str(tmp_path), str(deleted_before), artifact.id],
        timeout=30,
        check=False,
    )
    assert killed.returncode == -9
    assert len(list((tmp_path / "models" / FOLDER).iterdir())) == 3 - deleted_before
    async with world_in(tmp_path) as world:
        world.know("acme/tiny", gguf={"a.gguf": b"1", "b.gguf": b"2", "c.gguf": b"3"})
        assert [item.id for item in await world.library.all()] == [other.id], "it is on its way out"
        await world.library._look()
        assert [item.id for item in await world.library.all()] == [other.id]
        assert not (world.models / FOLDER).exists()
        assert (await world.library.resolve(other.id)).state == "ok"


async def test_a_removal_cut_short_waits_while_the_drive_is_away(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        artifact = await world.install()
        async with world.database.transaction() as tx:
            await tx.execute("UPDATE artifact SET removing = 1 WHERE id = ?", (artifact.id,))
        world.models.rename(tmp_path / "away")
        await world.library._look()
        (tmp_path / "away").rename(world.models)
        assert (world.models / FOLDER / "tiny.gguf").exists()
        await world.library._look()
        assert not (world.models / FOLDER).exists()
        assert await world.library.all() == ()
