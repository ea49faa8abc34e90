"""Going on where it stopped: after a cut, a restart, a reboot, a dead worker, a changed file."""

import asyncio
import contextlib
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from modelhubd.wire.catalog import Format, OptionFile
from modelhubd.wire.downloads import DownloadState
from tests.fakes.download_home import BRISK, Home, Running, option_of
from tests.fakes.origin import Origin, Step, body, sha256

SIZE = 4_000_000
SLOW: Step = {"rate": 4_000_000}


def offer(home: Home, origin: Origin, path: str, *steps: Step, **rest: Any) -> None:
    url = origin.serve(path, SIZE, *steps, **rest)
    file = OptionFile(name="tiny.gguf", size_bytes=SIZE, sha256=sha256(1, SIZE), urls=(url,))
    home.offer("acme/tiny", option_of(file))


async def finish(daemon: Running, id: str) -> None:
    ended = await daemon.until(id)
    assert ended.state is DownloadState.COMPLETED, ended.error
    path = daemon.home.models_dir / "acme/tiny/1/gguf-q4/tiny.gguf"
    assert path.read_bytes() == body(1, SIZE)
    assert len(await daemon.installed()) == 1


def asked(origin: Origin, path: str) -> list[str]:
    return [entry["fields"]["range"] for entry in origin.requests(path)]


async def test_a_cut_download_goes_on_from_its_last_byte(home: Home, origin: Origin) -> None:
    offer(home, origin, "/cut.gguf", {"cut_after": 1_234_567}, {"cut_after": 1_000_000}, {})
    async with home.daemon() as daemon:
        await finish(daemon, (await daemon.pull()).id)
    assert asked(origin, "/cut.gguf") == ["bytes=0-", "bytes=1234567-", "bytes=2234567-"]


async def test_an_active_download_goes_on_after_a_restart_of_the_daemon(home: Home, origin: Origin) -> None:
    offer(home, origin, "/restart.gguf", SLOW)
    async with home.daemon() as daemon:
        created = await daemon.pull()
        before = await daemon.until(created.id, DownloadState.ACTIVE, past=800_000)
    async with home.daemon() as daemon:
        after = await daemon.downloads.get(created.id)
        assert after.state is DownloadState.ACTIVE
        assert after.progress.done_bytes >= before.progress.done_bytes
        await finish(daemon, created.id)
    first, second = origin.requests("/restart.gguf")
    start = int(second["fields"]["range"].removeprefix("bytes=").rstrip("-"))
    assert start == after.progress.done_bytes
    assert second["fields"]["if-range"] == '"' + second["fields"]["if-range"].strip('"') + '"'
    assert first["sent"] - start < 600_000, "what was received is not fetched again"


async def test_after_a_reboot_only_what_was_synced_counts(home: Home, origin: Origin) -> None:
    home.limits = msgspec.structs.replace(BRISK, sync_bytes=1 << 21, sync_s=30)
    offer(home, origin, "/reboot.gguf", SLOW)
    async with home.daemon() as daemon:
        created = await daemon.pull()
    synced = written = 0
    while not (1 << 21) <= synced < written:  # a busy machine may sync just before the end
        assert written < SIZE - 200_000
        async with home.daemon() as daemon:
            await daemon.until(created.id, DownloadState.ACTIVE, past=max(2_500_000, written + 1))
            before = await daemon.downloads.get(created.id)
        with contextlib.closing(sqlite3.connect(home.folder / "state.db")) as database:
            synced, written = database.execute(
                "SELECT synced_bytes, written_bytes FROM download_file"
            ).fetchone()
    home.boot_id = "boot-2"
    # What was not synced is lost in a power failure.
    partial = home.models_dir / ".staging" / created.id / "tiny.gguf"
    with partial.open("r+b") as file:
        file.seek(synced)
        file.write(b"\0" * (SIZE - synced))
    async with home.daemon() as daemon:
        again = await daemon.downloads.get(created.id)
        assert again.progress.done_bytes >= before.progress.done_bytes, "what is shown never falls"
        await finish(daemon, created.id)
    assert f"bytes={synced}-" in asked(origin, "/reboot.gguf")


async def test_what_is_on_the_disk_stays_known_over_a_restart(home: Home, origin: Origin) -> None:
    home.limits = msgspec.structs.replace(BRISK, sync_bytes=1 << 20, sync_s=30)
    offer(home, origin, "/synced.gguf", SLOW)

    async def synced(past: int) -> int:
        async with home.daemon() as daemon:
            created = await daemon.pull()
            await daemon.until(created.id, DownloadState.ACTIVE, past=past)
        with contextlib.closing(sqlite3.connect(home.folder / "state.db")) as database:
            return int(database.execute("SELECT synced_bytes FROM download_file").fetchone()[0])

    before = await synced(1_800_000)
    assert before >= 1 << 20
    assert await synced(2_000_000) >= before


