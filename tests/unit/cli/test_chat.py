"""chat as a conversation: on a real terminal, with a person who types, corrects and interrupts."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from modelhub_cli.commands.chat import converse as converse_with
from modelhub_cli.failures import Failed
from modelhub_cli.output import Output
from modelhub_cli.slash import COMMANDS, HELP, obey, read_question
from modelhub_cli.talk import Talk
from modelhub_client import Client
from modelhubd.wire.base import Page
from tests.fakes import samples
from tests.fakes.hub import Answer, Hub, json_answer
from tests.fakes.terminal import Seen, on_terminal
from tests.unit.cli.conftest import Modelhub

PROGRAM = [sys.executable, "-m", "modelhub_cli.main", "chat", "acme/tiny"]
YES = (
    b'data: {"choices":[{"delta":{"reasoning_content":"Hm."}}]}\n',
    b'data: {"choices":[{"delta":{"content":"Yes!"}}]}\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n',
    b"data: [DONE]\n",
)
BEGUN = b'data: {"choices":[{"delta":{"content":"Once upon"}}]}\n'


def converse(home: Path, *typed: tuple[str, str], arguments: tuple[str, ...] = ()) -> Seen:
    """What is seen when, after each text, the other is typed; it ends with Ctrl-D at the next prompt."""
    names = ("PATH", "LANG", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    environ = {name: os.environ[name] for name in names if name in os.environ}
    environ |= {"MODELHUB_HOME": str(home), "HOME": str(home), "TERM": "xterm", "INPUTRC": "/dev/null"}
    keys = [(seen, text.encode()) for seen, text in (*typed, (">>> ", "\x04"))]
    return on_terminal([*PROGRAM, *arguments], environ, typed=keys)


def asked(hub: Hub) -> list[list[dict[str, Any]]]:
    """The messages of each request."""
    return [request.body["messages"] for request in hub.asked if request.path == "/v1/chat/completions"]


def said(hub: Hub) -> list[list[str]]:
    return [[message["content"] for message in messages] for messages in asked(hub)]


def test_each_question_goes_along_with_what_was_said(hub: Hub, tmp_path: Path) -> None:
    hub.on("POST /v1/chat/completions", Answer(lines=YES))
    seen = converse(tmp_path, (">>> ", "One?\n"), (">>> ", "Two?\n"))
    assert said(hub) == [["One?"], ["One?", "Yes!", "Two?"]]
    assert [message["role"] for message in asked(hub)[1]] == ["user", "assistant", "user"]
    assert "Hm." in seen.plain
    assert seen.code == 0


def test_ctrl_c_stops_the_answer_and_not_the_conversation(hub: Hub, tmp_path: Path) -> None:
    hub.on("POST /v1/chat/completions", Answer(lines=(BEGUN,), stall=True), Answer(lines=YES))
    seen = converse(tmp_path, (">>> ", "Tell.\n"), ("Once upon", "\x03"), (">>> ", "And?\n"))
    assert "(stopped)" in seen.plain
    assert said(hub)[1] == ["Tell.", "Once upon", "And?"]
    assert seen.code == 0


def test_a_text_of_several_lines_is_one_question(hub: Hub, tmp_path: Path) -> None:
    hub.on("POST /v1/chat/completions", Answer(lines=YES))
    converse(
        tmp_path,
        (">>> ", '"""One\n'),
        ("... ", "two\n"),
        ("... ", 'three"""\n'),
        (">>> ", "a\\\n"),
        ("... ", "b\n"),
    )
    assert said(hub)[1] == ["One\ntwo\nthree", "Yes!", "a\nb"]


def test_a_model_that_is_not_loaded_is_said_to_be_loading(hub: Hub, tmp_path: Path) -> None:
    hub.on("GET /api/v1/servers", json_answer(Page(items=(), total=0)))
    hub.on("POST /v1/chat/completions", Answer(lines=YES))
    assert "Loading acme/tiny" in converse(tmp_path, (">>> ", "One?\n")).plain
    hub.on("GET /api/v1/servers", json_answer(Page(items=(samples.server(),), total=1)))
    assert "Loading" not in converse(tmp_path, (">>> ", "One?\n")).plain


def test_a_refusal_is_told_and_the_conversation_goes_on(hub: Hub, tmp_path: Path) -> None:
    refused = Answer(status=503, body=b'{"error":{"message":"Too many wait."}}')
    hub.on("POST /v1/chat/completions", refused, Answer(lines=YES))
    seen = converse(tmp_path, (">>> ", "One?\n"), (">>> ", "/nonsense\n"), (">>> ", "/again\n"))
    assert "Too many wait." in seen.plain
    assert "There is no /nonsense" in seen.plain
    assert said(hub) == [["One?"], ["One?"]]


def test_how_fast_it_came_is_told_on_request(hub: Hub, tmp_path: Path) -> None:
    hub.on("POST /v1/chat/completions", Answer(lines=YES))
    assert "(2 tokens, " in converse(tmp_path, (">>> ", "One?\n"), arguments=("--stats",)).plain
    assert "(2 tokens, " not in converse(tmp_path, (">>> ", "One?\n")).plain


