"""Data on stdout in four forms; exit codes; no text of a stranger's reaches the terminal as a command."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from modelhub_cli.launch import open_log
from modelhub_cli.main import SECTIONS, cli
from modelhubd.places import find_places
from modelhubd.wire.base import rfc3339
from modelhubd.wire.downloads import DownloadError
from modelhubd.wire.problem import FieldError
from modelhubd.wire.status import QueueSummary
from tests.fakes import samples
from tests.fakes.hub import Answer, Hub, frames, json_answer, problem_answer
from tests.fakes.terminal import on_terminal as in_a_process
from tests.unit.cli.conftest import Modelhub, OnTerminal, page_answer

NOWHERE = "http://127.0.0.1:9"
PROGRAM = [sys.executable, "-m", "modelhub_cli.main"]


def _environ(home: Path, **more: str) -> dict[str, str]:
    names = ("PATH", "LANG", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {"MODELHUB_HOME": str(home), "HOME": str(home), "TERM": "xterm-256color"} | more


def test_every_command_exists_and_explains_itself(modelhub: Modelhub) -> None:
    for name in cli.list_commands(click.Context(cli)):
        shown = modelhub(name, "--help")
        assert shown.code == 0
        assert f"Usage: modelhub {name}" in shown.out
    assert sum(map(len, SECTIONS.values())) >= 20


def test_help_lists_every_command_without_importing_any() -> None:
    code = (
        "import sys; from modelhub_cli.main import run; run(['--help']);"
        "heavy = ('modelhub_client', 'rich', 'msgspec', 'aiohttp', 'modelhub_cli.commands');"
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "[]"
    assert all(name in shown for section in SECTIONS.values() for name in section)


def test_a_search_that_is_piped_imports_only_what_it_uses(hub: Hub, tmp_path: Path) -> None:
    code = (
        "import sys; from modelhub_cli.main import run; run(['search']);"
        "heavy = ('rich', 'aiohttp', 'asyncio', 'modelhub_client.events', 'modelhub_client.chat',"
        " 'modelhub_client.state', 'modelhubd.wire.trials', 'click.shell_completion');"
        "print([name for name in heavy if name in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environ(tmp_path)
    ).stdout
    assert shown.splitlines()[-1] == "[]"


def test_into_a_pipe_a_list_is_raw_values_apart_by_tabs(hub: Hub, modelhub: Modelhub) -> None:
    shown = modelhub("search", "tiny")
    assert shown.rows == [
        [
            "acme/tiny",
            "compatible",
            "gguf-f16",
            "270000000",
            "135000000",
            "8192",
            "Apache-2.0",
            "chat",
            "false",
        ]
    ]
    assert shown.err == ""
    assert dict(hub.asked[-1].query)["q"] == "tiny"


def test_json_is_the_items_as_they_come(hub: Hub, modelhub: Modelhub) -> None:
    found = json.loads(modelhub("search", "--json").out)
    assert found[0]["id"] == "acme/tiny"
    assert found[0]["fit"]["verdict"] == "compatible"


DATA_COMMANDS = (
    "status", "version", "device", "search", "show acme/tiny", "show acme/tiny --files",
    "show acme/tiny --versions",
    "list", "ps", "downloads list", "config list", "scan", "daemon status",
)  # fmt: skip


@pytest.mark.parametrize("command", DATA_COMMANDS)
def test_every_data_command_speaks_json_tabs_and_to_people(
    hub: Hub, modelhub: Modelhub, command: str, on_terminal: OnTerminal
) -> None:
    hub.socket.parent.chmod(0o700)
    hub.socket.chmod(0o600)
    hub.on("GET /api/v1/catalog/models/acme/tiny/versions", page_answer(*samples.detail().versions))
    hub.on("GET /api/v1/config", json_answer({"values": {"server.port": {"value": 1, "source": "default"}}}))
    scanned = {"added": 1, "changed": 0, "missing": 0, "unknown_files": ["stray.gguf"]}
    hub.on("POST /api/v1/library/scan", json_answer(scanned))
    found = {"items": [], "tools": [], "doubled": [], "wasted_bytes": 0, "looked_at": "2026-01-01T00:00:00Z"}
    hub.on("GET /api/v1/library/found", json_answer(found))
    as_json = modelhub(*command.split(), "--json")
    assert as_json.code == 0
    assert len(as_json.values) == 1
    raw = modelhub(*command.split())
    assert raw.code == 0
    assert "\x1b" not in raw.out
    seen = on_terminal(*command.split())
    assert seen.code == 0
    assert seen.plain.strip()
    assert "Traceback" not in seen.plain


def test_quiet_is_ids_only(hub: Hub, modelhub: Modelhub) -> None:
    assert modelhub("search", "-q").out == "acme/tiny\n"
    assert modelhub("list", "-q").out == "bbbb000011112222\n"
    assert modelhub("ps", "-q").out == "cccc000011112222\n"
    assert modelhub("downloads", "list", "-q").out == "aaaa000011112222\n"


def test_an_empty_list_says_so_on_stderr_only(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("GET /api/v1/catalog/models", json_answer(samples.page()))
    shown = modelhub("search", "nothing")
    assert (shown.code, shown.out) == (0, "")
    assert "Nothing in the catalog matches" in shown.err


def test_a_list_of_many_pages_is_shown_whole(hub: Hub, modelhub: Modelhub) -> None:
    first = {"items": [samples.artifact("a1")], "next": "more", "total": 2}
    hub.on("GET /api/v1/library", json_answer(first), page_answer(samples.artifact("a2")))
    assert modelhub("list", "-q").out == "a1\na2\n"
    assert dict(hub.asked[-1].query)["after"] == "more"


HOSTILE = "evil\x1b[2J\x1b]0;owned\x07\x9b31m\u202egpj\r\n"


@pytest.mark.parametrize(
    "arguments", [("search",), ("show", "acme/tiny"), ("list",), ("ps",), ("downloads", "list"), ("status",)]
)
@pytest.mark.parametrize("terminal", [True, False])
def test_text_of_strangers_cannot_command_the_terminal(
    hub: Hub, modelhub: Modelhub, arguments: tuple[str, ...], terminal: bool, on_terminal: OnTerminal
) -> None:
    hub.on(
        "GET /api/v1/catalog/models", json_answer(samples.page(samples.summary(HOSTILE, best_option=HOSTILE)))
    )
    hostile = samples.detail(description=HOSTILE, display_name=HOSTILE, publisher=HOSTILE, homepage=HOSTILE)
    hub.on("GET /api/v1/catalog/models/acme/tiny", json_answer(hostile))
    hub.on("GET /api/v1/library", page_answer(samples.artifact(model=HOSTILE, option=HOSTILE)))
    hub.on("GET /api/v1/servers", page_answer(samples.server(name=HOSTILE)))
    hub.on("GET /api/v1/downloads", page_answer(samples.download(model=HOSTILE)))
    hub.on("GET /api/v1/status", json_answer(samples.status(warnings=(HOSTILE,), llama_server=HOSTILE)))
    if terminal:
        shown = on_terminal(*arguments).text
    else:
        ran = modelhub(*arguments)
        shown = ran.out + ran.err
    assert "evil" in shown
    for bad in ("\x1b[2J", "\x1b]", "\x07", "\x9b", "\u202e"):
        assert bad not in shown


def test_on_a_terminal_a_table_fits_the_width_and_says_the_fit_in_words(
    hub: Hub, on_terminal: OnTerminal
) -> None:
    models = [samples.summary(f"acme/a-very-long-name-of-a-model-number-{number}") for number in range(3)]
    hub.on("GET /api/v1/catalog/models", json_answer(samples.page(*models)))
    for columns in (60, 80, 120):
        shown = on_terminal("search", columns=columns)
        assert shown.code == 0
        table = [line for line in shown.plain.splitlines() if "Compatible" in line]
        assert len(table) == 3
        assert all(len(line) <= columns for line in table)
        assert "270 MB" in table[0]


def test_no_color_leaves_the_table_and_drops_the_colour(hub: Hub, on_terminal: OnTerminal) -> None:
    coloured = on_terminal("search").text
    plain = on_terminal("search", NO_COLOR="1").text
    assert "\x1b[32m" in coloured
    assert "\x1b[32m" not in plain
    assert "✓ Compatible" in plain


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem_answer(500, "internal", "It failed."), 1), (problem_answer(422, "invalid_input", "No."), 2),
        (problem_answer(404, "model_not_found", "There is no acme/tiny."), 3),
        (problem_answer(401, "unauthenticated", "No token."), 4),
        (problem_answer(409, "conflict", "Not now."), 5),
        (Answer(drop=True), 6), (problem_answer(409, "does_not_fit", "Needs 70 GB, has 16 GB."), 7),
        (problem_answer(403, "refused_by_policy", "Withdrawn."), 7),
        (problem_answer(409, "model_withdrawn", "Withdrawn."), 7),
        (problem_answer(404, "model_withdrawn", "Withdrawn."), 3),
        (problem_answer(409, "checksum_mismatch", "Wrong bytes."), 8), (Answer(raw=b"SSH-2.0\r\n"), 1),
    ],
)  # fmt: skip
def test_each_failure_has_its_exit_code_and_no_traceback(
    hub: Hub, modelhub: Modelhub, answer: Answer, code: int
) -> None:
    hub.on("GET /api/v1/catalog/models/acme/tiny", answer)
    shown = modelhub("show", "acme/tiny")
    assert shown.code == code
    assert shown.out == ""
    assert shown.err.startswith("modelhub: ")
    assert "Traceback" not in shown.err


def test_without_a_daemon_it_says_how_to_start_one(modelhub: Modelhub) -> None:
    shown = modelhub("list")
    assert shown.code == 6
    assert "modelhub daemon start" in shown.err


def test_a_refused_field_is_pointed_at(hub: Hub, modelhub: Modelhub) -> None:
    fault = FieldError(pointer="?capability", detail="too long")
    hub.on(
        "GET /api/v1/catalog/models",
        problem_answer(422, "invalid_input", "A parameter is wrong.", errors=(fault,)),
    )
    assert "?capability: too long" in modelhub("search").err


def test_wrong_usage_is_2_and_names_what_was_meant(modelhub: Modelhub) -> None:
    assert modelhub("serach").code == 2
    assert modelhub("search", "--no-such-option").code == 2
    assert "Did you mean 'search'?" in modelhub("serach").err
    assert modelhub("show", "Not A Reference").code == 2


def test_an_error_of_ours_is_told_without_a_traceback(hub: Hub, modelhub: Modelhub) -> None:
    found = samples.status()
    hub.on("GET /api/v1/status", json_answer({**json.loads(json_answer(found).body), "uptime_s": 1e400}))
    shown = modelhub("status")
    assert shown.code == 1
    assert "Traceback" not in shown.err


def test_a_reader_that_has_seen_enough_is_no_failure(hub: Hub, tmp_path: Path) -> None:
    models = [samples.summary(f"acme/model-{number}") for number in range(200)]
    hub.on("GET /api/v1/catalog/models", json_answer(samples.page(*models)))
    with subprocess.Popen(
        [*PROGRAM, "search"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environ(tmp_path)
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(10) == 0


def test_a_reader_that_has_heard_enough_is_no_failure(hub: Hub, tmp_path: Path) -> None:
    hub.on("POST /api/v1/downloads", json_answer(samples.download(state="queued"), 201))
    hub.on("GET /api/v1/events", Answer(lines=(), stall=True))
    with subprocess.Popen(
        [*PROGRAM, "pull", "acme/tiny"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=_environ(tmp_path),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(10) == 0


def test_completion_scripts_are_printed(modelhub: Modelhub) -> None:
    for shell in ("zsh", "fish"):
        assert "_MODELHUB_COMPLETE" in modelhub("completion", shell).out


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_list_says_why_a_download_waits_and_when_it_is_tried_again(
    hub: Hub, columns: int, on_terminal: OnTerminal
) -> None:
    again = rfc3339(datetime.now(UTC) + timedelta(seconds=160))
    error = DownloadError(code="http_error", detail="The origin's name cannot be resolved.")
    hub.on(
        "GET /api/v1/downloads",
        page_answer(samples.download(state="waiting", error=error, next_retry_at=again)),
    )
    shown = on_terminal("downloads", "list", columns=columns)
    said = " ".join(shown.plain.split())
    assert "The origin's name cannot be resolved. Tries again in 2 min" in said
    assert all(len(line) <= columns for line in shown.plain.splitlines())


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_bar_that_waits_says_why_and_when_it_is_tried_again(
    hub: Hub, columns: int, on_terminal: OnTerminal
) -> None:
    again = rfc3339(datetime.now(UTC) + timedelta(seconds=160))
    error = DownloadError(code="http_error", detail="The origin's name cannot be resolved.")
    waiting = samples.download(state="waiting", error=error, next_retry_at=again)
    hub.on("POST /api/v1/downloads", json_answer(samples.download(state="queued"), 201))
    hello = ("hello", {"epoch": "e", "resumed": False, "reason": "fresh", "heartbeat_s": 15}, None)
    hub.on(
        "GET /api/v1/events",
        frames(
            hello,
            ("download.changed", waiting, "e-1"),
            ("download.changed", samples.download(state="cancelled"), "e-2"),
        ),
    )
    shown = on_terminal("pull", "acme/tiny", columns=columns)
    assert "The origin's name cannot be resolved. Tries again in 2 min" in " ".join(shown.plain.split())
    assert shown.code == 1


def test_a_status_with_downloads_under_way_tells_their_rate(hub: Hub, on_terminal: OnTerminal) -> None:
    queue = QueueSummary(queued=1, active=2, waiting=0, paused=0, failed=0, rate_bytes_per_s=5_000_000)
    hub.on("GET /api/v1/status", json_answer(samples.status(downloads=queue)))
    shown = on_terminal("status").plain
    assert "2 active, 1 queued at 5.00 MB/s" in shown


def test_a_chat_whose_reader_has_seen_enough_is_no_failure(hub: Hub, tmp_path: Path) -> None:
    piece = b'data: {"choices":[{"delta":{"content":"word "}}]}\n'
    hub.on("POST /v1/chat/completions", Answer(lines=(piece,) * 20_000))
    with subprocess.Popen(
        [*PROGRAM, "chat", "acme/tiny", "Hi"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=_environ(tmp_path),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(10) == 0


def test_the_log_is_readable_on_a_terminal_and_as_it_is_in_a_pipe(modelhub: Modelhub, tmp_path: Path) -> None:
    log = open_log(find_places({"MODELHUB_HOME": str(tmp_path)}))
    line = {"time": "2026-03-01T12:00:00.000Z", "level": "info", "logger": "x", "message": "answers\x1b[2J"}
    line["error"] = "Traceback\n  here"
    log.write_text(json.dumps(line) + "\nno JSON\n")
    seen = in_a_process([*PROGRAM, "daemon", "logs"], _environ(tmp_path, TZ="UTC"))
    assert seen.plain == "12:00:00 INFO    answers\nTraceback\n  here\nno JSON\n"
    assert "\x1b" not in seen.text
    assert json.loads(modelhub("daemon", "logs").out.splitlines()[0])["level"] == "info"


def test_the_registry_commands_import_what_they_need_when_they_need_it(tmp_path: Path) -> None:
    code = (
        "import sys; from modelhub_cli.main import run; run(['registry', *{words}]);"
        "heavy = ('cryptography', 'tuf', 'sqlalchemy', 'aiohttp', 'asyncio', 'rich', {more});"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    for words, more in (
        (["--help"], "'msgspec', 'modelhub_client'"),
        (["whoami", "--registry", NOWHERE], "'modelhub_cli.authoring', 'modelhubd.registry'"),
    ):
        shown = subprocess.run(
            [sys.executable, "-c", code.format(words=words, more=more)], capture_output=True,
            text=True, check=True, env=_environ(tmp_path),
        )  # fmt: skip
        assert shown.stderr.splitlines()[-1] == "[]"


def test_the_three_forms_have_long_and_short_names(hub: Hub, modelhub: Modelhub) -> None:
    assert modelhub("search", "-o", "json").out == modelhub("search", "--json").out
    assert modelhub("search", "--output", "ids").out == modelhub("search", "-q").out == "acme/tiny\n"
    assert modelhub("search", "-o", "auto").out == modelhub("search").out
    assert modelhub("search", "-o", "ids", "--json").code == 2
    assert modelhub("search", "-o", "yaml").code == 2
    assert modelhub("search", "-q", "--json").values[0][0]["id"] == "acme/tiny"  # type: ignore[index]


def test_a_log_is_a_line_of_json_each_where_that_is_wanted(
    hub: Hub, modelhub: Modelhub, tmp_path: Path
) -> None:
    hub.on("GET /api/v1/servers/cccc000011112222/logs", Answer(body=b"one\ntwo\n", content_type="text/plain"))
    assert modelhub("logs", "acme/tiny", "-o", "json").values == [{"line": "one"}, {"line": "two"}]
    log = open_log(find_places({"MODELHUB_HOME": str(tmp_path)}))
    log.write_text('{"level": "info", "message": "x"}\nplain\n')
    assert modelhub("daemon", "logs", "--json").values == [
        {"level": "info", "message": "x"}, {"message": "plain"},
    ]  # fmt: skip


def test_without_a_browser_or_a_desktop_ui_prints_the_address(hub: Hub, tmp_path: Path) -> None:
    code = {"code": "c", "expires_in_s": 60, "url": "http://127.0.0.1:7717/#/session/c"}
    hub.on("POST /api/v1/session/code", json_answer(code, 201))
    seen = in_a_process([*PROGRAM, "ui"], _environ(tmp_path))
    assert seen.code == 0
    assert "http://127.0.0.1:7717/#/session/c" in seen.plain and "within 60 s" in seen.plain
    assert "opens in your browser" not in seen.plain
