"""A real daemon in a process of its own, with a home of its own, for tests and benchmarks."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import psutil

from modelhub_client import Client, ClientError
from tests import forked
from tests.forked import INHERITED

START_S = 60.0
STOP_S = 30.0
PORTS = range(20_000, 32_000)
"""Below those that the system gives to whoever asks for any."""


def free_port() -> int:
    """One to be listened on later, and again after a restart."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class RunningDaemon:
    """`client` talks to it over its Unix socket."""

    program = "modelhubd"

    def __init__(self, home: Path, settings: Mapping[str, str] | None = None, *arguments: str) -> None:
        self.home = home
        self.environ = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.environ |= {"MODELHUB_HOME": str(home), "MODELHUB_SERVER_PORT": "0"} | dict(settings or {})
        self.arguments = arguments
        self.log_file = home / "daemon-under-test.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def client(self) -> Client:
        return Client(environ=self.environ)

    @property
    def socket(self) -> Path:
        return self.home / "run" / "modelhub.sock"

    @property
    def url(self) -> str:
        """Of loopback TCP, as `runtime.json` names it."""
        return str(json.loads((self.home / "run" / "runtime.json").read_text())["url"])

    @property
    def token(self) -> str:
        return (self.home / "state" / "token").read_text().strip()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self, within_s: float = START_S) -> float:
        """Start it and wait until it answers; the seconds that took."""
        began = time.monotonic()
        process = self.spawn()
        while time.monotonic() - began < within_s:
            with contextlib.suppress(ClientError):
                self.client.health()
                return time.monotonic() - began
            if process.poll() is not None:
                break
            time.sleep(0.005)
        raise AssertionError(f"the daemon did not answer:\n{self.log_file.read_text()[-4000:]}")

    def spawn(self) -> "subprocess.Popen[bytes]":
        """Start it and do not wait for an answer."""
        self.home.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self.process = forked.start(self.program, self.arguments, self.environ, stdout=log)
        return self.process

    def stop(self) -> float:
        """SIGTERM, and wait for the end; the seconds that took. Anything but a clean exit is an error."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_S)
        assert code == 0, f"the daemon ended with {code}:\n{self.log_file.read_text()[-4000:]}"
        return time.monotonic() - began

    def kill(self) -> None:
        """kill -9, as bad luck does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_S)


def still_running(processes: Iterable[psutil.Process], within_s: float) -> list[psutil.Process]:
    """Those that have not ended within `within_s` seconds. One that ended and awaits its parent's notice, who
    may be the system's first process, has ended."""
    left = list(processes)
    limit = time.monotonic() + within_s
    while left and time.monotonic() < limit:
        time.sleep(0.02)
        left = [process for process in left if _runs(process)]
    return left


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def running_daemon(
    home: Path,
    settings: Mapping[str, str] | None = None,
    *arguments: str,
    kind: type[RunningDaemon] = RunningDaemon,
) -> Iterator[RunningDaemon]:
    """A daemon that answers, stopped at the end; that it is gone is checked."""
    daemon = kind(home, settings, *arguments)
    try:
        daemon.start()
        yield daemon
    finally:
        if daemon.process is not None and daemon.process.poll() is None:
            try:
                daemon.stop()
            finally:
                if daemon.process.poll() is None:
                    daemon.kill()
