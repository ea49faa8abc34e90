"""Death at every step of a download of several files: of the worker alone, of the daemon, of both at once."""

import contextlib
import itertools
import os
from pathlib import Path

import pytest

from modelhub_client import ClientError
from tests.crash.doomed import MIB, QUICK, Doomed, doomed
from tests.crash.traps import Trap
from tests.fakes.origin import Origin

ALL = "CRASH_KILLS" in os.environ
MOMENTS = ["before", "after"]
DEATHS = ["die", "die both"]
SIZES = {"config.json": 3000, "model-1.safetensors": 2 * MIB, "deep/model-2.safetensors": MIB}
RATE = 8 * MIB
WORKER = [
    ("os.ftruncate", 1), ("os.pwritev", 1), ("os.pwritev", 4), ("os.fdatasync", 1), ("os.fdatasync", 2),
    ("os.fsync", 1), ("os.fsync", 2), ("os.fsync", 3),
]  # fmt: skip
DAEMON = [
    ("store.set_whole", 3), ("staging.check_beginnings", 1), ("staging.place", 1), ("root.rename", 1),
    *(("root.fsync_dir", count) for count in (1, 4, 7)), ("arrivals.add", 1),
]  # fmt: skip


def dies(folder: Path, origin: Origin, trap: Trap) -> bool:
    """Whether the trap is sprung; that the download comes to its end all the same is checked."""
    folder.mkdir()
    sprung = folder / "sprung"
    with doomed(folder, origin) as daemon:
        daemon.offer(SIZES, total_rate=RATE)
        daemon.plan = {
            "backoff": QUICK,
            "limits": {"sync_s": 0.05, "sync_bytes": MIB // 4},
            "traps": [{**trap, "file": str(sprung)}],
        }
        with contextlib.suppress(ClientError, OSError, AssertionError):
            daemon.start()
            daemon.pull()
        worker_alone = trap.get("who") == "worker" and trap["do"] == "die"
        if not worker_alone and wait_for_death(daemon):
            daemon.assert_nothing_wrong_is_visible()
            daemon.plan = {"backoff": QUICK}
            daemon.start()
        try:
            finish(daemon)
        except (ClientError, OSError):
            if not daemon.died():  # at a commit after the end of the download
                raise
            daemon.plan = {"backoff": QUICK}
            daemon.start()
            finish(daemon)
        return sprung.exists()


def finish(daemon: Doomed) -> None:
    """Have the download come to its end. Where it died before it had answered, the same is asked again."""
    listed = daemon.client.downloads().items
    daemon.finish(listed[0].id if listed else daemon.pull().id)
    daemon.assert_installed()


def wait_for_death(daemon: Doomed) -> bool:
    """Whether it dies before it has nothing more to do."""
    assert daemon.process is not None
    while daemon.process.poll() is None:
        with contextlib.suppress(ClientError, OSError):
            if [found for found in daemon.client.downloads().items if found.state.ended]:
                return daemon.died(within_s=0.2)
    return daemon.died()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("moment", "do"),
    list(itertools.product(MOMENTS, DEATHS)) if ALL else list(zip(MOMENTS, DEATHS, strict=True)),
)
def test_death_at_each_step_of_the_worker(moment: str, do: str, tmp_path: Path) -> None:
    with Origin() as origin:
        for call, count in WORKER:
            trap: Trap = {"who": "worker", "call": call, "count": count, "moment": moment, "do": do}
            assert dies(tmp_path / f"{call}-{count}", origin, trap), (call, count)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("moment", MOMENTS)
def test_death_at_each_step_of_the_end(moment: str, tmp_path: Path) -> None:
    with Origin() as origin:
        for call, count in DAEMON:
            trap: Trap = {"call": call, "count": count, "moment": moment, "do": "die"}
            assert dies(tmp_path / f"{call}-{count}", origin, trap), (call, count)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("moment", MOMENTS)
def test_death_at_each_commit(moment: str, tmp_path: Path) -> None:
    """Of all commits from the start of the daemon to the end of the download, or of every eighth of them."""
    count = 1 if moment == "before" else 3
    with Origin() as origin:
        while dies(
            tmp_path / str(count),
            origin,
            {"call": "database._commit", "count": count, "moment": moment, "do": "die"},
        ):
            count += 1 if ALL else 8
    print(f"{count} commits")
    assert count > 8
