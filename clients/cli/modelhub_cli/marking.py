"""Blind marks in the terminal, by keys."""

import contextlib
import os
import sys
import termios
import tty
from collections.abc import Iterator

from modelhub_cli.failures import USAGE, Failed
from modelhub_cli.output import Output
from modelhub_client import Client, NotFound
from modelhubd.trust.text import printable
from modelhubd.wire.trials import Better, BlindPair

KEYS: dict[str, Better] = {"1": "first", "2": "second", "t": "tie", "b": "both_bad"}
HELP = "Which is better?  1 the first · 2 the second · t alike · b both bad · q enough"


def mark_pairs(daemon: Client, out: Output, trial_id: str) -> int:
    """Show pair after pair and mark each, until `q` or until none is left.

    Raises:
        Failed: nobody is there to say (exit code 2).
    """
    if not (sys.stdin.isatty() and out.terminal):
        raise Failed("Nobody is there to say which is better.", next_step="Use a terminal.", code=USAGE)
    marked = 0
    with _keys_at_once():
        while True:
            try:
                pair = daemon.blind_pair(trial_id)
            except NotFound as nothing:
                if nothing.code != "nothing_to_mark":
                    raise
                out.say(f"{marked} marked. {nothing.problem.detail}")
                return 0
            _show(out, pair)
            if (better := _key()) is None:
                out.say(f"{marked} marked. What they tell: modelhub trial show {trial_id}")
                return 0
            daemon.mark_pair(trial_id, pair.pair, better)
            marked += 1


def _show(out: Output, pair: BlindPair) -> None:
    out.line(f"── {pair.left} to mark " + "─" * 20)
    for title, text in (("asked", pair.question), ("1", pair.first), ("2", pair.second)):
        out.line(f"[{title}]")
        out.line(printable(text, multiline=True))
        out.line()
    out.line(HELP)


@contextlib.contextmanager
def _keys_at_once() -> Iterator[None]:
    """Keys come as they are pressed, also those pressed before they are asked for."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal, termios.TCSANOW)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _key() -> Better | None:
    """What the next key that means something says; None for enough."""
    while typed := os.read(sys.stdin.fileno(), 32).decode(errors="replace").lower():
        if typed.startswith("\x1b") and len(typed) > 1:
            continue  # an arrow or the like
        for key in typed:
            if key in KEYS:
                return KEYS[key]
            if key in ("q", "\x1b", "\x04"):
                return None
    return None
