"""A file of somebody else's at the final name of a download is never deleted or overwritten."""

import asyncio
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhubd.downloads import staging
from modelhubd.downloads.rows import StoredDownload
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.wire.catalog import OptionFile
from modelhubd.wire.downloads import DownloadState
from tests.fakes.download_home import Home, Running, option_of
from tests.fakes.origin import Origin, body, sha256
from tests.running import running_daemon

SIZE = 2_000_000
FOLDER = "acme/tiny/1/gguf-q4"
FOREIGN = {"another size": b"GGUF of somebody else's", "the same size": body(9, SIZE)}


def offer(home: Home, origin: Origin) -> None:
    url = origin.serve(f"/{home.folder.name}/way.gguf", SIZE)
    home.offer(
        "acme/tiny",
        option_of(OptionFile(name="way.gguf", size_bytes=SIZE, sha256=sha256(1, SIZE), urls=(url,))),
    )


def put(home: Home, name: str, content: bytes) -> Path:
    path = home.models_dir / FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def files_in(home: Home) -> dict[str, bytes]:
    """Everything in the option's folder, and that nothing is left in the staging one."""
    assert not list((home.models_dir / ".staging").iterdir())
    folder = home.models_dir / FOLDER
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


async def completed(daemon: Running) -> None:
    ended = await daemon.until((await daemon.pull()).id)
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert len(await daemon.installed()) == 1


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
async def test_a_foreign_file_is_kept_under_another_name(
    content: bytes, home: Home, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    offer(home, origin)
    put(home, "way.gguf", content)
    async with home.daemon() as daemon:
        await completed(daemon)
    assert files_in(home) == {"way.gguf": body(1, SIZE), "way.gguf.kept-1": content}
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert any(f"{FOLDER}/way.gguf.kept-1" in message for message in warned)


async def test_one_that_was_kept_before_stays_too(home: Home, origin: Origin) -> None:
    offer(home, origin)
    put(home, "way.gguf", b"later")
    put(home, "way.gguf.kept-1", b"earlier")
    async with home.daemon() as daemon:
        await completed(daemon)
    assert files_in(home) == {
        "way.gguf": body(1, SIZE),
        "way.gguf.kept-1": b"earlier",
        "way.gguf.kept-2": b"later",
    }


async def test_the_very_file_that_the_catalog_promises_takes_the_place(home: Home, origin: Origin) -> None:
    offer(home, origin)
    before = put(home, "way.gguf", body(1, SIZE)).stat().st_ino
    async with home.daemon() as daemon:
        await completed(daemon)
    assert files_in(home) == {"way.gguf": body(1, SIZE)}
    assert (home.models_dir / FOLDER / "way.gguf").stat().st_ino == before


async def test_a_hard_link_does_not_take_the_place_though_its_bytes_are_right(
    home: Home, origin: Origin
) -> None:
    offer(home, origin)
    other = home.folder / "other.gguf"
    os.link(put(home, "way.gguf", body(1, SIZE)), other)
    async with home.daemon() as daemon:
        await completed(daemon)
    assert files_in(home) == {"way.gguf": body(1, SIZE), "way.gguf.kept-1": body(1, SIZE)}
    assert (home.models_dir / FOLDER / "way.gguf").stat().st_nlink == 1


async def test_a_link_in_the_way_is_kept_and_not_followed(home: Home, origin: Origin) -> None:
    offer(home, origin)
    other = home.folder / "other.gguf"
    other.write_bytes(body(1, SIZE))
    put(home, "x", b"").with_name("way.gguf").symlink_to(other)
    async with home.daemon() as daemon:
        await completed(daemon)
    folder = home.models_dir / FOLDER
    assert not (folder / "way.gguf").is_symlink()
    assert (folder / "way.gguf.kept-1").readlink() == other


async def test_a_folder_in_the_way_is_kept(home: Home, origin: Origin) -> None:
    offer(home, origin)
    put(home, "way.gguf/notes.txt", b"mine")
    async with home.daemon() as daemon:
        await completed(daemon)
    assert files_in(home) == {"way.gguf": body(1, SIZE), "way.gguf.kept-1/notes.txt": b"mine"}


@pytest.mark.parametrize("meanwhile", [False, True])
async def test_a_download_that_fails_before_its_files_are_placed_deletes_no_foreign_one(
    meanwhile: bool, home: Home, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = origin.serve(f"/{home.folder.name}/way.gguf", SIZE, {"prefix": "no model"})
    home.offer("acme/tiny", option_of(OptionFile(name="way.gguf", size_bytes=SIZE, urls=(url,))))
    check = staging.check_beginnings

    def check_late(root: ConfinedRoot, row: StoredDownload) -> None:
        put(home, "way.gguf", body(9, SIZE))
        check(root, row)

    if meanwhile:
        monkeypatch.setattr(staging, "check_beginnings", check_late)
    else:
        put(home, "way.gguf", body(9, SIZE))
    async with home.daemon() as daemon:
        ended = await daemon.until((await daemon.pull()).id)
        assert ended.error is not None and ended.error.code == "wrong_content"
        await until(lambda: not list((home.models_dir / ".staging").iterdir()))
    assert files_in(home) == {"way.gguf": body(9, SIZE)}


@pytest.mark.parametrize("content", [b"mine", body(1, SIZE)], ids=["other", "same"])
async def test_a_download_cancelled_once_its_files_are_placed_deletes_no_foreign_one(
    content: bytes, home: Home, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(home, origin)
    put(home, "way.gguf", content)
    placed, go_on = threading.Event(), threading.Event()
    place = staging.place

    def slow_place(root: ConfinedRoot, row: StoredDownload) -> tuple[int, ...]:
        missing = place(root, row)
        placed.set()
        go_on.wait(10)
        return missing

    monkeypatch.setattr(staging, "place", slow_place)
    async with home.daemon() as daemon:
        created = await daemon.pull()
        await until(placed.is_set)
        go_on.set()
        monkeypatch.undo()
        await daemon.downloads.cancel(created.id)
    assert content in files_in(home).values()


async def test_a_foreign_file_is_not_taken_for_a_placed_one_when_the_staged_one_is_lost(
    home: Home, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(home, origin)
    put(home, "way.gguf", body(9, SIZE))
    place = staging.place
    calls: list[str] = []

    def bereft_place(root: ConfinedRoot, row: StoredDownload) -> tuple[int, ...]:
        if not calls:
            shutil.rmtree(root.root / staging.staging_of(row.id))
        calls.append(row.id)
        return place(root, row)

    monkeypatch.setattr(staging, "place", bereft_place)
    async with home.daemon() as daemon:
        await completed(daemon)
    assert files_in(home) == {"way.gguf": body(1, SIZE), "way.gguf.kept-1": body(9, SIZE)}


def test_the_scan_lists_what_was_kept(tmp_path: Path, origin: Origin) -> None:
    url = origin.serve(f"/{tmp_path.name}/way.gguf", SIZE)
    option = {
        "id": "gguf-q4",
        "format": "gguf",
        "files": [{"name": "way.gguf", "size_bytes": SIZE, "sha256": sha256(1, SIZE), "urls": [url]}],
    }
    catalog = tmp_path / "home/config/catalog.d"
    catalog.mkdir(parents=True)
    (catalog / "way.json").write_text(json.dumps({"id": "t/way", "options": [option]}))
    folder = tmp_path / "home/models/t/way/1/gguf-q4"
    with running_daemon(tmp_path / "home", {"MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url}) as daemon:
        folder.mkdir(parents=True)
        (folder / "way.gguf").write_bytes(b"mine")
        created = daemon.client.create_download("t/way", force=True)
        deadline = time.monotonic() + 30
        while not (ended := daemon.client.download(created.id)).state.ended:
            assert time.monotonic() < deadline, ended
            time.sleep(0.02)
        assert ended.state is DownloadState.COMPLETED, ended.error
        assert daemon.client.scan().unknown_files == ("t/way/1/gguf-q4/way.gguf.kept-1",)
    assert (folder / "way.gguf").read_bytes() == body(1, SIZE)
    assert (folder / "way.gguf.kept-1").read_bytes() == b"mine"


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)
