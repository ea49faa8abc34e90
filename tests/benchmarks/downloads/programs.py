"""Other programs: found, run within a time limit, and what they cost."""

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

PLACES = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
STOP_S = 10.0


class Missing(Exception):
    """A program that has to be installed first."""


class Cost(NamedTuple):
    wall_s: float
    cpu_s: float

    def __add__(self, other: object) -> "Cost":
        assert isinstance(other, Cost)
        return Cost(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s)


def program(name: str, package: str = "") -> str:
    """Its path.

    Raises:
        Missing: it is not installed; says which package has it.
    """
    found = shutil.which(name, path=PLACES)
    if found is None:
        raise Missing(f"{name} is not installed: apt-get install --no-install-recommends {package or name}")
    return found


def run(
    *command: str, within_s: float, cwd: Path | None = None, environ: Mapping[str, str] | None = None
) -> Cost:
    """Run it to its end: wall seconds, and CPU seconds of it and its children."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=None if environ is None else {**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    limit = threading.Timer(within_s, process.kill)
    limit.start()
    try:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        limit.cancel()
        limit.join()
        assert process.stdout is not None
        process.stdout.close()
    wall_s = time.perf_counter() - began
    if process.returncode != 0:
        text = said.decode("utf-8", "replace")[-2000:]
        raise RuntimeError(f"{command[0]} ended with {process.returncode} after {wall_s:.1f} s:\n{text}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime)


@contextlib.contextmanager
def background(*command: str, log: Path) -> Iterator[subprocess.Popen[str]]:
    """A program in a process group of its own (Ctrl-C is for us to handle), ended by SIGTERM or killed."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        with contextlib.suppress(OSError):
            pipe.close()
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
