"""ps, logs, unload: models that run."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from modelhub_cli import words
from modelhub_cli.complete import logged_models, running_models
from modelhub_cli.connect import client
from modelhub_cli.failures import NOT_FOUND, Failed, report
from modelhub_cli.output import Column, Output, output_options, plain, text_options
from modelhub_cli.teaching import examples
from modelhub_cli.waiting import waiting
from modelhub_client import ProblemError
from modelhubd.wire.servers import Server, ServerState

if TYPE_CHECKING:
    from modelhub_client import Client


def _memory(server: Server) -> int | None:
    return server.memory.measured_bytes or server.memory.estimated_bytes


def _context(server: Server) -> object:
    setting = server.settings.get("ctx")
    return setting.value if setting is not None else None


def _context_shown(server: Server) -> str:
    value = _context(server)
    return words.context(value) if isinstance(value, int) else plain(value)


def _up(server: Server) -> str:
    return words.since(server.ready_at, datetime.now(UTC)) if server.state is ServerState.READY else ""


SERVERS: tuple[Column[Server], ...] = (
    Column(title="id", raw=lambda server: server.id, style="dim", from_width=110),
    Column(title="name", raw=lambda server: server.name, style="bold", flexible=True),
    Column(title="option", raw=lambda server: server.option, from_width=80),
    Column(
        title="state",
        raw=lambda server: server.state.value,
        style=lambda server: words.STATE_STYLES.get(server.state.value, ""),
    ),
    Column(title="memory", raw=_memory, shown=lambda server: words.size(_memory(server)), right=True),
    Column(title="context", raw=_context, shown=_context_shown, right=True, from_width=70),
    Column(title="up", raw=lambda server: server.ready_at, shown=_up, right=True),
    Column(title="pid", raw=lambda server: server.pid, right=True, from_width=90),
    Column(
        title="trouble",
        raw=lambda server: server.error.detail if server.error else None,
        style="red",
        from_width=100,
        flexible=True,
    ),
)


@click.command(
    epilog=examples(
        "modelhub ps",
        "modelhub ps --all                also those that failed",
        "modelhub ps -o json | jq -r '.[].name'",
    )
)
@click.option("-a", "--all", "everything", is_flag=True, help="Also those that failed or were stopped.")
@output_options
def ps(out: Output, everything: bool) -> None:
    """Models that run, with their state and memory."""
    servers = client().servers().items
    found = tuple(server for server in servers if everything or not server.state.ended)
    out.items(found, SERVERS, lambda server: server.id)
    if not found:
        failed = sum(server.state is ServerState.FAILED for server in servers)
        hint = f" {failed} failed: modelhub ps -a." if failed else ""
        out.say(f"No model is running.{hint} Load one with: modelhub load publisher/name")


@click.command(epilog=examples("modelhub logs acme/tiny --tail 50", "modelhub logs acme/tiny -f"))
@click.argument("name", shell_complete=logged_models)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until the server ends.")
@click.option(
    "--tail", type=click.IntRange(0, 10_000), default=200, show_default=True, help="Lines to begin with."
)
@text_options
def logs(out: Output, name: str, follow: bool, tail: int) -> None:
    """The log of a running model's llama-server."""
    daemon = client()
    server = find_server(daemon, name, ended=True)
    lines = (
        daemon.follow_log(server.id, tail=tail)
        if follow
        else daemon.log_lines(server.id, tail=tail).splitlines()
    )
    for line in lines:
        if out.json:
            out.value({"line": line})
        else:
            out.line(plain(line))


@click.command(epilog=examples("modelhub unload acme/tiny", "modelhub unload --all"))
@click.argument("names", nargs=-1, metavar="NAME...", shell_complete=running_models)
@click.option("--all", "everything", is_flag=True, help="Every running model.")
@output_options
def unload(out: Output, names: tuple[str, ...], everything: bool) -> int:
    """Stop running models and free their memory; NAME is a server's name or id, or the model."""
    daemon = client()
    if not names and not everything:
        raise click.UsageError("Name a running model, or add --all. modelhub ps shows them.")
    chosen: Sequence[Server]
    if everything:
        chosen = [server for server in daemon.servers().items if not server.state.ended]
    else:
        chosen = [find_server(daemon, name) for name in names]
    code = 0
    for server in chosen:
        try:
            with waiting(out, f"Unloading {server.name}"):
                stopped = daemon.unload(server.id)
        except ProblemError as error:
            code = report(error)
            continue
        if out.json:
            out.value(stopped)
        elif out.quiet or not out.terminal:
            out.line(server.id)
        freed = _memory(server)
        out.say(f"Unloaded {server.name}." + (f" {words.size(freed)} freed." if freed else ""))
    return code


def find_server(daemon: "Client", name: str, *, ended: bool = False) -> Server:
    """The server that a name, an id or its beginning, or a model means; with `ended` also one of the past.

    Raises:
        Failed: there is none (exit code 3); the running ones are named.
    """
    servers = daemon.servers().items
    running = [server for server in servers if not server.state.ended]
    for group in (running, [server for server in servers if server.state.ended] if ended else []):
        for fits in (_is_name, is_model, _is_beginning):
            found = [server for server in group if fits(server, name)]
            if found:
                return max(found, key=lambda server: server.started_at)
    names = ", ".join(server.name for server in running)
    raise Failed(
        f"No running model is called {name}.",
        next_step=f"Running: {names}" if running else "None is running: modelhub load publisher/name",
        code=NOT_FOUND,
    )


def _is_name(server: Server, text: str) -> bool:
    return text in (server.id, server.name)


def is_model(server: Server, text: str) -> bool:
    """Whether `text` names the model that the server runs, or the very option."""
    exact = words.reference(server.model, server.version, server.option)
    return text in (
        server.model,
        exact,
        f"{server.model}:{server.option}",
        f"{server.model}@{server.version}",
    )


def _is_beginning(server: Server, text: str) -> bool:
    return len(text) >= 4 and server.id.startswith(text)
