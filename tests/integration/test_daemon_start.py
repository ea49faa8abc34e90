"""What a start meets: a full disk, something in the way, a signal before it is done."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import forked
from tests.integration.test_daemon import refused
from tests.raw import over_socket
from tests.running import RunningDaemon, running_daemon

SIGNALLED = """
import importlib.abc, os, sys

class OnImport(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "modelhubd.daemon":
            os.kill(os.getpid(), {number})

sys.meta_path.insert(0, OnImport())
from modelhubd.__main__ import main
sys.exit(main([]))
"""

HELD = """
import asyncio, pathlib, sys
from modelhubd.__main__ import main
from modelhubd.catalog.service import Catalog

start = Catalog.start

async def held(catalog, tasks):
    while not pathlib.Path({gate!r}).exists():
        await asyncio.sleep(0.01)
    await start(catalog, tasks)

Catalog.start = held
sys.exit(main([]))
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs needs root and the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(autouse=True, scope="module")
def started() -> Iterator[None]:
    """As people start it."""
    with forked.by_command():
        yield


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    filling = disk / "filling"
    with filling.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    filling.unlink()


def test_a_full_disk_is_said_in_words_and_costs_nothing(small_disk: Path) -> None:
    home = small_disk / "home"
    home.mkdir()
    with full(small_disk):
        assert "No space left" in refused(home)
    with running_daemon(home) as daemon:
        token = daemon.token
    with full(small_disk):
        said = refused(home)
        assert "room" in said
        assert "move it away" not in said
    with running_daemon(home) as daemon:
        assert daemon.token == token


def test_a_read_only_disk_is_said_in_words(small_disk: Path) -> None:
    home = small_disk / "home"
    with running_daemon(home):
        pass
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert "Read-only file system" in refused(home)


@pytest.mark.parametrize(
    "place", ["state/token", "state/modelhub.db", "run/runtime.json", "run/modelhub.sock"]
)
def test_something_in_the_way_is_said_in_words(home: Path, place: str) -> None:
    (home / place).mkdir(parents=True)
    assert (home / place).name in refused(home)


def test_a_pipe_in_the_tokens_place_holds_nobody_up(home: Path) -> None:
    (home / "state").mkdir(parents=True)
    os.mkfifo(home / "state/token", 0o600)
    assert "no file" in refused(home)


def test_a_models_folder_of_nobody_is_named(home: Path) -> None:
    home.mkdir()
    assert "models.dir" in refused(home, "--models-dir", "~nobody-of-this-name/models")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_start_is_done_ends_it_in_order(home: Path, number: int) -> None:
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED.format(number=int(number))],
        env=RunningDaemon(home).environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert not (home / "run/modelhub.sock").exists()


def test_health_answers_while_the_parts_start_and_all_else_waits(home: Path, tmp_path: Path) -> None:
    daemon, gate = RunningDaemon(home), tmp_path / "gate"
    home.mkdir(parents=True, exist_ok=True)
    with daemon.log_file.open("wb") as log, ThreadPoolExecutor() as beside:
        process = subprocess.Popen(
            [sys.executable, "-c", HELD.format(gate=str(gate))], env=daemon.environ, stdout=log, stderr=log
        )
        try:
            limit = time.monotonic() + 30
            while not (home / "run/runtime.json").exists():
                assert time.monotonic() < limit, daemon.log_file.read_text()
                time.sleep(0.01)
            waiting = beside.submit(over_socket, daemon.socket, "GET", "/api/v1/catalog/models")
            for _ in range(20):
                assert over_socket(daemon.socket, "GET", "/api/v1/health").status == 200
            assert not waiting.done()
            gate.touch()
            assert waiting.result(timeout=30).status == 200
        finally:
            gate.touch()
            process.terminate()
            process.wait(timeout=30)
