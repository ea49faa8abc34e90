"""Runs a script on an answer: without network, without an environment, for a limited time."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from modelhubd.trials.checks import sandbox
from modelhubd.trials.checks.deciding import Decided, of_exit
from modelhubd.wire.evidence import CheckOutcome

TIMEOUT_S = 10.0
ENVIRON = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
"""All that a script gets."""
ELSEWHERE = "scripts are run on Linux (x86-64 and arm64) only: nowhere else can they be kept off the network"
NOT_STARTED = (
    "the script cannot be run: its first line names no program, or this system cannot keep it off the network"
)


def refused() -> str:
    """Why no script can be run here; the empty text if they can."""
    import platform

    known = sys.platform == "linux" and platform.machine() in sandbox.FORBIDDEN
    return "" if known else ELSEWHERE


def command_of(script: str) -> list[str]:
    """The program and its one argument, as the kernel reads a first line."""
    line = script.partition("\n")[0].removeprefix("#!").strip()
    program, _, argument = line.partition(" ")
    return [program, *filter(None, [argument.strip()])]


def run_script(script: str, answer: str, expected: str | None, timeout_s: float, scratch: str) -> Decided:
    """What the script says of the answer. It takes at most `timeout_s`, and nothing of it is left.
    Its folder is made within `scratch`."""
    if reason := refused():
        return CheckOutcome.ERROR, reason
    with tempfile.TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        for name, text in (("script", script), ("answer", answer), ("expected", expected)):
            if text is not None:
                (place / name).write_bytes(text.encode("utf-8", "replace"))
        with (place / "answer").open("rb") as given:
            process = subprocess.Popen(
                [
                    sys.executable, "-I", "-S", sandbox.__file__, str(int(timeout_s) + 1),
                    *command_of(script), str(place / "script"),
                ],
                stdin=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env=ENVIRON, cwd=folder, start_new_session=True,
            )  # fmt: skip
        in_time = _ended(process.pid, timeout_s)
        os.killpg(process.pid, signal.SIGKILL)  # it is not waited for yet: the group is still its own
        status = process.wait()
    if not in_time:
        return CheckOutcome.ERROR, f"the script took longer than {timeout_s:g} s"
    return (CheckOutcome.ERROR, NOT_STARTED) if status == sandbox.CANNOT else of_exit(status)


def _ended(pid: int, within_s: float) -> bool:
    """Wait for the process to end, without burying it."""
    handle = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        until = time.monotonic() + within_s
        while (left := until - time.monotonic()) > 0:
            if poll.poll(left * 1000):
                return True
        return False
    finally:
        os.close(handle)
