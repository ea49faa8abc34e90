"""A question before what cannot be undone, on a real terminal; without one nothing waits for an answer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.hub import Answer, Hub
from tests.fakes.terminal import on_terminal

PROGRAM = [sys.executable, "-m", "modelhub_cli.main"]
QUESTION = "Remove acme/tiny@1:gguf-f16 (1.00 kB) from the disk? [y/N]: "
GONE = "DELETE", "/api/v1/library/bbbb000011112222"


@pytest.fixture
def home(hub: Hub, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody whose daemon has one model."""
    hub.on(" ".join(GONE), Answer(status=204))
    names = ("PATH", "LANG", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    environ = {name: os.environ[name] for name in names if name in os.environ}
    return environ | {"MODELHUB_HOME": str(tmp_path), "HOME": str(tmp_path), "TERM": "xterm-256color"}


def _removed(hub: Hub) -> bool:
    return any((asked.method, asked.path) == GONE for asked in hub.asked)


@pytest.mark.parametrize(
    ("keys", "code", "said"),
    [
        (b"y\n", 0, "Removed acme/tiny@1:gguf-f16"),
        (b"n\n", 130, "Nothing was done.\n"),
        (b"\n", 130, "Nothing was done.\n"),
        (b"\x03", 130, ""),
    ],
    ids=["yes", "no", "nothing", "ctrl-c"],
)
def test_rm_asks_on_a_terminal_and_only_yes_removes(
    hub: Hub, home: dict[str, str], keys: bytes, code: int, said: str
) -> None:
    # Python does not see a Ctrl-C that comes between its question and its reading, until another key comes.
    seen = on_terminal(
        [*PROGRAM, "rm", "acme/tiny"], home, typed=[(QUESTION, keys)], within_s=40, pause_s=0.5
    )
    assert (seen.code, _removed(hub)) == (code, code == 0), seen.plain
    assert QUESTION.rstrip() in seen.plain and said in seen.plain
    assert "Traceback" not in seen.plain and "Error" not in seen.plain


def test_rm_that_was_told_yes_asks_nothing(hub: Hub, home: dict[str, str]) -> None:
    seen = on_terminal([*PROGRAM, "rm", "acme/tiny", "--yes"], home, within_s=40)
    assert seen.code == 0 and _removed(hub)
    assert "[y/N]" not in seen.plain


def test_without_a_terminal_rm_asks_nobody_and_answers_the_id(hub: Hub, home: dict[str, str]) -> None:
    done = subprocess.run(
        [*PROGRAM, "rm", "acme/tiny"], env=home, stdin=subprocess.PIPE, capture_output=True, text=True,
        timeout=40, check=True,
    )  # fmt: skip
    assert _removed(hub)
    assert done.stdout == "bbbb000011112222\n"
    assert "[y/N]" not in done.stderr
