"""Rows follow the models directory; the models directory never loses a row."""

import asyncio
import os
import shutil

import pytest

from modelhubd.errors import Conflict
from modelhubd.library import looking, scan
from modelhubd.library.layout import MARKER
from modelhubd.storage.confined import ConfinedRoot
from tests.integration.library.world import World

TINY = "acme/tiny/1/gguf/tiny.gguf"


async def test_files_that_the_catalog_knows_become_an_unverified_artifact(world: World) -> None:
    world.know("acme/tiny", gguf={"tiny.gguf": b"model"})
    world.write(TINY)
    result = await world.library.scan()
    assert (result.added, result.changed, result.missing, result.unknown_files) == (1, 0, 0, ())
    (artifact,) = await world.library.all()
    assert (artifact.source, artifact.verified_at) == ("scan", None)
    assert (
        artifact.digest == artifact.files[0].sha256 == world.entries["acme/tiny"].options[0].files[0].sha256
    )
    assert await world.told() == [("library.added", artifact.id)]
    assert world.keys_changed == 1


async def test_a_second_scan_changes_and_tells_nothing(world: World) -> None:
    world.know("acme/tiny", gguf={"tiny.gguf": b"model"})
    world.write(TINY)
    await world.library.scan()
    await world.told()
    result = await world.library.scan()
    assert (result.added, result.changed) == (0, 0)
    assert await world.told() == []


@pytest.mark.parametrize(
    "path",
    [
        "acme/tiny/1/gguf/other.gguf",
        "acme/tiny/2/gguf/tiny.gguf",
        "acme/tiny/1/unknown/tiny.gguf",
        "acme/unknown/1/gguf/tiny.gguf",
        "tiny.gguf",
        "Some Folder/x.bin",
    ],
)
async def test_files_that_belong_to_no_artifact_are_listed(world: World, path: str) -> None:
    world.know("acme/tiny", gguf={"tiny.gguf": b"model"})
    world.write(path)
    result = await world.library.scan()
    assert result.unknown_files == (path,)
    assert await world.library.all() == ()


async def test_a_file_of_another_size_is_not_taken(world: World) -> None:
    world.know("acme/tiny", gguf={"tiny.gguf": b"model"})
    world.write(TINY, b"half")
    assert (await world.library.scan()).unknown_files == (TINY,)


async def test_a_hard_link_and_a_symbolic_link_are_not_taken(world: World) -> None:
    world.know("acme/tiny", gguf={"tiny.gguf": b"model"}, second={"tiny.gguf": b"model"})
    outside = world.models.parent / "outside"
    outside.write_bytes(b"model")
    for option in ("gguf", "second"):
        (world.models / f"acme/tiny/1/{option}").mkdir(parents=True)
    os.link(outside, world.models / TINY)
    (world.models / "acme/tiny/1/second/tiny.gguf").symlink_to(outside)
    assert (await world.library.scan()).unknown_files == (TINY,)
    assert await world.library.all() == ()


async def test_staging_and_dot_folders_are_left_alone(world: World) -> None:
    world.know("acme/tiny", gguf={"tiny.gguf": b"model"})
    world.write(f".staging/{TINY}")
    world.write("acme/tiny/1/gguf/.tiny.gguf.part")
    result = await world.library.scan()
    assert (result.added, result.unknown_files) == (0, ())


async def test_files_that_go_and_come_back_take_their_artifact_with_them(world: World) -> None:
    await world.install()
    (world.models / TINY).rename(world.models.parent / "aside")
    result = await world.library.scan()
    assert (result.changed, result.missing) == (1, 1)
    assert await world.states() == {"gguf": "missing"}
    (world.models.parent / "aside").rename(world.models / TINY)
    assert (await world.library.scan()).changed == 1
    (artifact,) = await world.library.all()
    assert (artifact.state.value, artifact.verified_at) == ("ok", "2026-03-01T11:59:00.000Z")


async def test_a_file_of_the_wrong_size_is_damaged_until_it_is_right_again(world: World) -> None:
    await world.install()
    world.write(TINY, b"cut")
    await world.library.scan()
    assert await world.states() == {"gguf": "damaged"}
    assert await world.library.used_bytes() == 5
    world.write(TINY, b"model")
    await world.library.scan()
    assert await world.states() == {"gguf": "ok"}


async def test_other_bytes_of_the_same_size_are_no_longer_verified(world: World) -> None:
    await world.install()
    path = world.write(TINY, b"MODEL")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert (await world.library.scan()).changed == 1
    (artifact,) = await world.library.all()
    assert (artifact.state.value, artifact.verified_at) == ("ok", None)
    assert (await world.library.scan()).changed == 0


