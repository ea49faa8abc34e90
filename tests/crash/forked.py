"""Programs of these tests as forks of one process that has imported them already: most of what their start
costs is its imports, and what is killed here is killed after them.

    python -m tests.crash.forked

reads an order a line and answers each; at the end of its input it ends.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.fakes.origin import REPOSITORY
from tests.running import RunningDaemon

PROGRAMS = ("tests.crash.whole_daemon", "tests.crash.download_daemon")
MORE = ("modelhubd.daemon", "watchfiles", "modelhubd.downloads.process", "tuf.ngclient")
"""What they import when they need it."""
END_S = 10


def main() -> None:
    for name in (*PROGRAMS, *MORE):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    while line := sys.stdin.readline():
        order = json.loads(line)
        if "reap" in order:
            answer = os.waitstatus_to_exitcode(os.waitpid(order["reap"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                _become(order)
                sys.exit(importlib.import_module(order["program"]).main())
        os.write(1, f"{answer}\n".encode())


def _become(order: dict[str, Any]) -> None:
    """What a program of its own would find: its arguments, its environment, its output."""
    for fd, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, fd)
        os.close(opened)
    os.dup2(1, 2)
    os.environ.clear()
    os.environ.update(order["environ"])
    sys.argv = [order["program"], *order["arguments"]]
    gc.enable()


class _Mother:
    """The process that forks."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.forked"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
            env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
            text=True,
        )
        atexit.register(self._end)

    def ask(self, **order: Any) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def _end(self) -> None:
        self._process.communicate(timeout=END_S)


_mother = functools.cache(_Mother)
"""One for all tests of this process."""


class Forked(subprocess.Popen[bytes]):
    """A program that runs; it is asked and ended like any other."""

    def __init__(
        self, program: str, arguments: Sequence[str], environ: Mapping[str, str], output: Path
    ) -> None:
        # Nothing is started by the class above: its parent is another one.
        self.args = [program, *arguments]
        self.returncode: int | None = None
        self.pid = _mother().ask(
            program=program, arguments=list(arguments), environ=dict(environ), output=str(output)
        )
        self._fd = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            looking = select.poll()
            looking.register(self._fd, select.POLLIN)
            if not looking.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = _mother().ask(reap=self.pid)
            os.close(self._fd)
        return self.returncode

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __del__(self, *_: object) -> None:
        """Whoever started it sees to its end."""


class ForkedDaemon(RunningDaemon):
    """The whole daemon, with a plan of the test's; where the system has no `pidfd_open`, started like any
    other."""

    program = PROGRAMS[0]

    def spawn(self) -> "subprocess.Popen[bytes]":
        if not hasattr(os, "pidfd_open"):
            return super().spawn()
        self.home.mkdir(parents=True, exist_ok=True)
        self.process = Forked(self.program, self.arguments, self.environ, self.log_file)
        return self.process


if __name__ == "__main__":
    main()
