"""Saying what is waited for, where that takes over a second. By hand: rich takes a while to import."""

import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from modelhub_cli.output import Output
from modelhubd.trust.text import printable

PATIENCE_S = 1.0
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
EVERY_S = 0.1
INTERRUPTED = 130
_told: ContextVar[bool] = ContextVar("told", default=False)


@contextmanager
def waiting(out: Output, text: str, patience_s: float = PATIENCE_S) -> Generator[None, None, None]:
    """Says `text …` on stderr if the block takes longer than a second: on a terminal with the time it has
    taken, and gone at the end, else as one line. Within another wait it says nothing."""
    if out.quiet or _told.get():
        yield
        return
    token = _told.set(True)
    over = threading.Event()
    teller = threading.Thread(target=_tell, args=(out, printable(text), over, patience_s), daemon=True)
    teller.start()
    try:
        yield
    finally:
        _told.reset(token)
        over.set()
        teller.join()


def detached(out: Output, follow: str, stop: str) -> int:
    """Says what Ctrl-C leaves to the daemon, with the commands that follow and stop it; answers the exit
    code."""
    out.say(f"\nDetached; the daemon goes on. Follow: modelhub {follow}")
    out.say(f"Stop it: modelhub {stop}")
    return INTERRUPTED


def _tell(out: Output, text: str, over: threading.Event, patience_s: float) -> None:
    began = time.monotonic()
    if over.wait(patience_s):
        return
    if not out.draws:
        out.say(f"{text} …")
        return
    shown, frame = "", 0
    while not over.wait(EVERY_S):
        shown = f"{FRAMES[frame % len(FRAMES)]} {text} … {time.monotonic() - began:.0f} s"[: out.width - 1]
        frame += 1
        _draw(f"\r{shown}\x1b[K")
    if shown:
        _draw("\r\x1b[K")


def _draw(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
