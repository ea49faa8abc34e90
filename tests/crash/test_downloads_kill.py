"""kill -9 at many random moments and at every step of the finalisation: nothing lost, nothing doubled."""

import os
import random
import sqlite3
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

import psutil
import pytest

from tests import forked
from tests.fakes.origin import Origin, body
from tests.running import still_running

PROGRAM = "tests.crash.download_daemon"
MB = 1_000_000
RATE = 12 * MB
MAP_S = 1.0


class Crash:
    def __init__(self, folder: Path, origin: Origin, sizes: dict[str, int], **rest: int) -> None:
        self.folder = folder
        self.origin = origin
        self.sizes = sizes
        for seed, (name, size) in enumerate(sizes.items(), 1):
            origin.serve(f"/{folder.name}/{name}", size, seed=seed, **rest)

    def start(self, *rest: str) -> "subprocess.Popen[bytes]":
        files = [f"{name}={size}" for name, size in self.sizes.items()]
        arguments = [str(self.folder), self.origin.url, *files, *rest]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        self.output.unlink(missing_ok=True)
        with self.output.open("wb") as output:
            return forked.start(PROGRAM, arguments, environ, stdout=output)

    def finish(self) -> str:
        """Its last word."""
        self.start().wait(90)
        return self.output.read_text().strip().rpartition("\n")[2]

    def kill_after(self, seconds: float) -> bool:
        """Whether it was still at work then. The worker is gone soon after its daemon."""
        process = self.start()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            process.wait(10)
            assert not still_running(children, within_s=5), "the worker outlives its daemon"
            return True
        return False

    @property
    def output(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.txt")

    @property
    def final(self) -> Path:
        return self.folder / "models/acme/crash/1/gguf-q4"

    def assert_right(self, kept: Mapping[str, bytes] = MappingProxyType({})) -> None:
        """`kept` are the files beside the downloaded ones."""
        final = self.final
        for seed, (name, size) in enumerate(self.sizes.items(), 1):
            assert (final / name).read_bytes() == body(seed, size)
        found = {str(path.relative_to(final)) for path in final.rglob("*") if path.is_file()}
        assert found == self.sizes.keys() | kept.keys()
        assert {name: (final / name).read_bytes() for name in kept} == kept
        assert not list((self.folder / "models/.staging").iterdir())
        with closing(sqlite3.connect(self.folder / "state.db")) as database:
            assert database.execute("SELECT count(*) FROM installed").fetchone() == (1,)
            assert database.execute("SELECT state FROM download").fetchall() == [("completed",)]

    def progress(self) -> int:
        with closing(sqlite3.connect(self.folder / "state.db")) as database:
            try:
                return int(
                    database.execute("SELECT sum(written_bytes) FROM download_file").fetchone()[0] or 0
                )
            except sqlite3.OperationalError:
                return 0  # killed before the database was there


@pytest.mark.timeout(300)
def test_a_daemon_killed_at_many_random_moments_loses_and_doubles_nothing(tmp_path: Path) -> None:
    size = 40 * MB
    chance = random.Random()
    seed = chance.randrange(1 << 32)
    print(f"seed {seed}")
    chance.seed(seed)
    with Origin() as origin:
        crash = Crash(tmp_path, origin, {"tiny.gguf": size}, total_rate=RATE)
        kills, before = 0, 0
        for _ in range(30):
            if not crash.kill_after(chance.uniform(0.1, 1.2)):
                break
            kills += 1
            now = crash.progress()
            assert now >= before, "what was durable stays"
            before = now
        assert crash.finish() == "completed"
        crash.assert_right()
        fetched = sum(entry["sent"] for entry in origin.requests())
        again = fetched - size
        print(
            f"{kills} kills, {again / MB:.1f} MB fetched twice, {again / MB / max(kills, 1):.2f} MB per kill"
        )
        assert kills >= 8
        assert again <= kills * 2 * MAP_S * RATE


STEPS = [
    "store.insert", "store.set_staged", "store.set_answer", "store.set_durable", "store.set_whole",
    "store.set_state", "staging.check_beginnings", "staging.place", "root.rename", "root.make_dirs",
    "root.fsync_dir", "root.remove_tree", "daemon._install",
]  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_daemon_killed_at_each_step_finishes_at_the_next_start(moment: str, tmp_path: Path) -> None:
    sizes = {"config.json": 3000, "model-1.safetensors": 2 * MB, "deep/model-2.safetensors": MB}
    with Origin() as origin:
        for step in STEPS:
            folder = tmp_path / step
            folder.mkdir()
            crash = Crash(folder, origin, sizes)
            process = crash.start("--die", moment, step)
            process.wait(60)
            assert process.returncode in (-9, 0), step
            assert process.returncode == -9 or step in ("root.remove_tree", "root.make_dirs"), step
            assert crash.finish() == "completed", step
            crash.assert_right()


ASIDE_STEPS = [
    ("staging.names_are_free", 1), ("staging.place", 1), ("staging.move_aside", 1), ("staging.move_aside", 2),
    *(("root.rename", count) for count in range(1, 6)),
    ("root.fsync_dir", 1), ("root.fsync_dir", 2), ("root.remove_tree", 1), ("daemon._install", 1),
]  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_daemon_killed_while_it_moves_foreign_files_aside_keeps_each_once(
    moment: str, tmp_path: Path
) -> None:
    """Of three files the first is in nobody's way, the others' names are taken, one by a file as large."""
    sizes = {"config.json": 3000, "model-1.safetensors": MB, "deep/model-2.safetensors": MB}
    foreign = {"model-1.safetensors": b"mine", "deep/model-2.safetensors": body(9, MB)}
    kept = {f"{name}.kept-1": content for name, content in foreign.items()}
    with Origin() as origin:
        for step, count in ASIDE_STEPS:
            folder = tmp_path / f"{step}-{count}"
            folder.mkdir()
            crash = Crash(folder, origin, sizes)
            for name, content in foreign.items():
                (crash.final / name).parent.mkdir(parents=True, exist_ok=True)
                (crash.final / name).write_bytes(content)
            process = crash.start("--die", moment, step, "--count", str(count))
            process.wait(60)
            assert process.returncode == -9, (step, count)
            assert crash.finish() == "completed", (step, count)
            crash.assert_right(kept)


@pytest.mark.timeout(300)
def test_a_daemon_killed_around_the_end_of_a_download_installs_it_once(tmp_path: Path) -> None:
    with Origin() as origin:
        usual = 0.0
        for name in ("first", "usual"):
            began = time.monotonic()
            (tmp_path / name).mkdir()
            assert Crash(tmp_path / name, origin, {"tiny.gguf": MB}).finish() == "completed"
            usual = time.monotonic() - began
        killed = 0
        for number in range(10):
            folder = tmp_path / str(number)
            folder.mkdir()
            crash = Crash(folder, origin, {"tiny.gguf": MB})
            if crash.kill_after(usual * (0.5 + number / 20)):
                killed += 1
            else:
                usual *= 0.8  # the machine had more to do when `usual` was measured
            assert crash.finish() == "completed"
            crash.assert_right()
        assert killed, "at least one was killed before its end"
