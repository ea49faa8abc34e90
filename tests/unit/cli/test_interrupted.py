"""Ctrl-C on a real terminal: exit code 130, no traceback, and a word where the daemon goes on."""

import os
import sys
from pathlib import Path

import pytest

from modelhub_cli.commands import imports
from modelhub_cli.output import Output
from tests.fakes import samples
from tests.fakes.hub import Answer, Hub, frames, json_answer
from tests.fakes.terminal import Seen, on_terminal

PROGRAM = [sys.executable, "-m", "modelhub_cli.main"]
HELLO = ("hello", {"epoch": "e", "resumed": False, "reason": "fresh", "heartbeat_s": 15}, None)
BEGUN = frames(HELLO, ("snapshot", {"reason": "fresh", "state": {}}, "e-1"))
STREAM = Answer(content_type=BEGUN.content_type, lines=BEGUN.lines, stall=True)
PIECE = b'data: {"choices":[{"delta":{"content":"Once upon"}}]}\n'


def _interrupted(home: Path, seen_first: str, *arguments: str) -> Seen:
    names = ("PATH", "LANG", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    environ = {name: os.environ[name] for name in names if name in os.environ}
    environ |= {"MODELHUB_HOME": str(home), "HOME": str(home), "TERM": "xterm-256color"}
    return on_terminal([*PROGRAM, *arguments], environ, typed=[(seen_first, b"\x03")], within_s=40)


@pytest.mark.parametrize(
    ("arguments", "seen_first", "word"),
    [
        (("events",), "snapshot", ""),
        (("logs", "acme/tiny", "-f"), "a line of the log", ""),
        (("chat", "acme/tiny", "Tell."), "Once upon", ""),
        (
            ("load", "acme/tiny"),
            "Loading",
            "It goes on loading. See it: modelhub ps; stop it: modelhub unload",
        ),
        (
            ("pull", "acme/tiny"),
            "acme/tiny@1",
            "Detached; the daemon goes on. Follow: modelhub downloads watch",
        ),
        (("downloads", "watch"), "acme/tiny@1", "Stop it: modelhub downloads cancel aaaa000011112222"),
        (("registry", "sync"), "Looking at the registry", "What came of it: modelhub registry status"),
        (("scan",), "Looking for models", ""),
        (("usage",), "Adding up", ""),
        (("prune", "--yes"), "Removing files", ""),
        (("update", "--all"), "Looking at what is newer", ""),
        (("chat", "acme/slow", "Tell.", "-o", "json"), "Waiting for acme/slow", ""),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_ctrl_c_ends_the_command_and_says_what_goes_on(
    hub: Hub, tmp_path: Path, arguments: tuple[str, ...], seen_first: str, word: str
) -> None:
    silent = Answer(lines=(), stall=True)
    hub.on("GET /api/v1/events", STREAM)
    hub.on(
        "GET /api/v1/servers/cccc000011112222/logs",
        Answer(content_type="text/plain", lines=(b"a line of the log\n",), stall=True),
    )
    told = "json" not in arguments
    hub.on("POST /v1/chat/completions", Answer(lines=(PIECE,), stall=True) if told else silent)
    hub.on("POST /api/v1/servers", json_answer(samples.server(state="starting"), 202))
    queued = samples.download(state="queued")
    hub.on("POST /api/v1/downloads", json_answer(queued, 201))
    hub.on(f"GET /api/v1/downloads/{queued.id}", json_answer(queued))
    for slow in ("POST catalog/sync", "POST library/scan", "GET library/usage", "POST library/prune"):
        hub.on(slow.replace(" ", " /api/v1/"), silent)
    hub.on("POST /api/v1/updates/apply", silent)
    shown = _interrupted(tmp_path, seen_first, *arguments)
    assert shown.code == 130, shown.plain
    assert "Traceback" not in shown.plain
    assert word in " ".join(shown.plain.split())
    assert "\n\n\n" not in shown.plain
    assert shown.text.rfind("\x1b[?25h") >= shown.text.rfind("\x1b[?25l"), "the cursor is there again"


def test_ctrl_c_on_one_of_several_imports_begins_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    begun: list[int] = []

    def importing(number: int, code: int) -> int:
        begun.append(number)
        return code

    run = [lambda: importing(1, 1), lambda: importing(2, 130), lambda: importing(3, 0)]
    assert imports._each(Output(), run) == 130
    assert begun == [1, 2]
    assert "Not begun: 1 of 3." in capsys.readouterr().err
    assert imports._each(Output(), [run[2], run[0], run[2]]) == 1
    assert imports._each(Output(), []) == 0
