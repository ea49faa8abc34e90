"""kill -9 of the daemon, of its worker and of both at many random moments, over the whole daemon.

`CRASH_KILLS=320 pytest tests/crash/test_kill_loop.py` takes some minutes; the usual number is small.
"""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from modelhubd.wire.downloads import DownloadState
from tests.crash.doomed import MIB, Doomed, doomed
from tests.fakes.origin import Origin

KILLS = {
    shape: int(os.environ.get("CRASH_KILLS", usual))
    for shape, usual in (("one large file", 15), ("a folder", 10))
}
LIFE_S = 1.4
RATES = (1.0, 1.0, 3.0, 0.3)
"""Of the origin, as parts of what lets the last byte come with the last kill."""
LATE = 1.25
"""How much later than after a second a loaded machine may save the map."""
SHAPES = {
    "one large file": {"large.gguf": 96 * MIB},
    "a folder": {
        "config.json": 3000, "model-1.safetensors": 20 * MIB, "deep/model-2.safetensors": 9 * MIB,
        "deep/model-3.safetensors": 5 * MIB + 1, "one.txt": 1, "tokenizer.json": 700_000,
    },
}  # fmt: skip


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("CRASH_SEED", random.randrange(1 << 32)))
    print(f"CRASH_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Doomed]:
    with Origin() as origin, doomed(tmp_path, origin) as daemon:
        yield daemon


class Books:
    """What was promised and what was found while the daemon was killed again and again."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        """Of the origin, in the present life."""
        self.kills: dict[str, int] = {}
        self.shown = 0
        self.allowed = 0
        self.most_fallen = 0.0

    @property
    def interval(self) -> int:
        """Bytes between two maps: what comes in a second, 8 MiB at most."""
        return min(8 * MIB, self.rate)

    def killed(self, how: str) -> None:
        self.kills[how] = self.kills.get(how, 0) + 1
        self.allowed += 2 * self.interval

    def see(self, done: int, *, after_kill: bool) -> None:
        fallen = self.shown - done
        self.most_fallen = max(self.most_fallen, fallen / self.interval)
        assert fallen <= (self.interval * LATE if after_kill else 0), f"progress fell by {fallen} bytes"
        self.shown = done if after_kill else max(self.shown, done)


@pytest.mark.timeout(120 + max(KILLS.values()) * 4)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_download_killed_many_times_loses_nothing_and_fetches_little_twice(
    shape: str, daemon: Doomed, chance: random.Random
) -> None:
    sizes, enough = SHAPES[shape], KILLS[shape]
    # Half of each life is starting, and what a life has not saved comes again.
    fair_rate = int(sum(sizes.values()) / enough / (LIFE_S / 2) * 0.7)
    books = Books(fair_rate)
    daemon.offer(sizes, total_rate=fair_rate)
    daemon.start()
    download = daemon.pull().id
    while sum(books.kills.values()) < enough:
        if live(daemon, download, books, chance.uniform(0, LIFE_S)):
            break
        rate = int(fair_rate * chance.choice(RATES))
        daemon.serve(sizes, total_rate=rate)
        how = chance.choice(["daemon", "daemon", "worker", "both", "start"])
        books.killed(kill(daemon, daemon.worker(), how, chance))
        daemon.assert_nothing_wrong_is_visible()
        if daemon.process is None or daemon.process.poll() is not None:
            daemon.start()
            books.see(daemon.client.download(download).progress.done_bytes, after_kill=True)
        books.rate = rate
    daemon.serve(sizes)
    kills = sum(books.kills.values())
    daemon.finish(download)
    daemon.assert_installed()
    print(
        f"{shape}: {kills} kills {books.kills}, {daemon.twice / MIB:.1f} MiB twice, allowed "
        f"{books.allowed / MIB:.1f}; progress fell by at most {books.most_fallen:.2f} map intervals; "
        f"{len(daemon.requests())} requests"
    )
    assert kills >= enough * 0.5
    assert daemon.twice <= books.allowed


def live(daemon: Doomed, id: str, books: Books, life_s: float) -> bool:
    """Watch it for so long; whether it came to its end meanwhile."""
    client, end = daemon.client, time.monotonic() + life_s
    while True:
        found = client.download(id)
        assert found.state not in (DownloadState.FAILED, DownloadState.CANCELLED), found.error
        books.see(found.progress.done_bytes, after_kill=False)
        if found.state.ended:
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(0.02)


def kill(daemon: Doomed, worker: psutil.Process | None, how: str, chance: random.Random) -> str:
    """What was killed."""
    if how == "worker" and worker is not None:
        worker.kill()
        return how
    if how == "both" and worker is not None:
        daemon.kill_with_worker()
        return how
    daemon.kill()
    if how != "start":
        return "daemon"
    daemon.spawn()
    time.sleep(chance.uniform(0, 0.6))
    daemon.kill()
    return how
