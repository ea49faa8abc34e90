"""chat: talk to a model."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from modelhub_cli.complete import models_to_talk_to
from modelhub_cli.connect import client, every, near_names
from modelhub_cli.failures import NOT_FOUND, USAGE, Failed, report
from modelhub_cli.output import Output, text_options
from modelhub_cli.slash import Done, obey, read_question
from modelhub_cli.talk import Talk
from modelhub_client import ClientError, InvalidRequest, NotFound, ProblemError
from modelhubd.trust.names import is_model_id
from modelhubd.trust.text import printable

if TYPE_CHECKING:
    from modelhub_client import Client

EXAMPLES = """\b
Examples:
  modelhub chat qwen/qwen3-0.6b                 a conversation
  modelhub chat qwen/qwen3-0.6b "Why is the sky blue?"
  modelhub chat qwen/qwen3-0.6b "Three colours." -o json   the whole answer, with its reasoning
  git diff | modelhub chat qwen/qwen3-0.6b --system "Describe this change."
"""


@click.command(epilog=EXAMPLES)
@click.argument("name", shell_complete=models_to_talk_to)
@click.argument("prompt", required=False)
@click.option("--system", help="What the model is told about its task first.")
@click.option("--max-tokens", type=click.IntRange(1))
@click.option("--temperature", type=click.FloatRange(0, 5))
@click.option("--seed", type=click.IntRange(0))
@click.option(
    "--reasoning",
    type=click.Choice(["auto", "on", "off"]),
    default="auto",
    show_default=True,
    help="Whether the model thinks before it answers, where it can be told; auto leaves it to the model.",
)
@click.option("--hide-reasoning", is_flag=True, help="Do not show what the model thinks.")
@click.option("--stats", is_flag=True, help="Tell after each answer how fast it came.")
@text_options
def chat(
    out: Output,
    /,
    name: str,
    prompt: str | None,
    system: str | None,
    max_tokens: int | None,
    temperature: float | None,
    seed: int | None,
    reasoning: str,
    hide_reasoning: bool,
    stats: bool,
) -> int:
    """Talk to a running model by its name, or to an installed one by publisher/name.

    With PROMPT, or with text on stdin, it answers once; otherwise it is a conversation, in which /help lists
    what can be done beside asking. A model that is not loaded is loaded first.
    """
    thinks = {"auto": None, "on": True, "off": False}[reasoning]
    options = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
    daemon = client()
    talk = Talk(daemon, out, name, system, options, thinks=thinks, reasoning=not hide_reasoning, stats=stats)
    if prompt in (None, "-") and not sys.stdin.isatty():
        prompt = sys.stdin.read().strip()
        if not prompt:
            raise Failed(
                "There is nothing on stdin to ask.",
                next_step=f"modelhub chat {name} 'a question'",
                code=USAGE,
            )
    if prompt is not None:
        try:
            talk.ask(prompt)
        except (InvalidRequest, NotFound) as error:
            raise _unknown(daemon, name, error) from error
        return 0
    if out.json:
        raise Failed(
            "--json needs a prompt.", next_step=f"modelhub chat {name} 'a question' --json", code=USAGE
        )
    import readline  # noqa: F401  # gives input() its line editing and history

    return converse(talk, out, input)


def _unknown(daemon: "Client", name: str, error: ProblemError) -> ProblemError | Failed:
    """The error for a name that means no model, with those that are near; others as they are."""
    model = name.split("@")[0].split(":")[0]
    if isinstance(error, InvalidRequest) and is_model_id(model):
        return error
    known = [server.name for server in daemon.servers().items if not server.state.ended]
    known += [artifact.model for artifact in every(lambda after: daemon.library(limit=200, after=after))]
    near = near_names(model, known)
    hint = f" There is {' or '.join(near)}." if near else ""
    return Failed(
        f"There is no model {name} to talk to.{hint}",
        next_step="What runs: modelhub ps; what is installed: modelhub list; get one: modelhub pull",
        code=NOT_FOUND,
    )


def converse(talk: Talk, out: Output, read: Callable[[str], str]) -> int:
    """Until the person ends it. What is typed can be had again with the arrow keys, and is kept nowhere."""
    out.say(f"{printable(talk.model)}: /help says what can be done, Ctrl-D ends.")
    while True:
        try:
            text = read_question(read)
        except EOFError:
            out.say("")
            return 0
        except KeyboardInterrupt:
            out.say("\n/bye ends, so does Ctrl-D.")
            continue
        if not text:
            continue
        try:
            done = obey(talk, text) if text.startswith("/") else Done(ask=text)
            if done.over:
                return 0
            if done.said:
                out.say(done.said)
            if done.ask is not None:
                talk.ask(done.ask)
        except KeyboardInterrupt:
            out.say("(stopped)")
        except (ClientError, Failed) as error:
            report(error)
