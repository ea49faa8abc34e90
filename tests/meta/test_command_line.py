"""The help of every command teaches by example, its examples are commands there are, and every command that
prints data prints it in the three forms."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from modelhub_cli.main import cli, run

ROOT = Path(__file__).parents[2]

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


DESIGN = """
status, doctor, version, ui, device, events, search, show, pull, downloads list, downloads watch,
downloads pause, downloads resume, downloads cancel, downloads retry, downloads move, list,
outdated, update, rm, verify, repair, import, scan, load, ps, unload, logs, chat, registry status,
registry sync, registry publish, registry reviews list, registry reviews show, registry reviews
approve, registry reviews reject, registry verify, registry unverify, registry counters reset,
registry templates, registry audit, registry tokens, policy, config get, config set, config list,
token rotate, daemon run, daemon start, daemon stop, daemon restart, daemon status, daemon logs,
daemon install, daemon uninstall, completion
"""


def test_every_command_of_the_design_is_there() -> None:
    assert {f"modelhub {' '.join(name.split())}" for name in DESIGN.split(",")} <= EVERY.keys()


@pytest.mark.parametrize(
    "path",
    sorted(
        path
        for path, command in EVERY.items()
        if isinstance(command, click.Group) and not command.invoke_without_command
    ),
)
def test_a_group_without_a_command_is_wrong_usage_and_shows_what_there_is(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(path.split()[1:]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    command = EVERY[path]
    assert isinstance(command, click.Group)
    assert f"Usage: {path}" in told.err
    assert all(name in told.err for name in command.list_commands(click.Context(command)))


def _texts(path: Path) -> Iterator[str]:
    """The texts of a module, or all of another file; values that are put in are `{}`."""
    if path.suffix != ".py":
        yield path.read_text()
        return
    tree = ast.parse(path.read_text())
    spoken = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and not {id(node)} & (spoken | parts)
        ):
            yield node.value


SHOWN = [
    path
    for folder, ending in (("clients", "py"), ("modelhubd", "py"), ("clients/web", "js"))
    for path in (ROOT / folder).rglob(f"*.{ending}")
]
MENTION = re.compile(r"\bmodelhub ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)*)((?: (?:--[a-z][a-z-]*|[A-Z{}./]+))*)")


def _wrong(words: list[str], rest: list[str]) -> str | None:
    """What is wrong with a command that somebody is told to type."""
    path = "modelhub"
    for word in words:
        if f"{path} {word}" not in EVERY:
            break
        path = f"{path} {word}"
    command = EVERY[path]
    if path == "modelhub" or (
        isinstance(command, click.Group)
        and len(path.split()) <= len(words)
        and not command.invoke_without_command
    ):
        return f"{path} has no such command"
    if "{}" in rest or command.context_settings.get("ignore_unknown_options"):
        return None
    known = {text for one in command.params for text in (*one.opts, *one.secondary_opts)} | {"--help"}
    unknown = [word for word in rest if word.startswith("--") and word not in known]
    return f"{path} has no {unknown[0]}" if unknown else None


def test_whatever_people_are_told_to_type_is_there() -> None:
    found = [(path, match) for path in SHOWN for text in _texts(path) for match in MENTION.finditer(text)]
    assert len(found) > 300
    wrong = [
        f"{path.relative_to(ROOT)}: {match[0]}: {why}"
        for path, match in found
        if (why := _wrong(match[1].split(), match[2].split())) is not None
    ]
    assert wrong == []


def test_a_command_that_nobody_can_type_is_found() -> None:
    assert _wrong(["downloads", "lst"], []) == "modelhub downloads has no such command"
    assert _wrong(["lst"], []) == "modelhub has no such command"
    assert _wrong(["prune"], ["--yes"]) is None
    assert _wrong(["prune"], ["--yse"]) == "modelhub prune has no --yse"
