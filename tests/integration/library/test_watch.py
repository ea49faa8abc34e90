"""The models directory is watched: what others do in it is seen within about a second."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelhubd.errors import CannotStart
from modelhubd.library import looking, scan
from modelhubd.library.watch import watch
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.tasks import TaskOwner
from tests.integration.library.test_outside import refer
from tests.integration.library.world import World, becomes, world_in

TINY = "acme/tiny/1/gguf/tiny.gguf"
SOON_S = 10.0
"""About a second, and what a very busy machine adds."""


@pytest.fixture
async def tasks() -> AsyncIterator[TaskOwner]:
    async with TaskOwner("test") as owner:
        yield owner


async def test_files_put_in_place_by_hand_appear(world: World, tasks: TaskOwner) -> None:
    world.know("acme/tiny", gguf={"tiny.gguf": b"model"})
    await world.library.start(tasks)
    await asyncio.sleep(1)
    path = world.write(TINY)
    assert await becomes(world.states, {"gguf": "ok"}) < SOON_S
    path.unlink()
    assert await becomes(world.states, {"gguf": "missing"}) < SOON_S


async def test_what_happens_before_the_watch_has_begun_is_looked_at(tmp_path: Path) -> None:
    """Between the first look and the start of the watch nobody tells."""
    looks = 0

    async def look(_changed: frozenset[str] | None) -> frozenset[str]:
        nonlocal looks
        looks += 1
        return frozenset({""})

    async with TaskOwner("test") as owner:
        owner.start(watch(tmp_path, look, again=asyncio.Event()), name="watch")
        await becomes(lambda: looks, 2)
        await asyncio.sleep(2)
    assert looks == 2, "and then not again without a change"


async def test_a_folder_that_vanishes_before_it_is_watched_stops_nothing(tmp_path: Path) -> None:
    folders = {"", "gone"}

    async def look(_changed: frozenset[str] | None) -> frozenset[str]:
        return frozenset(folders)

    async with TaskOwner("test") as owner:
        task = owner.start(watch(tmp_path, look, again=asyncio.Event()), name="watch")
        await asyncio.sleep(0.3)
        folders.remove("gone")
        await asyncio.sleep(1.2)
        assert not task.done()


async def test_files_that_go_and_come_back_are_seen(world: World, tasks: TaskOwner) -> None:
    await world.install()
    await world.library.start(tasks)
    await asyncio.sleep(1)
    aside = world.models.parent / "aside"
    (world.models / TINY).rename(aside)
    assert await becomes(world.states, {"gguf": "missing"}) < SOON_S
    aside.rename(world.models / TINY)
    assert await becomes(world.states, {"gguf": "ok"}) < SOON_S
    world.write(TINY, b"cut")
    assert await becomes(world.states, {"gguf": "damaged"}) < SOON_S
    shutil.rmtree(world.models / "acme")
    assert await becomes(world.states, {"gguf": "missing"}) < SOON_S
    world.write(TINY)
    assert await becomes(world.states, {"gguf": "ok"}) < SOON_S


async def test_nothing_is_read_again_for_a_name_that_changes(
    world: World, tasks: TaskOwner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the file itself, of its folder and of one beside it."""
    artifact = await world.install(files={"tiny.gguf": b"model", "beside.gguf": b"another"})
    await world.library.start(tasks)
    await asyncio.sleep(1)
    opened: list[str] = []
    plain = ConfinedRoot.open

    def noted(self: ConfinedRoot, relative: str, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
        opened.append(relative)
        return plain(self, relative, flags, mode)

    monkeypatch.setattr(ConfinedRoot, "open", noted)
    folder = world.models / "acme/tiny/1/gguf"
    for name, changed in ((folder / "tiny.gguf", folder / "other.gguf"), (folder, folder.with_name("more"))):
        name.rename(changed)
        assert await becomes(world.states, {"gguf": "missing"}) < SOON_S
        changed.rename(name)
        assert await becomes(world.states, {"gguf": "ok"}) < SOON_S
    assert (await world.library.get(artifact.id)).verified_at == artifact.verified_at
    assert opened == []


async def test_a_drive_that_is_pulled_and_plugged_in_again_is_seen(world: World, tasks: TaskOwner) -> None:
    await world.install()
    await world.library.start(tasks)
    await asyncio.sleep(1)
    world.models.rename(world.models.with_name("away"))
    assert await becomes(world.states, {"gguf": "offline"}) < SOON_S
    world.models.with_name("away").rename(world.models)
    assert await becomes(world.states, {"gguf": "ok"}) < SOON_S


async def test_a_drive_whose_change_no_watch_tells_is_seen(tmp_path: Path) -> None:
    """As with a mount: nothing happens inside the folder, its path leads elsewhere."""
    drive, away = tmp_path / "drive", tmp_path / "away"
    drive.mkdir()
    async with world_in(tmp_path, drive / "models") as world, TaskOwner("watch") as owner:
        await world.install()
        await world.library.start(owner)
        await asyncio.sleep(1.5)
        drive.rename(away)
        (drive / "models").mkdir(parents=True)
        assert await becomes(world.states, {"gguf": "offline"}) < SOON_S
        assert list((drive / "models").iterdir()) == []
        (drive / "models").rmdir()
        drive.rmdir()
        away.rename(drive)
        assert await becomes(world.states, {"gguf": "ok"}) < SOON_S


async def test_a_daemon_that_starts_without_the_drive_waits_for_it(world: World, tasks: TaskOwner) -> None:
    await world.install()
    world.models.rename(world.models.with_name("away"))
    await world.library.start(tasks)
    await becomes(world.states, {"gguf": "offline"})
    assert not world.models.exists(), "nothing is put where a drive belongs"
    world.models.with_name("away").rename(world.models)
    assert await becomes(world.states, {"gguf": "ok"}) < SOON_S


async def test_what_changed_while_the_daemon_was_down_is_seen_at_its_start(
    world: World, tasks: TaskOwner
) -> None:
    await world.install()
    await world.library.scan()
    (world.models / TINY).unlink()
    await world.library.start(tasks)
    await becomes(world.states, {"gguf": "missing"})


async def test_our_own_installs_and_removals_cause_no_further_event(world: World, tasks: TaskOwner) -> None:
    await world.library.start(tasks)
    await asyncio.sleep(1)
    artifact = await world.install()
    await asyncio.sleep(1.5)
    assert await world.told() == [("library.added", artifact.id)]
    await world.library.remove(artifact.id)
    await asyncio.sleep(1.5)
    assert await world.told() == [("library.removed", artifact.id)]


async def test_bytes_being_staged_are_not_looked_at(
    world: World, tasks: TaskOwner, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    look = scan.look

    def counted(root: ConfinedRoot) -> scan.Sight:
        nonlocal looks
        looks += 1
        return look(root)

    world.write(".staging/1/part", b"")
    monkeypatch.setattr(looking, "look", counted)
    await world.library.start(tasks)
    await becomes(lambda: looks, 2)
    await asyncio.sleep(1)
    before = looks
    for number in range(15):
        world.write(".staging/1/part", b"x" * number)
        await asyncio.sleep(0.1)
    assert looks == before


async def test_a_planted_link_has_nobody_watch_what_it_points_to(
    world: World, tasks: TaskOwner, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = world.models.parent / "outside"
    outside.mkdir()
    (world.models / "acme").symlink_to(outside)
    await world.library.start(tasks)
    await asyncio.sleep(1)
    watched = [
        line for pid in ["self"] for line in inotify_inodes(pid) if line == f"{outside.stat().st_ino:x}"
    ]
    assert watched == []


def inotify_inodes(pid: str) -> list[str]:
    """Inode numbers, in hex, that this process watches (Linux; elsewhere none can be told)."""
    found = []
    folder = f"/proc/{pid}/fdinfo"
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        try:
            with open(f"{folder}/{name}") as file:
                lines = file.readlines()
        except OSError:
            continue
        found += [line.split("ino:")[1].split()[0] for line in lines if line.startswith("inotify ")]
    return found


async def test_a_catalog_that_learnt_of_files_has_them_looked_at_again(
    world: World, tasks: TaskOwner
) -> None:
    world.write(TINY)
    await world.library.start(tasks)
    await asyncio.sleep(1)
    world.know("acme/tiny", gguf={"tiny.gguf": b"model"})
    world.library.look_again()
    assert await becomes(world.states, {"gguf": "ok"}) < SOON_S


async def test_the_models_directory_is_made_for_its_user_alone(world: World, tasks: TaskOwner) -> None:
    world.models.rmdir()
    await world.library.start(tasks)
    assert world.models.stat().st_mode & 0o777 == 0o700


async def test_a_models_directory_that_others_can_write_stops_the_start(
    world: World, tasks: TaskOwner
) -> None:
    world.models.chmod(0o777)
    with pytest.raises(CannotStart, match="chmod o-w"):
        await world.library.start(tasks)


async def test_a_change_has_only_its_own_folder_looked_at(
    world: World, tasks: TaskOwner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many files there are elsewhere."""
    for number in range(3):
        await world.install(f"acme/m{number}")
    await world.library.start(tasks)
    await asyncio.sleep(1.5)
    whole: list[object] = []
    listed: list[str] = []
    real_look, real_listing = scan.look, ConfinedRoot.listing

    def look(root: ConfinedRoot) -> scan.Sight:
        whole.append(root)
        return real_look(root)

    def listing(root: ConfinedRoot, relative: str = "") -> list[tuple[str, os.stat_result]]:
        listed.append(relative)
        return real_listing(root, relative)

    monkeypatch.setattr(looking, "look", look)
    monkeypatch.setattr(ConfinedRoot, "listing", listing)
    path = world.models / "acme/m1/1/gguf/tiny.gguf"

    async def state() -> str:
        return (await world.library.list(q="acme/m1")).items[0].state.value

    path.write_bytes(b"cut")
    assert await becomes(state, "damaged") < SOON_S
    path.rename(path.with_name("renamed"))
    assert await becomes(state, "missing") < SOON_S
    assert whole == []
    assert set(listed) == {"acme/m1/1/gguf"}


async def test_files_outside_are_watched_where_they_are(
    world: World, tasks: TaskOwner, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "tiny.gguf").write_bytes(b"model")
    await world.library.start(tasks)
    await asyncio.sleep(1)
    await refer(world, {"tiny.gguf": theirs / "tiny.gguf"})
    await asyncio.sleep(1.5)
    (theirs / "tiny.gguf").rename(theirs / "aside")
    assert await becomes(world.states, {"gguf": "missing"}) < SOON_S
    (theirs / "aside").rename(theirs / "tiny.gguf")
    assert await becomes(world.states, {"gguf": "ok"}) < SOON_S


async def test_where_nothing_is_told_everything_is_looked_at_again(tmp_path: Path) -> None:
    looks: list[object] = []

    async def look(changed: frozenset[str] | None) -> frozenset[str]:
        looks.append(changed)
        return frozenset({""})

    again = asyncio.Event()
    async with TaskOwner("test") as owner:
        owner.start(watch(tmp_path, look, again=again, tells=lambda _: False, rescan_s=0.05), name="watch")
        await becomes(lambda: len(looks) > 2, True)
    assert set(looks) == {None}
    async with TaskOwner("test") as owner:
        owner.start(watch(tmp_path, look, again=again, tells=lambda _: False, rescan_s=600), name="watch")
        await asyncio.sleep(0.2)
        count = len(looks)
        again.set()
        await becomes(lambda: len(looks) > count, True)