async def test_a_link_in_place_of_the_file_is_not_the_file(world: World) -> None:
    await world.install()
    outside = world.models.parent / "outside"
    outside.write_bytes(b"model")
    (world.models / TINY).unlink()
    (world.models / TINY).symlink_to(outside)
    with pytest.raises(Conflict):
        await world.library.resolve("acme/tiny")
    await world.library.scan()
    assert await world.states() == {"gguf": "missing"}


async def test_a_models_directory_that_is_away_takes_no_row_with_it(world: World) -> None:
    artifact = await world.install()
    await world.told()
    world.models.rename(world.models.with_name("away"))
    await world.library.scan()
    assert await world.states() == {"gguf": "offline"}
    assert await world.told() == [("library.changed", artifact.id)]
    assert await world.library.has("acme/tiny", 1, "gguf"), "nobody should download it again"
    assert await world.library.used_bytes() == 0
    with pytest.raises(Conflict) as refused:
        await world.library.resolve("acme/tiny")
    assert refused.value.code == "storage_offline"
    with pytest.raises(Conflict) as refused:
        await world.library.remove(artifact.id)
    assert refused.value.code == "storage_offline"
    world.models.with_name("away").rename(world.models)
    assert (await world.library.resolve("acme/tiny")).id == artifact.id
    await world.library.scan()
    assert await world.states() == {"gguf": "ok"}


async def test_an_empty_mount_point_is_away_and_not_emptied(world: World) -> None:
    artifact = await world.install()
    await world.library._look()
    drive = world.models.with_name("drive")
    world.models.rename(drive)
    world.models.mkdir()
    await world.library._look()
    assert await world.states() == {"gguf": "offline"}
    assert list(world.models.iterdir()) == [], "the mount point is not written to"
    with pytest.raises(Conflict) as refused:
        await world.library.resolve(artifact.id)
    assert refused.value.code == "storage_offline"
    world.models.rmdir()
    drive.rename(world.models)
    await world.library._look()
    assert await world.states() == {"gguf": "ok"}


async def test_a_directory_that_was_emptied_is_missing_its_artifacts(world: World) -> None:
    await world.install()
    await world.library._look()
    assert (world.models / MARKER).is_file()
    shutil.rmtree(world.models / "acme")
    await world.library._look()
    assert await world.states() == {"gguf": "missing"}


async def test_a_new_directory_is_taken_as_it_is_when_somebody_scans_it(world: World) -> None:
    artifact = await world.install()
    shutil.rmtree(world.models)
    world.models.mkdir()
    await world.library._look()
    assert await world.states() == {"gguf": "offline"}
    result = await world.library.scan()
    assert result.missing == 1
    await world.library._look()
    assert await world.states() == {"gguf": "missing"}
    await world.library.remove(artifact.id)
    assert await world.library.all() == ()


async def test_a_directory_that_others_can_write_is_not_used(world: World) -> None:
    await world.install()
    world.models.chmod(0o777)
    await world.library.scan()
    assert await world.states() == {"gguf": "offline"}
    assert not (world.models / MARKER).exists()
    world.models.chmod(0o755)
    await world.library.scan()
    assert await world.states() == {"gguf": "ok"}


async def test_a_download_that_ends_during_a_scan_is_one_whole_artifact(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.know("acme/tiny", gguf={"tiny.gguf": b"model"})
    loop = asyncio.get_running_loop()
    ended: list[str] = []

    def look_while_a_download_ends(root: ConfinedRoot) -> scan.Sight:
        if not ended:
            ended.append(asyncio.run_coroutine_threadsafe(world.install(), loop).result(timeout=30).id)
        return scan.look(root)

    monkeypatch.setattr(looking, "look", look_while_a_download_ends)
    await world.library._look()
    assert [(item.id, item.source) for item in await world.library.all()] == [(ended[0], "download")]
    assert await world.told() == [("library.added", ended[0])]


async def test_a_removal_that_ends_during_a_scan_stays_removed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.know("acme/tiny", gguf={"tiny.gguf": b"model"})
    artifact = await world.install()
    loop = asyncio.get_running_loop()

    def look_before_a_removal_ends(root: ConfinedRoot) -> scan.Sight:
        sight = scan.look(root)
        asyncio.run_coroutine_threadsafe(world.library.remove(artifact.id), loop).result(timeout=30)
        return sight

    monkeypatch.setattr(looking, "look", look_before_a_removal_ends)
    await world.library._look()
    assert await world.library.all() == ()
    assert await world.told() == [("library.added", artifact.id), ("library.removed", artifact.id)]


async def test_a_download_of_files_that_a_scan_took_is_one_artifact(world: World) -> None:
    world.know("acme/tiny", gguf={"tiny.gguf": b"model"})
    world.write(TINY)
    await world.library.scan()
    artifact = await world.install()
    assert [item.id for item in await world.library.all()] == [artifact.id]
    assert artifact.source == "download" and artifact.verified_at
