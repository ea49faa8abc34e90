"""`modelhub daemon run` in the foreground and `modelhub daemon logs -f`, on a real terminal until Ctrl-C."""

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from modelhub_client import Client, ClientError
from tests.fakes.terminal import TAKE_TERMINAL
from tests.forked import INHERITED
from tests.running import still_running

PROGRAM = [sys.executable, "-m", "modelhub_cli.main", "daemon"]
WITHIN_S = 40.0


class Typed:
    """A program on a terminal that is looked at while it runs."""

    def __init__(self, command: list[str], environ: dict[str, str]) -> None:
        self._ours, theirs = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", TAKE_TERMINAL, *command],
            env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.seen = ""

    def shows(self, text: str) -> None:
        """Waits until it has shown the text."""
        give_up = time.monotonic() + WITHIN_S
        while text not in self.seen:
            assert time.monotonic() < give_up, self.seen
            if select.select([self._ours], [], [], 0.05)[0]:
                self.seen += os.read(self._ours, 65536).decode("utf-8", "replace")

    def ends_by_ctrl_c(self) -> int:
        os.write(self._ours, b"\x03")
        code = self.process.wait(WITHIN_S)
        with contextlib.suppress(OSError):
            while data := os.read(self._ours, 65536):
                self.seen += data.decode("utf-8", "replace")
        return code

    def close(self) -> None:
        self.process.kill()
        self.process.wait(5)
        os.close(self._ours)


@contextlib.contextmanager
def typed(environ: dict[str, str], *arguments: str) -> Iterator[Typed]:
    program = Typed([*PROGRAM, *arguments], environ)
    try:
        yield program
    finally:
        program.close()


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    found = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return found | {"MODELHUB_HOME": str(tmp_path / "home"), "HOME": str(tmp_path), "TERM": "xterm-256color"}


def test_a_daemon_in_the_foreground_serves_until_ctrl_c_and_leaves_nothing(
    environ: dict[str, str], tmp_path: Path
) -> None:
    run_dir = tmp_path / "home/run"
    with typed(environ, "run", "--port", "0") as daemon:
        daemon.shows("answers on")
        assert Client(environ=environ).status().pid == daemon.process.pid
        family = psutil.Process(daemon.process.pid).children(recursive=True)
        assert daemon.ends_by_ctrl_c() == 0, daemon.seen
    assert "Traceback" not in daemon.seen
    assert not (run_dir / "modelhub.sock").exists() and not (run_dir / "runtime.json").exists()
    assert still_running(family, 5.0) == []
    with pytest.raises(ClientError):
        Client(environ=environ).health()


def test_a_log_is_followed_over_the_moment_it_is_put_aside_and_ends_quietly(
    environ: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "home/state/logs/daemon.log"
    log.parent.mkdir(parents=True)
    log.write_text("long ago\nthe last of before\n")
    with typed(environ, "logs", "-f", "--tail", "1") as follower:
        follower.shows("the last of before\r\n")
        with log.open("a", buffering=1) as old:
            old.write("something new\n")
            follower.shows("something new\r\n")
            log.replace(log.with_name("daemon.log.1"))
            old.write("the last words\n")
        log.write_text("a new beginning\n")
        follower.shows("a new beginning\r\n")
        with log.open("a") as new:
            new.write("and on it goes\n")
        follower.shows("and on it goes\r\n")
        assert follower.ends_by_ctrl_c() == 130
    told = follower.seen.replace("\r", "").replace("^C", "").split("\n")
    assert [line for line in told if line] == [
        "the last of before", "something new", "the last words", "a new beginning", "and on it goes"
    ]  # fmt: skip
