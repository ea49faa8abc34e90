"""Programs of ours as forks of a process that has imported them already: most of what a start costs is its
imports (docs/decisions/0052).

    python -m tests.forked

is the mother of those that `start` and `run` ask for. It reads an order from its input, a socket, and answers
each; it ends when whoever asks does, however that comes.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import resource
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from coverage.config import CoverageConfig

DAEMON = (
    "modelhubd.__main__", "modelhubd.daemon", "modelhubd.downloads.process", "tuf.ngclient", "watchfiles",
    "anyio._backends._asyncio", "anyio.lowlevel",
)  # fmt: skip
REGISTRY = (
    "modelhubd.registry.app", "modelhubd.registry.commands.*", "modelhubd.registry.migrate",
    "modelhubd.registry.portable.*", "modelhubd.registry.release.*", "alembic.command",
    "sqlalchemy.dialects.postgresql.asyncpg", "sqlalchemy.dialects.sqlite.aiosqlite",
    "aiosqlite", "tuf.api.serialization.json",
)  # fmt: skip
CRASH = ("tests.crash.whole_daemon", "tests.crash.download_daemon")
BEFOREHAND = {
    "modelhubd": DAEMON,
    "modelhubd.registry": REGISTRY,
    "modelhub_cli.main": ("modelhub_cli.*", "modelhub_cli.commands.*", "modelhub_cli.commands.registry.*"),
    "tests.contract.recorded_daemon": DAEMON,
    "tests.fakes.self_portrait": (),
    "tests.crash.download_daemon": (*DAEMON, *CRASH),
    "tests.crash.whole_daemon": (*DAEMON, *CRASH),
}
"""Program → what it imports sooner or later; `.*` is all that is in a package."""
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
"""What a program under test is given of this process's environment."""
AT_BIRTH = ("COVERAGE_", "GLIBC_", "LANG", "LC_", "LD_", "MALLOC_", "OPENSSL_", "PYTHON", "SSL_", "TZ")
"""Beginnings of variables that count when a process begins, and not later."""
LATER = frozenset({"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"})
"""Those of them that a fork can still heed."""
MEASURING = "COVERAGE_PROCESS_CONFIG"
LIMITS = tuple(name for name in dir(resource) if name.startswith("RLIMIT_"))
LARGEST = 1 << 18
END_S = 20

Fd = int | IO[Any]


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=os.dup(0)) as orders:
        while True:
            sent, fds, _, _ = socket.recv_fds(orders, LARGEST, 3)
            if not sent:
                return
            order = json.loads(sent)
            if "reap" in order:
                answer = os.waitstatus_to_exitcode(os.waitpid(order["reap"], 0)[1])
            else:
                _import(BEFOREHAND[order["program"]])
                answer = os.fork()
                if answer == 0:
                    orders.detach()
                    _become(order, fds)
                    runpy.run_module(order["program"], run_name="__main__", alter_sys=True)
                    return
                for fd in fds:
                    os.close(fd)
            orders.send(str(answer).encode())


def _import(names: Iterable[str]) -> None:
    """What is imported here is nobody's to collect, and no thread of it would live on in a fork."""
    if missing := [name for name in _each(names) if name not in sys.modules]:
        for name in missing:
            importlib.import_module(name)
        gc.collect()
        gc.freeze()
        assert len(os.listdir("/proc/self/task")) == 1, "a thread runs, which no fork would have"


def _each(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        package, star, _ = name.partition(".*")
        yield package
        if star:
            folders = importlib.import_module(package).__path__
            yield from (f"{package}.{found.name}" for found in pkgutil.iter_modules(folders))


def _become(order: dict[str, Any], fds: Sequence[int]) -> None:
    """What a program of its own would find: its arguments, its environment, its folder, its files."""
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(order["environ"])
    os.chdir(order["cwd"])
    for name, limits in order["limits"].items():
        if limits != list(resource.getrlimit(getattr(resource, name))):
            resource.setrlimit(getattr(resource, name), limits)
    at_once = bool(os.environ.get("PYTHONUNBUFFERED"))
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    stdin = _read(sys.stdin)
    stdout = _written(1, sys.stdout, at_once, os.isatty(1))
    stderr = _written(2, sys.stderr, at_once, True)
    vars(sys).update(stdin=stdin, stdout=stdout, stderr=stderr)
    vars(sys).update(__stdin__=stdin, __stdout__=stdout, __stderr__=stderr)
    sys.argv = [order["program"], *order["arguments"]]
    sys.orig_argv = [sys.executable, "-m", *sys.argv]
    sys.path[0] = order["cwd"]
    for name in (order["program"], f"{order['program']}.__main__"):
        if not hasattr(sys.modules.get(name), "__path__"):
            sys.modules.pop(name, None)
    tempfile.tempdir = None
    signal.signal(signal.SIGINT, signal.SIG_IGN if order["deaf"] else signal.default_int_handler)


def _read(like: Any) -> Any:
    return io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), like.encoding, like.errors)


def _written(fd: int, like: Any, at_once: bool, by_line: bool) -> Any:
    raw = io.BufferedWriter(io.FileIO(fd, "w", closefd=False))
    return io.TextIOWrapper(
        raw, like.encoding, like.errors, line_buffering=by_line and not at_once, write_through=at_once
    )


