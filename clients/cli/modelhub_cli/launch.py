"""Starting and stopping the daemon as a program of its own."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from modelhub_cli.failures import CONFLICT, UNREACHABLE, Failed
from modelhub_client import Client, ClientError
from modelhub_client.endpoint import read_runtime_info
from modelhubd.places import Places, find_places, private_dir

START_WAIT_S = 10.0
STOP_WAIT_S = 12.0
LOG_MAX_BYTES = 10_000_000
Say = Callable[[str], None]


def is_running(environ: Mapping[str, str]) -> bool:
    """Whether a daemon answers."""
    try:
        Client(environ=environ).health(timeout_s=2.0)
    except ClientError:
        return False
    return True


def ensure_daemon(environ: Mapping[str, str], say: Say) -> None:
    """Start the daemon unless it runs."""
    if not is_running(environ):
        say("Starting the daemon …")
        start_daemon(environ)


def start_daemon(environ: Mapping[str, str]) -> int:
    """Start the daemon in the background, wait until it answers, and give its process id.

    It has a session of its own, so that it outlives the terminal, and writes to `daemon.log`.

    Raises:
        Failed: it ended, or does not answer within ten seconds; the end of its log is in the message.
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
    give_up = time.monotonic() + START_WAIT_S
    while time.monotonic() < give_up:
        if is_running(environ):
            return process.pid
        # One that was first holds the home: ours has ended because of it, and it will answer.
        if process.poll() is not None and _named_holder(places) is None:
            raise Failed(
                f"The daemon ended at once: {_last_words(log, begin)}",
                next_step="See the whole log with: modelhub daemon logs",
                code=UNREACHABLE,
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)
    raise Failed(
        f"The daemon has not answered within {START_WAIT_S:.0f} s: {_last_words(log, begin)}",
        next_step="See the whole log with: modelhub daemon logs",
        code=UNREACHABLE,
    )


def stop_daemon(environ: Mapping[str, str]) -> int | None:
    """Stop the daemon and wait until it is gone; gives its process id, None where none runs.

    Nothing is signalled unless the process that `runtime.json` names is the one that answers.

    Raises:
        Failed: it hangs, it cannot be told which process it is, or it does not end within twelve seconds.
    """
    if not is_running(environ):
        if (holder := _silent_holder(find_places(environ))) is None:
            return None
        raise Failed(
            f"The daemon (process {holder}) is alive, but does not answer; it is left alone.",
            next_step=f"Try again in a moment. If it hangs, end it with: kill -9 {holder} (nothing is lost)",
            code=UNREACHABLE,
        )
    answering = Client(environ=environ).status().pid
    info = read_runtime_info(environ)
    if info is None or info.pid != answering:
        raise Failed(
            f"A daemon answers (process {answering}), but runtime.json does not name it; it is left alone.",
            next_step=f"If it is yours, end it with: kill {answering}",
            code=CONFLICT,
        )
    os.kill(answering, signal.SIGTERM)
    give_up = time.monotonic() + STOP_WAIT_S
    while time.monotonic() < give_up:
        if not is_alive(answering):
            return answering
        time.sleep(0.05)
    raise Failed(
        f"The daemon (process {answering}) has not ended within {STOP_WAIT_S:.0f} s.",
        next_step="See what it does with: modelhub daemon logs",
    )


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


def _named_holder(places: Places) -> int | None:
    """The living process that the lock names; after a kill -9 it may be a stranger."""
    try:
        holder = int(places.lock_file.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None
    return holder if is_alive(holder) else None


def _silent_holder(places: Places) -> int | None:
    """The process that holds this home, by the kernel's word, although it does not answer."""
    holder = _named_holder(places)
    if holder is None:
        return None
    with places.lock_file.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return holder
    return None


def _last_words(log: Path, begin: int) -> str:
    with log.open("rb") as lines:
        lines.seek(begin)
        text = lines.read(65536).decode("utf-8", "replace").strip()
    return text.splitlines()[-1] if text else "it said nothing."
