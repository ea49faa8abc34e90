"""What Tab offers, also through a real shell."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from modelhub_cli.main import cli
from tests.fakes import samples
from tests.fakes.hub import Answer, Hub, json_answer
from tests.unit.cli.conftest import page_answer

Offered = Callable[[str], list[str]]

NAMES = {
    "show": "acme/tiny", "pull": "acme/tiny", "load": "acme/tiny", "rm": "acme/tiny", "unload": "acme/tiny",
    "logs": "acme/tiny", "chat": "acme/tiny", "downloads pause": "aaaa000011112222",
    "downloads watch": "aaaa000011112222", "downloads move": "aaaa000011112222",
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


def test_bash_completes_the_name_of_a_model(hub: Hub, tmp_path: Path) -> None:
    program = tmp_path / "modelhub"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m modelhub_cli.main "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(modelhub completion bash)"; COMP_WORDS=(modelhub pull ac); COMP_CWORD=2;'
        ' _modelhub_completion modelhub; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    environ = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "MODELHUB_HOME": str(tmp_path), "HOME": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=environ, capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.stdout, done.stderr) == ("acme/tiny\n", "")