async def test_a_killed_worker_costs_one_retry(home: Home, origin: Origin) -> None:
    offer(home, origin, "/worker.gguf", SLOW)
    async with home.daemon() as daemon:
        created = await daemon.pull()
        await daemon.until(created.id, DownloadState.ACTIVE, past=800_000)
        pid = daemon.downloads.worker_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await daemon.until(created.id, DownloadState.WAITING)
        await finish(daemon, created.id)
    assert len(origin.requests("/worker.gguf")) == 2
    assert asked(origin, "/worker.gguf")[1] != "bytes=0-"


async def test_a_stopped_worker_is_killed_and_replaced(home: Home, origin: Origin) -> None:
    offer(home, origin, "/stopped.gguf", SLOW)
    async with home.daemon() as daemon:
        created = await daemon.pull()
        await daemon.until(created.id, DownloadState.ACTIVE, past=400_000)
        pid = daemon.downloads.worker_pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        paused = await daemon.downloads.pause(created.id)
        assert paused.state is DownloadState.PAUSED
        assert daemon.downloads.worker_pid is None
        await daemon.downloads.resume(created.id)
        await finish(daemon, created.id)


async def test_ignored_ranges_start_the_file_again_and_progress_does_not_fall(
    home: Home, origin: Origin
) -> None:
    offer(home, origin, "/ignored.gguf", {"cut_after": 3_000_000, "ranges": False}, {**SLOW, "ranges": False})
    async with home.daemon() as daemon:
        created = await daemon.pull()
        await daemon.until(created.id, DownloadState.WAITING, DownloadState.ACTIVE, past=2_999_999)
        seen = []
        while not (found := await daemon.downloads.get(created.id)).state.ended:
            seen.append(found.progress.done_bytes)
            await asyncio.sleep(0.01)
        assert seen == sorted(seen)
        await finish(daemon, created.id)
    assert asked(origin, "/ignored.gguf") == ["bytes=0-", "bytes=0-"], "no validator, no range"


async def test_a_range_that_is_ignored_on_resume_starts_the_file_again(home: Home, origin: Origin) -> None:
    offer(home, origin, "/ignored2.gguf", {"cut_after": 3_000_000}, {"ranges": False})
    async with home.daemon() as daemon:
        await finish(daemon, (await daemon.pull()).id)
    assert asked(origin, "/ignored2.gguf") == ["bytes=0-", "bytes=3000000-"]


async def test_a_weak_validator_is_not_trusted(home: Home, origin: Origin) -> None:
    offer(home, origin, "/weak.gguf", {"cut_after": 3_000_000}, {}, etag='W/"1"')
    async with home.daemon() as daemon:
        await finish(daemon, (await daemon.pull()).id)
    assert asked(origin, "/weak.gguf") == ["bytes=0-", "bytes=0-"]


async def test_a_changed_validator_starts_the_file_again(home: Home, origin: Origin) -> None:
    offer(home, origin, "/changed.gguf", {"cut_after": 2_000_000, "seed": 2}, {})
    async with home.daemon() as daemon:
        await finish(daemon, (await daemon.pull()).id)
    assert len(origin.requests("/changed.gguf")) == 2


async def test_a_part_of_a_changed_file_is_not_joined_to_the_old_one(home: Home, origin: Origin) -> None:
    # An origin that answers 206 although If-Range names another validator.
    offer(
        home,
        origin,
        "/joined.gguf",
        {"cut_after": 2_000_000, "seed": 2, "etag": '"same"'},
        {"seed": 1, "etag": '"same"', "fields": {"ETag": '"other"'}},
        {"seed": 1, "etag": '"other"'},
    )
    async with home.daemon() as daemon:
        await finish(daemon, (await daemon.pull()).id)
    assert asked(origin, "/joined.gguf") == ["bytes=0-", "bytes=2000000-", "bytes=0-"]


async def test_the_other_half_under_the_same_validator_is_found_by_the_digest(
    home: Home, origin: Origin
) -> None:
    offer(
        home,
        origin,
        "/halves.gguf",
        {"cut_after": 2_000_000, "seed": 2, "etag": '"same"'},
        {"seed": 1, "etag": '"same"'},
    )
    async with home.daemon() as daemon:
        ended = await daemon.until((await daemon.pull()).id)
        assert ended.error is not None and ended.error.code == "checksum_mismatch"
        async with asyncio.timeout(30):
            while list(home.models_dir.rglob("*.gguf")):
                await asyncio.sleep(0.01)


