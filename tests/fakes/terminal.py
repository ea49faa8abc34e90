"""Runs a program on a pseudo-terminal of a given size and gives back what a person would see."""

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


@dataclass(frozen=True, kw_only=True)
class Seen:
    code: int
    text: str
    """With escape sequences."""

    @property
    def plain(self) -> str:
        """Without escape sequences and carriage returns."""
        return ESCAPES.sub("", self.text).replace("\r", "")


def on_terminal(
    command: Sequence[str],
    environ: Mapping[str, str],
    *,
    columns: int = 100,
    rows: int = 30,
    typed: Sequence[tuple[str, bytes]] = (),
    within_s: float = 60.0,
) -> Seen:
    """Run to the end. `typed` are pairs: once the text before has been seen, type the bytes."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        command, env=dict(environ), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=_take_terminal,
    )  # fmt: skip
    os.close(theirs)
    waiting = list(typed)
    seen = b""
    checked = 0
    give_up = time.monotonic() + within_s
    try:
        while time.monotonic() < give_up:
            if not select.select([ours], [], [], 0.05)[0]:
                continue
            try:
                data = os.read(ours, 65536)
            except OSError:
                break
            if not data:
                break
            seen += data
            while waiting and (found := seen.find(waiting[0][0].encode(), checked)) >= 0:
                checked = found + len(waiting[0][0].encode())
                os.write(ours, waiting.pop(0)[1])
        code = process.wait(max(0.1, give_up - time.monotonic()))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait(5)
        os.close(ours)
    return Seen(code=code, text=seen.decode("utf-8", "replace"))


def _take_terminal() -> None:
    """Make the terminal the one of the new session, so that Ctrl-C typed into it is a signal, also where
    whoever started the tests has it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
