"""A pseudo-terminal of a given size, on which a program runs, and what a person would see there."""

import contextlib
import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

TAKE_TERMINAL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal the one of the new session and becomes the program: Ctrl-C typed into it is a signal,
also where whoever started the tests has it ignored. Between fork and exec of the tests' own process, all that
measures there would run as well."""
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
    pause_s: float = 0.0,
) -> Seen:
    """Run to the end. `typed` are pairs: once the text before has been seen, and `pause_s` after it, type the
    bytes."""
    ours, theirs = _opened(columns, rows)
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", TAKE_TERMINAL, *command],
        env=dict(environ), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
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
                time.sleep(pause_s)
                os.write(ours, waiting.pop(0)[1])
        code = process.wait(max(0.1, give_up - time.monotonic()))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait(5)
        os.close(ours)
    return Seen(code=code, text=seen.decode("utf-8", "replace"))


@contextlib.contextmanager
def terminal_here(shown: bytearray, *, columns: int = 100, rows: int = 30) -> Iterator[TextIO]:
    """A terminal for what runs in this process, as a stream to write to; what was written is in `shown` once
    it is closed. Much cheaper than a process, for whatever is not typed to."""
    ours, theirs = _opened(columns, rows)
    reader = threading.Thread(target=_read_all, args=(ours, shown))
    reader.start()
    try:
        with open(theirs, "w", encoding="utf-8", errors="replace") as stream:
            yield stream
    finally:
        reader.join()
        os.close(ours)


def _read_all(ours: int, shown: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := os.read(ours, 65536):
            shown += data


def _opened(columns: int, rows: int) -> tuple[int, int]:
    """Our end and the program's."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    return ours, theirs