def birth(environ: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """What of an environment counts when a process begins."""
    return frozenset(
        (name, text) for name, text in environ.items() if name.startswith(AT_BIRTH) and name not in LATER
    )


class _Mother:
    """The process that forks; `environ` is what counts at its birth."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._orders.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
        given = {name: os.environ[name] for name in INHERITED if name in os.environ}
        plain = {name: text for name, text in given.items() if not name.startswith(AT_BIRTH)}
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.forked"],
                stdin=theirs.fileno(),
                cwd=Path(__file__).parent.parent,
                env={**plain, **environ, **_measured_anew(environ)},
            )
        self._asking = threading.Lock()

    def ask(self, fds: Sequence[int] = (), **order: Any) -> int:
        with self._asking:
            socket.send_fds(self._orders, [json.dumps(order).encode()], fds)
            answer = self._orders.recv(LARGEST)
        assert answer, "the mother of the forks has ended; its errors are above"
        return int(answer)

    def end(self) -> None:
        self._orders.close()
        self.process.wait(END_S)


def _measured_anew(environ: Mapping[str, str]) -> dict[str, str]:
    """The variable by which coverage begins anew in each fork of a process. It is for mothers only: in a fork
    of a test process, which has measured a lot, that takes minutes."""
    if (given := environ.get(MEASURING)) is None:
        return {}
    config = CoverageConfig.deserialize(given)
    config.patch = [*config.patch, "fork"]
    return {MEASURING: config.serialize()}


_mothers: dict[frozenset[tuple[str, str]], _Mother] = {}
"""Of this process: one whose children are measured, and one whose are not."""
_first = threading.Lock()
_commanded: list[None] = []


def _mother(of: frozenset[tuple[str, str]]) -> _Mother:
    with _first:
        if of not in _mothers:
            _mothers[of] = _Mother(dict(of))
        return _mothers[of]


def mothers() -> set[int]:
    """Their process ids: they stay until the tests end."""
    return {mother.process.pid for mother in _mothers.values()}


def end() -> None:
    """The mothers end, and with them what was measured in them is there."""
    while _mothers:
        _mothers.popitem()[1].end()


class Forked(subprocess.Popen[bytes]):
    """A program that runs; it is asked and ended like any other."""

    def __init__(
        self, program: str, arguments: Sequence[str], environ: Mapping[str, str], fds: Sequence[int]
    ) -> None:
        # Nothing is started by the class above: its parent is another one.
        self.args = [sys.executable, "-m", program, *arguments]
        self.returncode: int | None = None
        self.stdin = self.stdout = self.stderr = None
        self._mother = _mother(birth(environ))
        self.pid = self._mother.ask(
            fds, program=program, arguments=list(arguments), environ=dict(environ), cwd=os.getcwd(),
            limits={name: resource.getrlimit(getattr(resource, name)) for name in LIMITS},
            deaf=signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
        )  # fmt: skip
        self._fd = os.pidfd_open(self.pid)
        self._reaping = threading.Lock()

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        limit = None if timeout is None else time.monotonic() + timeout
        with self._reaping:
            if self.returncode is None:
                looking = select.poll()
                looking.register(self._fd, select.POLLIN)
                left = None if limit is None else max(0, limit - time.monotonic()) * 1000
                if not looking.poll(left):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
                self.returncode = self._mother.ask(reap=self.pid)
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


def start(
    program: str,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    stdin: Fd = subprocess.DEVNULL,
    stdout: Fd,
    stderr: Fd | None = None,
) -> "subprocess.Popen[bytes]":
    """`python -m PROGRAM ARGUMENTS…`, its errors where its output goes unless `stderr` says otherwise: a fork
    where that makes no difference to the program, an ordinary process elsewhere."""
    stderr = stdout if stderr is None else stderr
    if not _can_fork(program, environ):
        return start_by_command(program, arguments, environ, stdin=stdin, stdout=stdout, stderr=stderr)
    with open(os.devnull, "r+b", buffering=0) as nothing:
        given = (nothing if fd == subprocess.DEVNULL else fd for fd in (stdin, stdout, stderr))
        fds = [fd if isinstance(fd, int) else fd.fileno() for fd in given]
        return Forked(program, arguments, environ, fds)


@contextlib.contextmanager
def by_command() -> Iterator[None]:
    """Meanwhile nothing is a fork: for tests that are about the very start."""
    _commanded.append(None)
    try:
        yield
    finally:
        _commanded.pop()


def start_by_command(
    program: str,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    stdin: Fd = subprocess.DEVNULL,
    stdout: Fd,
    stderr: Fd | None = None,
) -> "subprocess.Popen[bytes]":
    """The same, never a fork."""
    command = [sys.executable, "-m", program, *arguments]
    stderr = stdout if stderr is None else stderr
    return subprocess.Popen(command, env=environ, stdin=stdin, stdout=stdout, stderr=stderr)


def _can_fork(program: str, environ: Mapping[str, str]) -> bool:
    """Only tests fork: benchmarks and the demo show what people start."""
    if _commanded:
        return False
    if program not in BEFOREHAND or not hasattr(os, "pidfd_open") or "PYTEST_VERSION" not in os.environ:
        return False
    measured = birth({name: os.environ[name] for name in INHERITED if name in os.environ})
    plain = frozenset((name, text) for name, text in measured if not name.startswith("COVERAGE_"))
    return birth(environ) in (measured, plain)


def run(
    program: str,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    given: str = "",
    within_s: float = 60,
) -> "subprocess.CompletedProcess[str]":
    """What `python -m PROGRAM ARGUMENTS…` says to what it is `given`, and its exit code.

    Raises:
        subprocess.TimeoutExpired: it took longer than `within_s` and was killed.
    """
    with tempfile.TemporaryFile() as typed, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        typed.write(given.encode())
        typed.seek(0)
        process = start(program, arguments, environ, stdin=typed, stdout=out, stderr=err)
        try:
            code = process.wait(within_s)
        finally:
            process.kill()
            process.wait(END_S)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
        return subprocess.CompletedProcess(process.args, code, *said)


if __name__ == "__main__":
    main()
