"""What is the built-in server's own; what holds for the real program too is in tests/real/test_options.py."""

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modelhubd.llama.builds import read_version
from tests.fakes.tiny_gguf import ROOMY, write_chat
from tests.real.server import BUILTIN, SMALL, ask, generating


def test_no_variable_but_the_key_sets_an_option(tmp_path: Path, models: Path) -> None:
    with BUILTIN.running(
        tmp_path,
        models / "tiny.gguf",
        LLAMA_ARG_CTX_SIZE="256",
        LLAMA_ARG_ALIAS="evil",
        AIP_MODE="PREDICTION",
    ) as (_, path):
        assert json.loads(ask(path, "/props")[1])["default_generation_settings"]["n_ctx"] == 512
        assert json.loads(ask(path, "/v1/models")[1])["data"][0]["id"] != "evil"


@pytest.mark.parametrize("tied", [True, False])
def test_one_sigterm_ends_it_while_it_generates(tmp_path: Path, tied: bool) -> None:
    model = write_chat(tmp_path / "roomy.gguf", shape=ROOMY)
    environ = {"LLAMA_SERVER_ROUTER_PORT": "1"} if tied else {}
    with (
        BUILTIN.running(tmp_path, model, "-c", str(ROOMY.n_ctx), **environ) as (process, path),
        contextlib.closing(generating(path)),
    ):
        process.terminate()
        assert process.wait(4) == 0, "it neither waits for the answer's end nor has to be made to"


def test_it_can_be_ended_while_it_loads(tmp_path: Path) -> None:
    model = write_chat(tmp_path / "x.gguf")
    process = subprocess.Popen(
        [*BUILTIN.program, "-m", str(model), "--host", str(tmp_path / "a.sock"), *SMALL]
    )
    process.terminate()
    assert process.wait(10) in (0, -signal.SIGTERM)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--nonsense"], "error: invalid argument: --nonsense"),
        (["-c"], "expected value for argument"),
        (["-c", "many"], "error while handling argument '-c'"),
        (["-fa", "maybe"], "none of on, off, auto"),
        (["--no-ui"], "error: --model is required"),
        (["-ngl", "some", "-m", "x"], "error while handling argument '-ngl'"),
        (["--api-key", "secret"], "error: invalid argument: --api-key"),
    ],
)
def test_a_bad_option_ends_it_with_an_error_line(options: list[str], said: str) -> None:
    found = BUILTIN.run(*options)
    assert found.returncode == 1
    assert found.stderr.startswith("error")
    assert said in found.stderr


def test_what_it_is_asked_at_once_it_answers_at_once() -> None:
    found = BUILTIN.run("--list-devices", "--version", "--help")
    assert found.returncode == 0
    said = found.stdout + found.stderr
    assert {"Available devices:", "-m,    --model FNAME"} <= {
        line[:40].rstrip() for line in said.splitlines()
    }
    assert read_version(said)[0]


def test_it_is_a_module_too() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "modelhubd.llama.builtin", "--version"],
        capture_output=True,
        timeout=20,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert found.returncode == 0
