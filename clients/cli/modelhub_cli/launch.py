"""Starting and stopping the daemon as a program of its own."""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Mapping

from modelhub_cli.failures import CONFLICT, UNREACHABLE, Failed
from modelhub_client.endpoint import read_runtime_info
from modelhub_client.starting import (
    LOG_MAX_BYTES,
    ensure_running,
    is_alive,
    is_running,
    named_holder,
    open_log,
    start_daemon,
)
from modelhubd.places import Places, find_places

__all__ = [
    "LOG_MAX_BYTES", "ensure_daemon", "is_alive", "is_running", "open_log", "start_daemon", "stop_daemon",
]  # fmt: skip

STOP_WAIT_S = 12.0
Say = Callable[[str], None]


def ensure_daemon(environ: Mapping[str, str], say: Say) -> None:
    """Start the daemon unless it runs."""
    ensure_running(environ, say=say)


def stop_daemon(environ: Mapping[str, str]) -> int | None:
    """Stop the daemon and wait until it is gone; gives its process id, None where none runs.

    Nothing is signalled unless the process that `runtime.json` names is the one that answers.

    Raises:
        Failed: it hangs, it cannot be told which process it is, or it does not end within twelve seconds.
    """
    from modelhub_client.client import Client

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


def _silent_holder(places: Places) -> int | None:
    """The process that holds this home, by the kernel's word, although it does not answer."""
    holder = named_holder(places)
    if holder is None:
        return None
    with places.lock_file.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return holder
    return None
