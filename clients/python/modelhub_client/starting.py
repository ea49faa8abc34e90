"""Starting the daemon on demand, as a program of its own that outlives whoever needed it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from modelhub_client.errors import ClientError, DaemonNotStarted
from modelhubd.places import Places, find_places, private_dir

START_WAIT_S = 10.0
LOG_MAX_BYTES = 10_000_000
WHOLE_LOG = "See the whole log with: modelhub daemon logs"


def ensure_running(
    environ: Mapping[str, str] | None = None,
    *,
    within_s: float = START_WAIT_S,
    say: Callable[[str], None] = lambda _: None,
) -> int | None:
    """Have a daemon that answers: None where one does, else the process id of the one that was started.

    Where systemd or launchd listens for it, asking has it started. Two that ask at once get one daemon. It
    goes on when this program ends. Blocks: an async program calls it by `asyncio.to_thread`.

    Raises:
        DaemonNotStarted: it ended, or does not answer in time; the end of its log is in the message.
    """
    environ = os.environ if environ is None else environ
    if is_running(environ):
        return None
    say("Starting the daemon …")
    return start_daemon(environ, within_s=within_s)


def is_running(environ: Mapping[str, str]) -> bool:
    """Whether a daemon answers."""
    from modelhub_client.client import Client

    try:
        Client(environ=environ).health(timeout_s=2.0)
    except ClientError:
        return False
    return True


def start_daemon(environ: Mapping[str, str], *, within_s: float = START_WAIT_S) -> int:
    """Start the daemon in the background, wait until it answers, and give its process id.

    It has a session of its own, so that it outlives the terminal, and writes to `daemon.log`.

    Raises:
        DaemonNotStarted: it ended, or does not answer in time; the end of its log is in the message.
    """
    places = find_places(environ)
    log = open_log(places)
    with log.open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "modelhubd"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
            env=dict(environ),
        )
    pause = 0.02
    give_up = time.monotonic() + within_s
    while time.monotonic() < give_up:
        if is_running(environ):
            return process.pid
        # One that was first holds the home: ours has ended because of it, and it will answer.
        if process.poll() is not None and named_holder(places) is None:
            raise _not_started(f"The daemon ended at once: {_last_words(log, begin)}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)
    raise _not_started(f"The daemon has not answered within {within_s:.0f} s: {_last_words(log, begin)}")


def _not_started(text: str) -> DaemonNotStarted:
    error = DaemonNotStarted(text)
    error.add_note(WHOLE_LOG)
    return error


def is_alive(pid: int) -> bool:
    """Whether a process exists and has not ended; one that only waits to be collected has."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except (OSError, IndexError):
        return Path("/proc/self/stat").exists() is False


def open_log(places: Places) -> Path:
    """The daemon's log, readable by its user only; a large one is put aside first."""
    path = private_dir(places.logs_dir) / "daemon.log"
    if path.exists() and path.stat().st_size > LOG_MAX_BYTES:
        path.replace(path.with_name("daemon.log.1"))
    os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    return path


def named_holder(places: Places) -> int | None:
    """The living process that the lock names; after a kill -9 it may be a stranger."""
    try:
        holder = int(places.lock_file.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None
    return holder if is_alive(holder) else None


def _last_words(log: Path, begin: int) -> str:
    with log.open("rb") as lines:
        lines.seek(begin)
        text = lines.read(65536).decode("utf-8", "replace").strip()
    return text.splitlines()[-1] if text else "it said nothing."