async def test_a_file_that_keeps_changing_fails(home: Home, origin: Origin) -> None:
    steps: list[Step] = [{"cut_after": 400_000 + seed * 100_000, "seed": seed} for seed in range(1, 9)]
    offer(home, origin, "/keeps.gguf", *steps)
    async with home.daemon() as daemon:
        ended = await daemon.until((await daemon.pull()).id)
        assert ended.error is not None and ended.error.code == "origin_changed"
    assert len(origin.requests("/keeps.gguf")) == 6


async def test_416_asks_for_the_whole_file_once(home: Home, origin: Origin) -> None:
    offer(home, origin, "/416.gguf", {"cut_after": 2_000_000}, {"status": 416}, {})
    async with home.daemon() as daemon:
        await finish(daemon, (await daemon.pull()).id)
    assert asked(origin, "/416.gguf") == ["bytes=0-", "bytes=2000000-", "bytes=0-"]


@pytest.mark.usefixtures("impatient")
async def test_shorter_answers_than_asked_for_are_continued(home: Home, origin: Origin) -> None:
    short: Step = {
        "size": SIZE,
        "fields": {"Content-Range": f"bytes 0-999999/{SIZE}", "Content-Length": "1000000"},
        "stall_after": 1_000_000,
    }
    offer(home, origin, "/short.gguf", short, {})
    async with home.daemon() as daemon:
        await finish(daemon, (await daemon.pull()).id)
    assert asked(origin, "/short.gguf") == ["bytes=0-", "bytes=1000000-"]


@pytest.mark.parametrize(
    "step", [{"chunked": True, "ranges": False}, {"chunked": True, "ranges": False, "fields": {"ETag": ""}}]
)
async def test_an_answer_without_a_length_is_taken_to_its_framed_end(
    step: Step, home: Home, origin: Origin
) -> None:
    url = origin.serve("/chunked.gguf", SIZE, step)
    file = OptionFile(name="tiny.gguf", sha256=sha256(1, SIZE), urls=(url,))
    home.offer("acme/tiny", option_of(file))
    async with home.daemon() as daemon:
        created = await daemon.pull()
        assert created.progress.total_bytes is None
        await finish(daemon, created.id)
        assert (await daemon.downloads.get(created.id)).progress.total_bytes == SIZE


async def test_an_answer_whose_end_cannot_be_told_is_refused(home: Home, origin: Origin) -> None:
    url = origin.serve("/unframed.gguf", SIZE, {"close": True, "ranges": False})
    home.offer("acme/tiny", option_of(OptionFile(name="tiny.gguf", urls=(url,))))
    async with home.daemon() as daemon:
        ended = await daemon.until((await daemon.pull()).id)
        assert ended.error is not None and ended.error.code == "wrong_content"


async def test_a_file_without_a_digest_is_installed_unverified_if_it_begins_as_it_should(
    home: Home, origin: Origin
) -> None:
    url = origin.serve("/nodigest.gguf", SIZE)
    home.offer("acme/tiny", option_of(OptionFile(name="tiny.gguf", urls=(url,))))
    bad = origin.serve("/nodigest2.gguf", SIZE, {"prefix": "this is not a model"})
    home.offer("acme/bad", option_of(OptionFile(name="tiny.gguf", urls=(bad,))))
    async with home.daemon() as daemon:
        await finish(daemon, (await daemon.pull()).id)
        (finished,) = await daemon.installed()
        assert finished.verified_at is None and finished.digest is None
        ended = await daemon.until((await daemon.pull("acme/bad")).id)
        assert ended.error is not None and ended.error.code == "wrong_content"
        assert not (home.models_dir / "acme/bad").exists()


def folder_option(origin: Origin, path: str, *steps: Step) -> tuple[OptionFile, ...]:
    names = ("config.json", "model-00001.safetensors", "deep/model-00002.safetensors", "empty.txt")
    sizes = (3000, 1_500_000, 1_000_000, 0)
    return tuple(
        OptionFile(
            name=name,
            size_bytes=size,
            sha256=sha256(place, size),
            urls=(origin.serve(f"{path}/{name}", size, *steps, seed=place),),
        )
        for place, (name, size) in enumerate(zip(names, sizes, strict=True))
    )


def assert_folder(files: tuple[OptionFile, ...], folder: Path) -> None:
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        file.name for file in files
    }
    for place, file in enumerate(files):
        assert (folder / file.name).read_bytes() == body(place, file.size_bytes or 0)


