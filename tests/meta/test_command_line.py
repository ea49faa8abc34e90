"""The help of every command teaches by example, its examples are commands there are, and every command that
prints data prints it in the three forms."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from modelhub_cli.main import cli

NO_DATA = frozenset(
    {
        "modelhub completion", "modelhub daemon run", "modelhub daemon install", "modelhub daemon uninstall",
        "modelhub token rotate", "modelhub registry logout",
    }
)  # fmt: skip
"""They print a script, another program's output, or nothing."""
OPERATORS = frozenset({"|", "||", "&&", "<", ">", ";"})


def _commands(command: click.Command, path: str, parent: click.Context | None) -> Iterator[click.Context]:
    context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent)
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _commands(child, f"{path} {name}", context)


EVERY = {context.command_path: context.command for context in _commands(cli, "modelhub", None)}


def _examples(command: click.Command) -> list[str]:
    """The lines below `Examples:`, without the remarks beside them."""
    _, heading, shown = (command.epilog or "").partition("Examples:\n")
    assert heading, "its help shows no example"
    lines = [re.split(r"\s{2,}|\s+#", line.strip())[0] for line in shown.splitlines()]
    return [line for line in lines if line]


def _calls(line: str) -> Iterator[list[str]]:
    """The calls of modelhub in a command line, as argument lists."""
    if (inner := re.search(r"\$\((modelhub [^)]*)\)", line)) is not None:
        yield shlex.split(inner[1])[1:]
        return
    words: list[str] = []
    for word in [*shlex.split(line), ";"]:
        if word not in OPERATORS:
            words.append(word)
            continue
        if words[:1] == ["modelhub"]:
            yield words[1:]
        words = []


def _parsed(arguments: list[str]) -> str:
    """The path of the command that these arguments mean, once they are taken as it takes them."""
    command: click.Command = cli
    context: click.Context | None = None
    name = "modelhub"
    while True:
        context = command.make_context(name, list(arguments), parent=context)
        if not isinstance(command, click.Group):
            return context.command_path
        rest = [*context._protected_args, *context.args]
        if not rest:
            return context.command_path
        found, child, arguments = command.resolve_command(context, rest)
        assert found is not None and child is not None
        command, name = child, found


@pytest.mark.parametrize("path", sorted(EVERY.keys() - {"modelhub"}))
def test_the_help_shows_examples_that_can_be_typed(path: str) -> None:
    lines = _examples(EVERY[path])
    meant = [_parsed(call) for line in lines for call in _calls(line)]
    assert len(meant) >= len(lines), f"no modelhub in one of {lines}"
    assert any(f"{found} ".startswith(f"{path} ") for found in meant), meant


@pytest.mark.parametrize(
    "path", sorted(path for path, command in EVERY.items() if not isinstance(command, click.Group))
)
def test_what_prints_data_prints_it_as_text_json_or_ids(path: str) -> None:
    options = {text for parameter in EVERY[path].params for text in parameter.opts}
    assert ({"-o", "--output", "--json"} <= options) is (path not in NO_DATA)


def test_an_example_of_what_there_is_not_is_found() -> None:
    with pytest.raises(click.UsageError):
        _parsed(["downloads", "list", "--every"])
    with pytest.raises(click.UsageError):
        _parsed(["dowload"])


def _named(line: str) -> list[str]:
    """The commands that a group's line in the help enumerates: `share, stop` of `What to do: share, stop.`"""
    _, _, after = line.rstrip(".").partition(": ")
    return [word for word in after.split(", ") if word not in ("", "…")]


@pytest.mark.parametrize(
    "name",
    sorted(
        name
        for name, lazy in cli._lazy.items()
        if isinstance(EVERY[f"modelhub {name}"], click.Group) and name != "registry" and _named(lazy.help)
    ),
)
def test_what_a_group_s_line_enumerates_are_its_commands(name: str) -> None:
    group = EVERY[f"modelhub {name}"]
    assert isinstance(group, click.Group)
    assert set(_named(cli._lazy[name].help)) <= set(group.list_commands(click.Context(group)))
