"""A models directory on a disk that takes `A` and `a` for one name, keeps no owner, has no links and numbers
its files anew each time it is plugged in: exFAT, as it is on most sticks."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from modelhubd.errors import Conflict
from modelhubd.library.layout import MARKER
from modelhubd.space import copying
from modelhubd.space.moving import _last_pass
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.wire.jobs import Job
from tests.disks import Disk, disk_of
from tests.fakes.origin import Origin, body, sha256
from tests.integration.imports.world import World, world_in
from tests.integration.packages.world import until
from tests.running import running_daemon

FILES = {"Tiny-Q4.gguf": b"one" * 1000, "mmproj.gguf": b"two" * 1000}
FOLDER = "acme/tiny/1/q4"
SIZE = 3_000_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with disk_of("exfat", tmp_path / "models") as made:
        (made.folder / "a").touch()
        assert (made.folder / "A").exists(), "letters do not count there"
        (made.folder / "A").unlink()
        yield made


@pytest.fixture
async def world(disk: Disk, tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path) as made:
        await made.know("acme/tiny", q4=FILES)
        for name, content in FILES.items():
            made.source(f"theirs/{name}", content)
        yield made


async def test_a_model_is_the_same_in_other_letters_and_after_the_disk_was_away(
    world: World, disk: Disk
) -> None:
    (made,) = (await world.bring(world.home / "theirs", "copy")).imported
    before = await world.library.get(made.library_id)
    place = world.models / FOLDER
    assert {path.name: path.read_bytes() for path in place.iterdir()} == FILES

    async def is_as_before() -> None:
        now = await world.library.get(before.id)
        assert (now.state, now.verified_at) == ("ok", before.verified_at), "nothing is to be read again"

    (place / "Tiny-Q4.gguf").rename(place / "TINY-q4.GGUF")
    await world.library._look(frozenset({FOLDER}))
    await is_as_before()
    (world.models / "acme").rename(world.models / "ACME")
    result = await world.library.scan()
    assert (result.changed, result.missing, result.unknown_files) == (0, 0, ())
    await is_as_before()
    disk.unplug()
    await world.library._look()
    assert (await world.library.get(before.id)).state == "offline"
    disk.plug_in()
    await world.library._look()
    await is_as_before()
    job = await world.ended(await world.library.integrity.verify(before.id))
    assert job.result is not None and job.result.state == "ok"
    await world.library.remove(before.id)
    assert [path.name for path in world.models.iterdir()] == [MARKER]


def inodes(folder: Path, *, backwards: bool) -> dict[str, int]:
    """They are given in the order in which they are asked for."""
    return {path.name: path.stat().st_ino for path in sorted(folder.iterdir(), reverse=backwards)}


async def test_what_is_used_there_where_it_is_stays_verified_until_it_is_another_file(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    with disk_of("exfat", tmp_path / "home/stick") as stick:
        async with world_in(tmp_path) as world:
            await world.know("acme/tiny", q4=FILES)
            for name, content in FILES.items():
                world.source(f"stick/{name}", content)
            (made,) = (await world.bring(stick.folder, "reference")).imported
            before = await world.library.get(made.library_id)
            assert before.verified_at is not None
            numbers = inodes(stick.folder, backwards=False)
            for backwards in (True, False):
                stick.unplug()
                await world.library._look()
                assert (await world.library.get(before.id)).state == "offline"
                stick.plug_in()
                changed = inodes(stick.folder, backwards=backwards) != numbers
                assert changed or not backwards, "the disk numbers its files anew"
                await world.library._look()
                assert await world.library.get(before.id) == before
            (row,) = await world.database.reader.fetch_all(
                "SELECT outside_device FROM artifact_file WHERE name = 'mmproj.gguf'"
            )
            mine = stick.folder / "mmproj.gguf"
            assert row[0] == mine.stat().st_dev, "deleted, it is not taken for away"
            times = mine.stat()
            stick.unplug()
            stick.plug_in()
            mine.unlink()
            mine.write_bytes(b"TWO" * 1000)
            os.utime(mine, ns=(times.st_atime_ns, times.st_mtime_ns + 10_000_000_000))
            await world.library._look()
            assert (await world.library.get(before.id)).verified_at is None, "it is another one"


async def test_what_is_in_the_way_in_other_letters_stays(world: World) -> None:
    mine = world.models / "ACME/Tiny/1/Q4/TINY-Q4.GGUF"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    code, _ = await world.refused(world.home / "theirs", "copy")
    assert code == "files_in_the_way"
    assert mine.read_bytes() == b"mine"


async def test_what_cannot_be_linked_there_says_so_and_can_be_copied(world: World) -> None:
    inside = world.models / "dropped"
    inside.mkdir()
    for name, content in FILES.items():
        (inside / name).write_bytes(content)
    code, words = await world.refused(inside, "link")
    assert code == "cannot_link" and "copy it instead" in words
    (made,) = (await world.bring(inside, "move")).imported
    assert made.how == "copy"
    assert not list(inside.iterdir())
    assert (await world.library.get(made.library_id)).state == "ok"


def test_the_models_directory_can_be_moved_there_and_back(disk: Disk, tmp_path: Path) -> None:
    home = tmp_path / "home"
    for name, content in FILES.items():
        (home / FOLDER).mkdir(parents=True, exist_ok=True)
        (home / FOLDER / name).write_bytes(content)
    (home / FOLDER / "second").hardlink_to(home / FOLDER / "mmproj.gguf")
    back = tmp_path / "back"
    back.mkdir()
    for source, target in ((home, disk.folder), (disk.folder, back)):
        files = copying.files_of(ConfinedRoot(source))
        copying.bring_all_over(
            ConfinedRoot(source), ConfinedRoot(target), files, lambda size, count: None, {}
        )
        assert copying.differing(files, copying.files_of(ConfinedRoot(target))) == ([], [])
    found = {path.name: path.read_bytes() for path in (back / FOLDER).iterdir()}
    assert found == FILES | {"second": FILES["mmproj.gguf"]}


def test_nothing_is_switched_over_to_a_disk_that_lacks_a_file(disk: Disk, tmp_path: Path) -> None:
    """As where two names have become one after the first look."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("Notes.txt", "notes.txt"):
        (home / name).write_text(name)
    with pytest.raises(Conflict) as refused:
        _last_pass(ConfinedRoot(home), ConfinedRoot(disk.folder))
    assert refused.value.code == "names_collide"
    assert {path.name for path in home.iterdir()} == {"Notes.txt", "notes.txt"}, "no list of what may go"


