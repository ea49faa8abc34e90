"""Death at every step of a download of several files: of the worker alone, of the daemon, of both at once."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from modelhub_client import ClientError
from tests.crash.doomed import MIB, QUICK, Doomed, doomed
from tests.crash.traps import Trap
from tests.fakes.origin import Origin

ALL = "CRASH_KILLS" in os.environ
MOMENTS = ["before", "after"]
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


class Deaths:
    """One home for many deaths: the next start, with the next trap, brings what died to its end."""

    def __init__(self, daemon: Doomed, folder: Path) -> None:
        self.daemon = daemon
        self.folder = folder
        daemon.offer(SIZES, total_rate=RATE)

    def trap(self, number: int, trap: Trap, *, from_the_start: bool = False) -> Trap:
        """The same, to be sprung once, and not before `arm` unless it is to count from the start."""
        made: Trap = {**trap, "file": str(self.folder / f"sprung-{number}")}
        if not from_the_start:
            made["armed"] = str(self.folder / f"armed-{number}")
        return made

    def start(self, *traps: Trap) -> None:
        self.daemon.plan = {
            "backoff": QUICK, "limits": {"sync_s": 0.05, "sync_bytes": MIB // 4}, "traps": list(traps),
        }  # fmt: skip
        self.daemon.start()

    def arm(self, number: int) -> None:
        (self.folder / f"armed-{number}").touch()

    def has_sprung(self, number: int) -> bool:
        return (self.folder / f"sprung-{number}").exists()

    def pull(self) -> None:
        """Download it afresh to its end."""
        self.clear()
        self.finish(self.daemon.pull().id)

    def finish(self, id: str | None = None) -> None:
        """Have what is under way come to its end; where nothing was promised before the death, it is asked
        again."""
        listed = self.daemon.client.downloads().items
        self.daemon.finish(id or (listed[0].id if listed else self.daemon.pull().id))
        self.daemon.assert_installed()

    def clear(self) -> None:
        for artifact in self.daemon.client.library().items:
            self.daemon.client.remove(artifact.id)
        for download in self.daemon.client.downloads().items:
            self.daemon.client.forget_download(download.id)

    def dies(self) -> bool:
        """Whether it dies before a download, asked for now, has come to its end."""
        with contextlib.suppress(ClientError, OSError, AssertionError):
            self.daemon.client.downloads()
            self.pull()
            return self.daemon.died(within_s=0.2)
        if died := self.daemon.died():
            self.daemon.assert_nothing_wrong_is_visible()
        return died


@contextlib.contextmanager
def deaths(folder: Path) -> Iterator[Deaths]:
    with Origin() as origin, doomed(folder, origin) as daemon:
        yield Deaths(daemon, folder)


def die_one_by_one(of: Deaths, traps: Sequence[Trap]) -> None:
    for number, trap in enumerate(traps):
        of.start(of.trap(number, trap))
        of.finish()
        of.clear()
        of.arm(number)
        assert of.dies() and of.has_sprung(number), trap
    of.start()
    of.finish()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("moment", MOMENTS)
def test_death_of_the_worker_at_each_step(moment: str, tmp_path: Path) -> None:
    """The daemon goes on: one of it is enough."""
    traps: list[Trap] = [
        {"who": "worker", "call": call, "count": count, "moment": moment, "do": "die"}
        for call, count in WORKER
    ]
    with deaths(tmp_path) as of:
        of.start(*(of.trap(number, trap) for number, trap in enumerate(traps)))
        for number, trap in enumerate(traps):
            of.arm(number)
            of.pull()
            assert of.has_sprung(number), trap


@pytest.mark.timeout(300)
@pytest.mark.parametrize("moment", MOMENTS if ALL else MOMENTS[1:])
def test_death_of_both_at_each_step_of_the_worker(moment: str, tmp_path: Path) -> None:
    with deaths(tmp_path) as of:
        die_one_by_one(
            of,
            [
                {"who": "worker", "call": call, "count": count, "moment": moment, "do": "die both"}
                for call, count in WORKER
            ],
        )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("moment", MOMENTS)
def test_death_at_each_step_of_the_end(moment: str, tmp_path: Path) -> None:
    with deaths(tmp_path) as of:
        die_one_by_one(
            of, [{"call": call, "count": count, "moment": moment, "do": "die"} for call, count in DAEMON]
        )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("moment", MOMENTS)
def test_death_at_each_commit(moment: str, tmp_path: Path) -> None:
    """Of all commits from the start of the daemon, which makes up for the death before, to the end of another
    download; or of every tenth of them."""
    count = 1 if moment == "before" else 3
    with deaths(tmp_path) as of:
        while True:
            trap: Trap = {"call": "database._commit", "count": count, "moment": moment, "do": "die"}
            with contextlib.suppress(ClientError, OSError, AssertionError):
                of.start(of.trap(count, trap, from_the_start=True))
                of.finish()
            if not of.dies():
                break
            assert of.has_sprung(count)
            count += 1 if ALL else 10
        of.daemon.kill_with_worker()  # the trap may be ahead
        of.start()
        of.finish()
    print(f"{count} commits")
    assert count > 10