def test_bye_ends(hub: Hub, tmp_path: Path) -> None:
    assert converse(tmp_path, (">>> ", "/bye\n")).code == 0


@pytest.fixture
def talk(hub: Hub) -> Talk:
    """A conversation in which one question was answered."""
    hub.on("POST /v1/chat/completions", Answer(lines=YES))
    options = {"max_tokens": None, "temperature": None, "seed": None}
    made = Talk(Client(socket=hub.socket), Output(), "acme/tiny", None, options, reasoning=True)
    made.ask("One?")
    return made


def test_ctrl_c_at_the_prompt_says_how_to_end(talk: Talk, capsys: pytest.CaptureFixture[str]) -> None:
    keys: list[type[BaseException]] = [KeyboardInterrupt, EOFError]

    def read(_: str) -> str:
        raise keys.pop(0)

    assert converse_with(talk, Output(), read) == 0
    assert "/bye ends" in capsys.readouterr().err
    assert not keys


def test_what_was_said_can_be_taken_back_asked_again_and_forgotten(hub: Hub, talk: Talk) -> None:
    talk.ask("Two?")
    assert obey(talk, "/undo").said == "Taken back: Two?"
    assert obey(talk, "/again").ask == "One?"
    assert obey(talk, "/again").said == obey(talk, "/undo").said == "Nothing was asked yet."
    talk.ask("Three?")
    assert obey(talk, "/clear").said
    talk.ask("Four?")
    assert said(hub) == [["One?"], ["One?", "Yes!", "Two?"], ["Three?"], ["Four?"]]


def test_what_it_is_told_beforehand_stays_when_all_else_is_forgotten(hub: Hub, talk: Talk) -> None:
    assert obey(talk, "/system").said == "It is told nothing beforehand."
    obey(talk, "/system Be brief.")
    obey(talk, "/clear")
    talk.ask("Two?")
    assert obey(talk, "/system").said == "It is told: Be brief."
    obey(talk, "/system -")
    talk.ask("Three?")
    assert [message["role"] for message in asked(hub)[1]] == ["system", "user"]
    assert [message["role"] for message in asked(hub)[2]] == ["user", "assistant", "user"]


def test_options_and_the_model_can_be_changed(hub: Hub, talk: Talk) -> None:
    assert obey(talk, "/set temperature 0.5").said == "temperature 0.5"
    obey(talk, "/set max_tokens 9")
    obey(talk, "/set seed 1")
    obey(talk, "/set seed -")
    assert obey(talk, "/set").said == "max_tokens 9\ntemperature 0.5\nseed -"
    assert obey(talk, "/model acme/other").said == "Talking to acme/other."
    talk.ask("Two?")
    body = hub.asked[-1].body
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("acme/other", 0.5, 9)
    assert "seed" not in body


@pytest.mark.parametrize("line", ["/set colour 1", "/set seed x", "/set seed", "/nothing", "/"])
def test_what_cannot_be_done_is_refused_with_what_can(talk: Talk, line: str) -> None:
    with pytest.raises(Failed) as refused:
        obey(talk, line)
    assert refused.value.next_step


def test_thoughts_and_figures_can_be_switched(talk: Talk) -> None:
    assert obey(talk, "/thoughts").said.endswith("hidden.")
    assert obey(talk, "/thoughts").said.endswith("shown.")
    assert not obey(talk, "/stats").said.endswith("not told.")
    assert obey(talk, "/stats").said.endswith("not told.")


def test_help_knows_every_command(talk: Talk) -> None:
    aliases = {"/exit", "/quit"}
    assert all(name in HELP for name in COMMANDS.keys() - aliases)
    assert obey(talk, "/help").said == HELP


@pytest.mark.parametrize(
    ("lines", "question"),
    [
        (["one"], "one"),
        (["  one  "], "one"),
        (['"""one"""'], "one"),
        (['"""', "one", " two", '"""'], "one\n two"),
        (['"""one', 'two""" three'], "one\ntwo"),
        (["one\\", "two\\", "three"], "one\ntwo\nthree"),
        (["\\", "one"], "one"),
    ],
)
def test_lines_are_put_together(lines: list[str], question: str) -> None:
    left = list(lines)
    assert read_question(lambda _: left.pop(0)) == question
    assert not left


@pytest.mark.parametrize(("reasoning", "asks"), [("auto", None), ("on", True), ("off", False)])
def test_a_question_says_whether_the_model_is_to_think(
    hub: Hub, modelhub: Modelhub, reasoning: str, asks: bool | None
) -> None:
    hub.on("POST /v1/chat/completions", Answer(lines=YES))
    assert modelhub("chat", "acme/tiny", "One?", "--reasoning", reasoning).code == 0
    body = hub.asked[-1].body
    assert body.get("chat_template_kwargs") == (None if asks is None else {"enable_thinking": asks})
