"""What a person may type in a conversation beside questions: lines that begin with a slash."""

from collections.abc import Callable
from dataclasses import dataclass

from modelhub_cli.failures import USAGE, Failed
from modelhub_cli.talk import Talk
from modelhubd.trust.text import printable

TEXT_MARK = '"""'
HELP = f"""/clear          forget the conversation
/undo           take the last question back
/again          have the last question answered anew
/system TEXT    what the model is told about its task; without TEXT shows it, `/system -` takes it away
/set NAME VALUE temperature, max_tokens or seed; `/set NAME -` leaves it to the model; alone shows them
/model NAME     go on with another model
/thoughts       show what the model thinks, or stop showing it
/stats          tell after each answer how fast it came, or stop telling
/help           this
/bye            end, as Ctrl-D does
Ctrl-C stops an answer. {TEXT_MARK} begins and ends a text of several lines; so does a \\ at a line's end."""
KINDS: dict[str, Callable[[str], float]] = {"temperature": float, "max_tokens": int, "seed": int}


@dataclass(frozen=True)
class Done:
    """What a command says; `ask` is a question to put to the model now; `over` ends the conversation."""

    said: str = ""
    ask: str | None = None
    over: bool = False


def obey(talk: Talk, line: str) -> Done:
    """Do what a line with a slash says.

    Raises:
        Failed: there is no such command, or what it is given cannot be.
    """
    name, _, rest = line.partition(" ")
    command = COMMANDS.get(name)
    if command is None:
        raise Failed(f"There is no {name}.", next_step="/help lists what there is", code=USAGE)
    return command(talk, rest.strip())


def _clear(talk: Talk, _: str) -> Done:
    talk.forget()
    return Done("Forgotten.")


def _undo(talk: Talk, _: str) -> Done:
    question = talk.take_back()
    return Done("Nothing was asked yet." if question is None else f"Taken back: {_short(question)}")


def _again(talk: Talk, _: str) -> Done:
    question = talk.take_back()
    return Done("Nothing was asked yet.") if question is None else Done(ask=question)


def _system(talk: Talk, text: str) -> Done:
    if text:
        talk.system = None if text == "-" else text
    return Done(f"It is told: {talk.system}" if talk.system else "It is told nothing beforehand.")


def _set(talk: Talk, text: str) -> Done:
    name, _, value = text.partition(" ")
    if not name:
        shown = (f"{name} {'-' if found is None else found}" for name, found in talk.options.items())
        return Done("\n".join(shown))
    if name not in KINDS:
        raise Failed(f"{name} cannot be set.", next_step=f"Known are {', '.join(KINDS)}", code=USAGE)
    try:
        talk.options[name] = None if value.strip() == "-" else KINDS[name](value)
    except ValueError:
        raise Failed(f"{name} is a number, not {value!r}.", next_step=f"/set {name} 1", code=USAGE) from None
    return Done(f"{name} {value.strip()}")


def _model(talk: Talk, name: str) -> Done:
    if name:
        talk.model = name
    return Done(f"Talking to {talk.model}.")


def _thoughts(talk: Talk, _: str) -> Done:
    talk.reasoning = not talk.reasoning
    return Done(f"Its thoughts are {'shown' if talk.reasoning else 'hidden'}.")


def _stats(talk: Talk, _: str) -> Done:
    talk.stats = not talk.stats
    return Done(f"How fast it answers is {'told' if talk.stats else 'not told'}.")


def _help(_talk: Talk, _: str) -> Done:
    return Done(HELP)


def _bye(_talk: Talk, _: str) -> Done:
    return Done(over=True)


def _short(text: str) -> str:
    line = printable(text)
    return line if len(line) <= 60 else line[:59] + "…"


COMMANDS: dict[str, Callable[[Talk, str], Done]] = {
    "/clear": _clear, "/undo": _undo, "/again": _again, "/system": _system, "/set": _set, "/model": _model,
    "/thoughts": _thoughts, "/stats": _stats, "/help": _help, "/bye": _bye, "/exit": _bye, "/quit": _bye,
}  # fmt: skip


def read_question(read: Callable[[str], str]) -> str:
    """The next line, or the whole of a text of several lines. `read` gives a line for a prompt.

    Raises:
        EOFError: there is nothing more.
    """
    line = read(">>> ")
    if line.lstrip().startswith(TEXT_MARK):
        lines = [line.lstrip().removeprefix(TEXT_MARK)]
        while TEXT_MARK not in lines[-1]:
            lines.append(read("... "))
        lines[-1] = lines[-1].partition(TEXT_MARK)[0]
        return "\n".join(lines).strip()
    while line.endswith("\\"):
        line = line[:-1] + "\n" + read("... ")
    return line.strip()
