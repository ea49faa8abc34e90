"""Help and bars on terminals of every width."""

import re

import pytest

from modelhubd.wire.downloads import Progress
from tests.fakes import samples
from tests.fakes.hub import Hub, frames, json_answer
from tests.fakes.terminal import ESCAPES
from tests.unit.cli.conftest import OnTerminal


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize(
    "command", ["", "pull", "events", "registry", "registry publish", "downloads limits"]
)
def test_help_fits_the_terminal_but_for_its_examples(
    on_terminal: OnTerminal, columns: int, command: str
) -> None:
    shown = on_terminal(*command.split(), "--help", columns=columns, COLUMNS=str(columns))
    assert shown.code == 0
    text = shown.plain.partition("Examples:")[0]
    assert [line for line in text.splitlines() if len(line) > columns] == []


@pytest.mark.parametrize(
    ("columns", "told"), [(100, "300 B of 1.00 kB  5.00 MB/s  1 min 01 s left"), (40, "300 B")]
)
def test_a_bar_tells_bytes_rate_and_time_left_and_heeds_no_color(
    hub: Hub, on_terminal: OnTerminal, columns: int, told: str
) -> None:
    progress = Progress(done_bytes=300, total_bytes=1000, rate_bytes_per_s=5_000_000, eta_s=61)
    hub.on("POST /api/v1/downloads", json_answer(samples.download(state="queued"), 201))
    hello = ("hello", {"epoch": "e", "resumed": False, "reason": "fresh", "heartbeat_s": 15}, None)
    moving = ("download.changed", samples.download(progress=progress), "e-1")
    ended = ("download.changed", samples.download(state="completed", done=1000), "e-2")
    hub.on("GET /api/v1/events", frames(hello, moving, ended))
    coloured = on_terminal("pull", "acme/tiny", columns=columns)
    plain = on_terminal("pull", "acme/tiny", columns=columns, NO_COLOR="1")
    assert coloured.code == plain.code == 0
    colours = re.compile(r"\x1b\[[0-9;]*[34][0-9]")
    assert colours.search(coloured.text) and not colours.search(plain.text)
    for shown in (coloured, plain):
        assert told in shown.plain
        drawn = re.split(r"[\r\n]+", ESCAPES.sub("", shown.text))
        assert max(len(line) for line in drawn if "━" in line) <= columns


def test_where_nothing_can_be_drawn_what_goes_on_is_told_in_lines(hub: Hub, on_terminal: OnTerminal) -> None:
    hub.on("POST /api/v1/downloads", json_answer(samples.download(state="queued"), 201))
    hello = ("hello", {"epoch": "e", "resumed": False, "reason": "fresh", "heartbeat_s": 15}, None)
    moving = ("download.changed", samples.download(done=300), "e-1")
    ended = ("download.changed", samples.download(state="completed", done=1000), "e-2")
    hub.on("GET /api/v1/events", frames(hello, moving, ended))
    shown = on_terminal("pull", "acme/tiny", TERM="dumb")
    assert "\x1b" not in shown.text
    assert [line for line in shown.plain.splitlines() if line.startswith("acme/tiny@1")] == [
        "acme/tiny@1:gguf-f16: queued", "acme/tiny@1:gguf-f16: active",
        "acme/tiny@1:gguf-f16: 30 %, 300 B of 1.00 kB", "acme/tiny@1:gguf-f16: completed",
    ]  # fmt: skip
