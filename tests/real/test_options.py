"""What loads rely on holds for the built-in server as for the real program: its options and its manners."""

import contextlib
import json
import subprocess
from pathlib import Path

import pytest

from modelhubd.llama.builds import read_options
from tests.fakes.tiny_gguf import SENTENCE, THOUGHTS, write_faulty
from tests.real.server import ASK, SMALL, LlamaServer, ask, generating
from tests.unit.llama.test_command import asked, every_setting


def test_it_answers_over_its_socket_under_its_alias(llama: LlamaServer, tmp_path: Path, models: Path) -> None:
    with llama.running(tmp_path, models / "chat.gguf", "--alias", "lab/tiny", "--metrics") as (_, path):
        _, answer = ask(path, "/v1/chat/completions", ASK)
        assert json.loads(answer)["choices"][0]["message"]["content"] == SENTENCE
        assert json.loads(ask(path, "/v1/models")[1])["data"][0]["id"] == "lab/tiny"
        assert b"llamacpp:" in ask(path, "/metrics")[1]
        assert json.loads(ask(path, "/props")[1])["default_generation_settings"]["n_ctx"] == 512


def test_every_option_that_a_load_can_send_is_taken(llama: LlamaServer, tmp_path: Path, models: Path) -> None:
    options = (
        "-fa on -ctk q8_0 -ctv q4_0 -lm mlock -b 64 -ub 32 --seed 5 -ngl all -lv 4 --jinja --slots"
        " --reasoning off --reasoning-budget 0 --no-warmup"
    )
    with llama.running(tmp_path, models / "chat.gguf", *options.split()) as (_, path):
        _, answer = ask(path, "/v1/chat/completions", ASK)
        assert json.loads(answer)["choices"][0]["message"]["content"] == SENTENCE
        assert ask(path, "/slots")[0] == 200


@pytest.mark.parametrize(
    ("options", "thinks"), [([], True), (["--reasoning", "off"], False), (["--reasoning-budget", "0"], False)]
)
def test_thinking_can_be_switched_off(
    llama: LlamaServer, tmp_path: Path, models: Path, options: list[str], thinks: bool
) -> None:
    with llama.running(tmp_path, models / "thinking.gguf", *options) as (_, path):
        message = json.loads(ask(path, "/v1/chat/completions", ASK)[1])["choices"][0]["message"]
        assert message["content"] == SENTENCE
        assert message.get("reasoning_content") == (THOUGHTS if thinks else None)


def test_the_key_comes_from_the_environment(llama: LlamaServer, tmp_path: Path, models: Path) -> None:
    with llama.running(tmp_path, models / "chat.gguf", LLAMA_API_KEY="secret") as (_, path):
        assert ask(path, "/v1/chat/completions", ASK)[0] == 401
        assert ask(path, "/v1/chat/completions", ASK, key="secret")[0] == 200


def test_no_setting_is_unknown_to_it(llama: LlamaServer) -> None:
    options = read_options(llama.run("--help").stdout)
    assert options.sockets
    for settings in every_setting():
        found = asked(options, settings, projector="/m", embeddings=True)
        assert found.unknown == ()
        assert {"--cache-ram", "--no-ui", "--offline", "--metrics", "--slots"} <= {*found.arguments}


def test_it_ends_with_its_stdin_where_it_is_told_to(llama: LlamaServer, tmp_path: Path, models: Path) -> None:
    with llama.running(tmp_path, models / "chat.gguf", LLAMA_SERVER_ROUTER_PORT="1") as (process, path):
        assert process.stdin is not None
        with contextlib.closing(generating(path)):
            process.stdin.close()
            assert process.wait(10) != 0


def test_it_outlives_its_stdin_where_it_is_not(llama: LlamaServer, tmp_path: Path, models: Path) -> None:
    with llama.running(tmp_path, models / "chat.gguf") as (process, path):
        assert process.stdin is not None
        process.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        assert ask(path, "/health")[0] == 200


@pytest.mark.parametrize("fault", ["magic", "truncated", "architecture", "string_length", "empty"])
def test_a_model_that_cannot_be_loaded_ends_it_with_a_reason(
    llama: LlamaServer, tmp_path: Path, fault: str
) -> None:
    model = write_faulty(tmp_path / "x.gguf", fault)
    found = llama.run(
        "-m", str(model), "--host", str(tmp_path / "a.sock"), *SMALL, LLAMA_SERVER_ROUTER_PORT="1"
    )
    assert found.returncode == 1
    assert " E " in found.stderr
    assert "Traceback" not in found.stderr


def test_help_version_and_devices_answer_without_a_model(llama: LlamaServer) -> None:
    assert llama.run("--help").stdout.startswith("----- ")
    assert llama.run("--version").stderr.startswith("version: ")
    assert llama.run("--list-devices").stdout.startswith("Available devices:")
