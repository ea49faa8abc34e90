"""A registry in a process of its own: for kill -9, signals, and several processes on one database."""

import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests import forked
from tests.forked import INHERITED
from tests.running import START_S, STOP_S, free_port


class RegistryProcess:
    """`url` is where it answers once it is started; it keeps its port."""

    def __init__(self, state_dir: Path, database: str = "", *arguments: str) -> None:
        self.state_dir = state_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.environ["MODELHUB_REGISTRY_STATE_DIR"] = str(state_dir)
        if database:
            self.environ["MODELHUB_REGISTRY_DATABASE"] = database
        self.arguments = arguments
        self.log_file = state_dir.with_name(f"{state_dir.name}-{self.port}.log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, within_s: float = START_S) -> None:
        """Start it and wait until it answers."""
        process = self.spawn()
        limit = time.monotonic() + within_s
        while time.monotonic() < limit and process.poll() is None:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"{self.url}/api/v1/health", timeout=5) as answer,
            ):
                if answer.status == 200:
                    return
            time.sleep(0.02)
        raise AssertionError(f"the registry did not answer:\n{self.log[-4000:]}")

    def spawn(self) -> "subprocess.Popen[bytes]":
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            arguments = ("serve", "--port", str(self.port), *self.arguments)
            self.process = forked.start(PROGRAM, arguments, self.environ, stdout=log)
        return self.process

    @property
    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """What another command of the program says, with the same configuration."""
        return forked.run(PROGRAM, arguments, self.environ)

    def create_admin(self, name: str = "admin") -> str:
        """A token."""
        done = self.command("create-admin", name)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def stop(self) -> None:
        """SIGTERM, and a clean end."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_S)
        assert code == 0, f"the registry ended with {code}:\n{self.log[-4000:]}"

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_S)


PROGRAM = "modelhubd.registry"


@contextlib.contextmanager
def registry_process(state_dir: Path, database: str = "", *arguments: str) -> Iterator[RegistryProcess]:
    """One that answers, stopped at the end."""
    made = RegistryProcess(state_dir, database, *arguments)
    try:
        made.start()
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            try:
                made.stop()
            finally:
                if made.process.poll() is None:
                    made.kill()