async def test_several_files_are_one_download_and_appear_together(home: Home, origin: Origin) -> None:
    files = folder_option(origin, "/folder")
    home.offer("acme/folder", option_of(*files, id="safetensors", format=Format.SAFETENSORS))
    async with home.daemon() as daemon:
        ended = await daemon.until((await daemon.pull("acme/folder")).id)
        assert ended.state is DownloadState.COMPLETED, ended.error
        assert ended.progress.done_bytes == ended.progress.total_bytes == 2_503_000
        assert_folder(files, home.models_dir / "acme/folder/1/safetensors")
        (finished,) = await daemon.installed()
        assert [file.name for file in finished.files] == [file.name for file in files]


async def test_a_crash_between_the_moves_is_finished_at_the_next_start(home: Home, origin: Origin) -> None:
    files = folder_option(origin, "/moves", {"rate": 20_000_000})
    home.offer("acme/folder", option_of(*files, id="safetensors", format=Format.SAFETENSORS))
    final = home.models_dir / "acme/folder/1/safetensors"
    async with home.daemon() as daemon:
        created = await daemon.pull("acme/folder")
        await daemon.until(created.id, DownloadState.ACTIVE, DownloadState.VERIFYING, past=2_000_000)
        # As a crash would leave it: all files whole, the state says installing, some moved, some not.
    staged = home.models_dir / ".staging" / created.id
    for place, file in enumerate(files):
        (staged / file.name).parent.mkdir(parents=True, exist_ok=True)
        (staged / file.name).write_bytes(body(place, file.size_bytes or 0))
    final.mkdir(parents=True)
    (staged / "config.json").rename(final / "config.json")
    (final / "model-00001.safetensors").write_bytes(b"somebody else's")
    async with home.daemon() as daemon:
        await daemon.downloads.pause_all()
        async with daemon.database.transaction() as tx:
            await tx.execute("UPDATE download SET state = 'installing', staged = 2")
            await tx.execute("UPDATE download_file SET found_sha256 = sha256, total_bytes = size_bytes")
    async with home.daemon() as daemon:
        ended = await daemon.until(created.id)
        assert ended.state is DownloadState.COMPLETED, ended.error
        assert len(await daemon.installed()) == 1
    kept = final / "model-00001.safetensors.kept-1"
    assert kept.read_bytes() == b"somebody else's"
    kept.unlink()
    assert_folder(files, final)
    assert not staged.exists()


async def test_files_that_vanish_before_they_are_placed_are_fetched_again(home: Home, origin: Origin) -> None:
    offer(home, origin, "/vanish.gguf", SLOW)
    async with home.daemon() as daemon:
        created = await daemon.pull()
        await daemon.until(created.id, DownloadState.ACTIVE, past=400_000)
    (home.models_dir / ".staging" / created.id / "tiny.gguf").unlink()
    async with home.daemon() as daemon:
        await daemon.downloads.pause_all()
        async with daemon.database.transaction() as tx:
            await tx.execute("UPDATE download SET state = 'installing', staged = 2")
            await tx.execute("UPDATE download_file SET found_sha256 = sha256, total_bytes = size_bytes")
    async with home.daemon() as daemon:
        await finish(daemon, created.id)


async def test_two_writers_never_share_a_partial(home: Home, origin: Origin) -> None:
    import fcntl

    offer(home, origin, "/lock.gguf")
    async with home.daemon() as daemon:
        created = await daemon.pull()
        partial = home.models_dir / ".staging" / created.id
        await daemon.downloads.pause(created.id)
        partial.mkdir(parents=True, exist_ok=True)
        with (partial / "tiny.gguf").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            await daemon.downloads.resume(created.id)
            waiting = await daemon.until(created.id, DownloadState.WAITING, DownloadState.COMPLETED)
            assert waiting.error is not None and "Another process" in waiting.error.detail
            assert not origin.requests("/lock.gguf") or waiting.progress.done_bytes < SIZE
        await finish(daemon, created.id)


async def test_a_link_planted_in_the_staging_folder_is_not_written_through(
    home: Home, origin: Origin
) -> None:
    offer(home, origin, "/link.gguf")
    victim = home.folder / "victim"
    victim.write_bytes(b"precious")
    async with home.daemon() as daemon:
        created = await daemon.pull()
        await daemon.downloads.pause(created.id)
        partial = home.models_dir / ".staging" / created.id / "tiny.gguf"
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        partial.symlink_to(victim)
        await daemon.downloads.resume(created.id)
        ended = await daemon.until(created.id)
        assert ended.state is DownloadState.FAILED
        assert ended.error is not None and ended.error.code == "unsafe_name"
    assert victim.read_bytes() == b"precious"
