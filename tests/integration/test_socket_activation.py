"""The whole daemon under a service manager: the socket is handed over, readiness and life are told."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PATIENCE_S = 20.0
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-m", "modelhubd"])
"""


class Manager:
    """Stands in for systemd: holds the listening socket and hears what the daemon says."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / "run" / "modelhub.sock"
        self.path.parent.mkdir(mode=0o700)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(home / "notify"))
        self.notify.settimeout(PATIENCE_S)
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "MODELHUB_HOME": str(home),
            "MODELHUB_SERVER_TCP": "false",
            "NOTIFY_SOCKET": str(home / "notify"),
            "WATCHDOG_USEC": "200000",
            "PYTHONPATH": str(ROOT),
        }
        self.log = (home / "log").open("wb")

    def close(self) -> None:
        self.notify.close()
        self.log.close()

    @contextlib.contextmanager
    def listening(self) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
            made.bind(str(self.path))
            self.path.chmod(0o600)
            made.listen()
            yield made

    @contextlib.contextmanager
    def running(self, command: list[str], **environ: str) -> Iterator["subprocess.Popen[bytes]"]:
        with subprocess.Popen(
            command, env=self.environ | environ, stdout=self.log, stderr=self.log, close_fds=False
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextlib.contextmanager
    def started_with(self, listening: socket.socket) -> Iterator["subprocess.Popen[bytes]"]:
        """The daemon with `listening` as its descriptor 3, as systemd starts it."""
        fd = os.dup(listening.fileno())
        os.set_inheritable(fd, True)
        try:
            with self.running([sys.executable, "-c", HAND_OVER, str(fd)]) as process:
                yield process
        finally:
            os.close(fd)

    def hears(self, wanted: str) -> None:
        """Wait for a message; signs of life may come before it."""
        until = time.monotonic() + PATIENCE_S
        while (said := self.notify.recv(4096).decode()) != wanted:
            assert said == "WATCHDOG=1" and time.monotonic() < until, f"said {said!r}, not {wanted!r}"

    def ask(self, path: str) -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection("localhost", timeout=PATIENCE_S)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(PATIENCE_S)
        connection.sock.connect(str(self.path))
        with contextlib.closing(connection):
            connection.request("GET", f"/api/v1/{path}")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    home = tmp_path / "h"
    home.mkdir(mode=0o700)
    made = Manager(home)
    yield made
    made.close()


def stop(process: "subprocess.Popen[bytes]") -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=PATIENCE_S)


def test_readiness_life_and_the_end_are_told(manager: Manager) -> None:
    with manager.listening() as listening, manager.started_with(listening) as process:
        manager.hears("READY=1")
        assert manager.ask("health") == (200, {"status": "ok"})
        assert [manager.notify.recv(100) for _ in range(2)] == [b"WATCHDOG=1"] * 2
        process.send_signal(signal.SIGTERM)
        manager.hears("STOPPING=1")
        assert process.wait(timeout=PATIENCE_S) == 0


def test_readiness_is_told_when_it_answers_and_not_before(manager: Manager) -> None:
    with manager.running([sys.executable, "-m", "modelhubd"]) as process:
        manager.hears("READY=1")
        assert manager.ask("health")[0] == 200
        assert stop(process) == 0


def test_a_request_between_two_lives_of_the_daemon_is_answered_by_the_second(manager: Manager) -> None:
    with manager.listening() as listening:
        with manager.started_with(listening) as process:
            manager.hears("READY=1")
            first = manager.ask("version")[1]["epoch"]
            assert stop(process) == 0
        assert manager.path.is_socket(), "the socket is the manager's: the daemon leaves it"
        waiting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.closing(waiting):
            waiting.connect(str(manager.path))
            waiting.settimeout(PATIENCE_S)
            waiting.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            with manager.started_with(listening) as process:
                assert waiting.recv(15) == b"HTTP/1.1 200 OK"
                assert manager.ask("version")[1]["epoch"] != first
                assert stop(process) == 0


def test_a_socket_for_another_process_is_not_taken(manager: Manager) -> None:
    """LISTEN_PID names who is meant; a daemon started from inside another service makes its own socket."""
    with manager.running([sys.executable, "-m", "modelhubd"], LISTEN_PID="1", LISTEN_FDS="1") as process:
        manager.hears("READY=1")
        assert manager.ask("health")[0] == 200
        assert stop(process) == 0


@pytest.mark.skipif(shutil.which("systemd-socket-activate") is None, reason="needs systemd-socket-activate")
def test_systemds_own_socket_activation_starts_it_on_the_first_request(manager: Manager) -> None:
    program = shutil.which("systemd-socket-activate")
    assert program is not None
    passed = [f"--setenv={name}={value}" for name, value in manager.environ.items() if name != "PATH"]
    command = [program, f"--listen={manager.path}", *passed, sys.executable, "-m", "modelhubd"]
    with manager.running(command) as process:
        until = time.monotonic() + PATIENCE_S
        while not manager.path.is_socket():
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.02)
        assert not (manager.home / "state").exists(), "nobody asked yet, so it has not been started"
        assert manager.ask("health") == (200, {"status": "ok"})
        manager.hears("READY=1")
        assert stop(process) == 0