@pytest.mark.timeout(180)
def test_a_daemon_moves_there_and_downloads_watches_and_removes_there(disk: Disk, tmp_path: Path) -> None:
    with Origin() as origin:
        settings = {
            "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url, "MODELHUB_MODELS_RESERVE_BYTES": "0",
        }  # fmt: skip
        local = tmp_path / "home/config/catalog.d"
        local.mkdir(parents=True)
        for seed, name in enumerate(("first", "second"), 1):
            url = origin.serve(f"/{name}.gguf", SIZE, seed=seed)
            file = {"name": "Large.gguf", "size_bytes": SIZE, "sha256": sha256(seed, SIZE), "urls": [url]}
            option = {"id": "q4", "format": "gguf", "files": [file]}
            (local / f"{name}.json").write_text(json.dumps({"id": f"acme/{name}", "options": [option]}))
        with running_daemon(tmp_path / "home", settings) as daemon:
            client = daemon.client

            def state_of(library_id: str) -> str:
                return client.artifact(library_id).state.value

            def moved() -> Job:
                job = client.move_models(str(disk.folder)).id
                return until(lambda: client.job(job), lambda found: found.state.ended)

            client.create_download("acme/first", force=True)
            (first,) = until(lambda: client.library().items)
            mine = tmp_path / "home/models/mine"
            mine.mkdir()
            for name in ("Notes.txt", "notes.txt"):
                (mine / name).write_text(name)
            refused = moved()
            assert refused.error is not None and refused.error.code == "names_collide", refused
            assert "mine/Notes.txt" in refused.error.detail and "mine/notes.txt" in refused.error.detail
            assert {path.name: path.read_text() for path in mine.iterdir()} == {
                name: name for name in ("Notes.txt", "notes.txt")
            }, "nothing is lost"
            assert not list(disk.folder.iterdir())
            (mine / "notes.txt").rename(mine / "more.txt")
            assert moved().error is None
            assert not mine.exists()
            assert (disk.folder / "mine/more.txt").read_text() == "notes.txt"
            assert state_of(first.id) == "ok"
            assert client.artifact(first.id).verified_at == first.verified_at

            client.create_download("acme/second", force=True)
            (second,) = until(lambda: [one for one in client.library().items if one.id != first.id], bool)
            place = disk.folder / "acme/second/1/q4"
            assert (place / "Large.gguf").read_bytes() == body(2, SIZE)
            (place / "Large.gguf").rename(place / "elsewhere")
            until(lambda: state_of(second.id), lambda state: state == "missing")
            (place / "elsewhere").rename(place / "LARGE.GGUF")
            until(lambda: state_of(second.id), lambda state: state == "ok")
            assert client.artifact(second.id).verified_at == second.verified_at
            for item in (first, second):
                client.remove(item.id)
            left = {path.name for path in disk.folder.iterdir()}
            assert left - {".staging"} == {MARKER, "mine"}
