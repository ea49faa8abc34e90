"""Power loss: what was not synced is gone, the books may be older than the disk, the machine boots anew."""

import contextlib
import json
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelhubd.wire.downloads import DownloadState
from tests.crash.diary import Diary, Span, covers, total, without
from tests.crash.doomed import MIB, QUICK, Doomed, doomed
from tests.crash.traps import Trap
from tests.fakes.origin import Origin

LOSSES = int(os.environ.get("CRASH_LOSSES", "4"))
RATE = 4 * MIB
SYNC_S = 1.0
INTERVAL = int(RATE * SYNC_S)
BLOCK = 64 * 1024
SHAPES = {
    "one large file": {"large.gguf": 32 * MIB},
    "a folder": {"config.json": 3000, "model-1.safetensors": 18 * MIB, "deep/model-2.safetensors": 14 * MIB},
}


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("CRASH_SEED", random.randrange(1 << 32)))
    print(f"CRASH_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Doomed]:
    with Origin() as origin, doomed(tmp_path, origin) as daemon:
        boot(daemon, 1)
        yield daemon


def boot(daemon: Doomed, number: int, *traps: Trap) -> None:
    daemon.plan = {
        "backoff": QUICK, "boot_id": f"boot-{number}", "diary": str(daemon.home / "diary"),
        "limits": {"sync_s": SYNC_S, "sync_bytes": 64 * MIB}, "traps": list(traps),
    }  # fmt: skip


def copy_database(daemon: Doomed, to: Path) -> None:
    """As of now, whole."""
    to.unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(daemon.database_file)) as source,
        contextlib.closing(sqlite3.connect(to)) as target,
    ):
        source.backup(target)


def put_database(daemon: Doomed, copy: Path) -> None:
    for end in ("-wal", "-shm"):
        daemon.database_file.with_name(daemon.database_file.name + end).unlink(missing_ok=True)
    shutil.copyfile(copy, daemon.database_file)


def synced(row: dict[str, Any]) -> list[Span]:
    if row.get("synced_map"):
        return [(start, end) for start, end in json.loads(row["synced_map"])]
    return [(0, row["synced_bytes"])] if row["synced_bytes"] else []


def lose_power(daemon: Doomed, chance: random.Random) -> None:
    """Of each partial file only what the books call synced stays; that it truly was is checked."""
    diary = Diary(daemon.home / "diary")
    for row in daemon.rows("SELECT f.*, d.id FROM download_file f JOIN download d ON d.number = f.download"):
        partial = daemon.staging / row["id"] / row["name"]
        if not partial.exists():
            continue
        facts = partial.stat()
        kept = synced(row)
        safe = diary.safe(facts.st_ino)
        assert covers(safe, kept), f"{row['name']}: {kept} is called synced where {safe} is"
        lost: list[Span] = [(0, facts.st_size)]
        for start, end in kept:
            lost = without(lost, start, end)
        with partial.open("r+b") as file:
            for start, end in lost:
                for at in range(start, end, BLOCK):
                    file.seek(at)
                    count = min(BLOCK, end - at)
                    fate = chance.choice(["garbage", "zeros", "kept"])
                    if fate != "kept":
                        file.write(bytes(count) if fate == "zeros" else chance.randbytes(count))
    with (daemon.home / "diary").open("a") as file_:
        file_.write('["lost", 0]\n')


@pytest.mark.timeout(120 + LOSSES * 8)
@pytest.mark.parametrize(
    ("shape", "books"),
    [
        ("one large file", "as they are"),
        ("one large file", "older"),
        ("a folder", "as they are"),
        ("a folder", "older"),
    ],
)
def test_what_was_synced_is_all_that_counts_after_a_power_loss(
    shape: str, books: str, daemon: Doomed, chance: random.Random, tmp_path: Path
) -> None:
    sizes = SHAPES[shape]
    daemon.offer(sizes, total_rate=RATE)
    daemon.start()
    download = daemon.pull().id
    losses, allowed, copy = 0, 0, tmp_path / "copy.db"
    while losses < LOSSES:
        time.sleep(chance.uniform(0.5, 2.5))
        if daemon.client.download(download).state.ended:
            break
        copied_at = time.monotonic()
        if books == "older":
            copy_database(daemon, copy)
            time.sleep(chance.uniform(0, SYNC_S))
        daemon.kill_with_worker()
        if books == "older":
            allowed += int((time.monotonic() - copied_at) * RATE)
            put_database(daemon, copy)
        losses += 1
        allowed += 2 * INTERVAL
        lose_power(daemon, chance)
        boot(daemon, losses + 1)
        daemon.start()
    daemon.serve(sizes)
    daemon.finish(download)
    daemon.assert_installed()
    written = Diary(daemon.home / "diary").written.values()
    assert sum(map(total, written)) >= sum(sizes.values()), "the diary knows of every byte"
    print(
        f"{shape}, books {books}: {losses} power losses, {daemon.twice / MIB:.1f} MiB twice, "
        f"allowed {allowed / MIB:.1f}"
    )
    assert losses >= 2
    assert daemon.twice <= allowed


@pytest.mark.parametrize("length", ["gone", "short", "empty"])
def test_a_partial_file_that_the_power_loss_took_is_fetched_again(
    length: str, daemon: Doomed, chance: random.Random
) -> None:
    daemon.offer({"large.gguf": 24 * MIB}, total_rate=12 * MIB)
    daemon.start()
    download = daemon.pull().id
    daemon.until(download, lambda found: found.progress.done_bytes > 12 * MIB)
    daemon.kill_with_worker()
    partial = daemon.staging / download / "large.gguf"
    if length == "gone":
        partial.unlink()
    else:
        os.truncate(partial, 0 if length == "empty" else chance.randrange(8 * MIB))
    boot(daemon, 2)
    daemon.start()
    daemon.finish(download)
    daemon.assert_installed()


def test_a_rename_that_the_power_loss_undid_is_done_again(daemon: Doomed) -> None:
    daemon.offer({"config.json": 3000, "model-1.safetensors": MIB})
    boot(daemon, 1, {"call": "root.rename", "moment": "after", "do": "die"})
    daemon.start()
    download = daemon.pull().id
    assert daemon.died()
    assert daemon.final.exists()
    daemon.final.rename(daemon.staging / download)
    boot(daemon, 2)
    daemon.start()
    daemon.finish(download)
    daemon.assert_installed()


@pytest.mark.parametrize("call", ["store.set_whole", "staging.place", "arrivals.add"])
def test_books_that_know_nothing_of_the_last_steps_agree_with_the_disk_in_the_end(
    call: str, daemon: Doomed, tmp_path: Path
) -> None:
    sizes = {"config.json": 3000, "model-1.safetensors": 2 * MIB}
    daemon.offer(sizes)
    held = tmp_path / "held"
    boot(daemon, 1, {"call": call, "moment": "before", "do": "hold", "file": str(held)})
    daemon.start()
    download = daemon.pull().id
    daemon.until(download, lambda _: held.exists())
    copy = tmp_path / "copy.db"
    copy_database(daemon, copy)
    held.unlink()
    # The trap's file is gone: without the trap it is not made again.
    daemon.until(download, DownloadState.COMPLETED)
    daemon.kill_with_worker()
    put_database(daemon, copy)
    boot(daemon, 2)
    daemon.start()
    daemon.finish(download)
    daemon.assert_installed()
    print(f"books of before {call}: {daemon.twice} bytes twice")
