"""What Tab offers, also through a real shell."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from modelhub_cli.main import cli
from modelhubd.wire.jobs import Job, JobProgress, JobState
from tests.fakes import samples
from tests.fakes.hub import Answer, Hub, json_answer, running_hub
from tests.fakes.terminal import on_terminal
from tests.unit.cli.conftest import page_answer

Offered = Callable[[str], list[str]]

NAMES = {
    "show": "acme/tiny", "pull": "acme/tiny", "load": "acme/tiny", "rm": "acme/tiny", "unload": "acme/tiny",
    "logs": "acme/tiny", "chat": "acme/tiny", "policy check": "acme/tiny",
    "policy set": "allowed_publishers", "downloads pause": "aaaa000011112222",
    "downloads watch": "aaaa000011112222", "downloads move": "aaaa000011112222",
    "jobs watch": "aaaa000011112222", "jobs cancel": "aaaa000011112222", "first-run": "acme/tiny",
}  # fmt: skip


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Offered:
    """What bash is given to complete the last word of a line."""
    monkeypatch.setenv("MODELHUB_HOME", str(tmp_path))

    def ask(typed: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", f"modelhub {typed}")
        monkeypatch.setenv("COMP_CWORD", str(len(typed.split(" "))))
        lines = BashComplete(cli, {}, "modelhub", "_MODELHUB_COMPLETE").complete()
        return [line.removeprefix("plain,") for line in lines.splitlines()]

    return ask


@pytest.mark.parametrize("command", list(NAMES))
def test_the_beginning_of_a_name_is_completed(hub: Hub, offered: Offered, command: str) -> None:
    job = Job(
        id="aaaa000011112222", kind="verify", state=JobState.RUNNING, progress=JobProgress(),
        created_at=samples.NOW,
    )  # fmt: skip
    hub.on("GET /api/v1/library/jobs", page_answer(job))
    assert offered(f"{command} a") == [NAMES[command]]
    assert offered(f"{command} zz") == []


def test_a_name_that_a_shell_would_expand_is_not_offered(hub: Hub, offered: Offered) -> None:
    hub.on("GET /api/v1/servers", page_answer(samples.server(name="a *"), samples.server(name="a$(reboot)")))
    assert offered("unload a") == []


@pytest.mark.parametrize("answer", [Answer(drop=True), Answer(raw=b"SSH-2.0\r\n"), json_answer({"items": 1})])
def test_a_daemon_in_trouble_is_no_noise_at_the_prompt(hub: Hub, offered: Offered, answer: Answer) -> None:
    hub.on("GET /api/v1/catalog/models", answer)
    assert offered("pull a") == []


def test_without_a_daemon_nothing_is_offered_and_none_is_started(offered: Offered, tmp_path: Path) -> None:
    assert offered("pull a") == []
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def typing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a person at a shell has: `modelhub` on the path, and a hub with a model of each kind."""
    home = tmp_path_factory.mktemp("shells")
    program = home / "modelhub"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m modelhub_cli.main "$@"\n')
    program.chmod(0o755)
    with running_hub(home / "run" / "modelhub.sock") as hub:
        hub.on("GET /api/v1/catalog/models", json_answer(samples.page(samples.summary(id="acme/catalogued"))))
        hub.on("GET /api/v1/library", page_answer(samples.artifact(model="acme/installed")))
        hub.on("GET /api/v1/servers", page_answer(samples.server(name="running")))
        yield {
            "PATH": f"{home}:{os.environ['PATH']}", "MODELHUB_HOME": str(home), "HOME": str(home),
            "TERM": "dumb", "LANG": "C.UTF-8", "PS1": "READY>",
        }  # fmt: skip


CASES = (
    ("show ", "ac", "acme/catalogued"), ("load ", "ac", "acme/installed"), ("unload ", "ru", "running"),
    ("", "unlo", "unload"), ("downloads ", "pau", "pause"), ("search ", "--compat", "--compatible"),
    ("search --format ", "ml", "mlx"),
)  # fmt: skip
SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], 'eval "$(modelhub completion bash)"'),
    "zsh": (["-f", "-i"], 'autoload -U compinit; compinit -u -D; eval "$(modelhub completion zsh)"'),
}


@pytest.mark.parametrize("shell", list(SHELLS))
def test_tab_in_a_real_shell_completes_models_commands_and_options(
    typing: dict[str, str], shell: str
) -> None:
    if (program := shutil.which(shell)) is None:
        pytest.skip(f"{shell} is not installed: its completion is not tried")
    options, setup = SHELLS[shell]
    lines: list[tuple[str, bytes]] = [("READY>", f"PS1=NEXT'>'; {setup}\n".encode())]
    for command, typed, whole in CASES:
        lines.append(("NEXT>", f"modelhub {command}{typed}\t".encode()))
        lines.append((whole, b" --no-such-option 2>/dev/null\n"))
    lines.append(("NEXT>", b"exit\n"))
    seen = on_terminal([program, *options], typing, typed=lines, within_s=60)
    for command, _, whole in CASES:
        assert f"modelhub {command}{whole}" in seen.plain.replace("\x08", ""), seen.plain


@pytest.mark.parametrize(("command", "typed", "whole"), CASES)
def test_fish_completes_models_commands_and_options(
    typing: dict[str, str], command: str, typed: str, whole: str
) -> None:
    if (program := shutil.which("fish")) is None:
        pytest.skip("fish is not installed: its completion is not tried")
    script = f'modelhub completion fish | source; complete -C "modelhub {command}{typed}"'
    done = subprocess.run(
        [program, "--no-config", "-c", script],
        env=typing,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [whole], done.stderr
