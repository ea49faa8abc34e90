"""load: run a model, or say what that would take."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from modelhub_cli import words
from modelhub_cli.complete import installed_models
from modelhub_cli.connect import active, client, installed
from modelhub_cli.estimates import print_estimate, print_plan
from modelhub_cli.failures import FAILURE, Failed, exit_code_of_job, report
from modelhub_cli.launch import ensure_daemon
from modelhub_cli.output import Output, output_options, plain
from modelhub_cli.reading_progress import Steps
from modelhub_cli.saving import add_to_saved
from modelhub_cli.setting_options import setting_options, settings_of
from modelhub_client.events import DISCONNECTED
from modelhubd.wire.servers import Server, ServerLoad, ServerState

if TYPE_CHECKING:
    from modelhub_client import Client

EXAMPLES = """\b
Examples:
  modelhub load qwen/qwen3-0.6b
  modelhub load qwen/qwen3-0.6b --ctx 16384 --kv-type q8_0 --name small
  modelhub load qwen/qwen3-0.6b --ctx 16384 --save
  modelhub load qwen/qwen3-0.6b --ctx 0 --dry-run
"""


@click.command(epilog=EXAMPLES)
@click.argument("ref", shell_complete=installed_models)
@setting_options
@click.option("--name", help="Name to call it by; default is the model's.")
@click.option("--force", is_flag=True, help="Also where the memory is too small.")
@click.option("-d", "--detach", is_flag=True, help="Do not wait until it is ready.")
@click.option("--save", is_flag=True, help="Keep these settings for every later load of it.")
@click.option("--estimate-only", is_flag=True, help="Only say what memory it would take.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@output_options
def load(
    out: Output,
    /,
    ref: str,
    name: str | None,
    force: bool,
    detach: bool,
    save: bool,
    estimate_only: bool,
    dry_run: bool,
    **given: Any,
) -> int:
    """Load an installed model into memory; REF is publisher/name[@version][:option] or a library id.

    Waits until it is ready. Ctrl-C stops the waiting, not the loading.
    """
    if save + estimate_only + dry_run > 1:
        raise click.UsageError("Use one of --save, --estimate-only and --dry-run.")
    settings = settings_of(given)
    ensure_daemon(os.environ, out.say)
    daemon = client()
    artifact = active(installed(daemon, ref))
    if estimate_only:
        return print_estimate(out, artifact, daemon.estimate(artifact.id, settings))
    if dry_run:
        return print_plan(out, daemon.plan_load(artifact.id, settings, name=name), force=force)
    server = daemon.load(artifact.id, settings, name=name, force=force, wait=False)
    if save:
        add_to_saved(daemon, artifact, settings)
        out.say(f"Saved for {artifact.model}. See it: modelhub settings show {artifact.model}")
    try:
        return _tell_end(out, server if detach else _wait(daemon, out, server))
    except KeyboardInterrupt:
        out.say(f"\nIt goes on loading. See it: modelhub ps; stop it: modelhub unload {server.name}")
        return 130


def _wait(daemon: "Client", out: Output, server: Server) -> Server:
    """The server when it is ready or has ended."""
    name = plain(server.name)
    if not out.draws or out.json:
        out.say(f"Loading {name} …")
        return _follow(daemon, out, server, Steps(lambda step: out.say(f"{name}: {step} % loaded")).reached)
    from modelhub_cli.progress import spinner

    with spinner(out, f"Loading {name} …") as progress:
        [task] = progress.task_ids
        return _follow(
            daemon,
            out,
            server,
            lambda done: progress.update(task, description=f"Loading {name} … {done * 100:.0f} %"),
        )


def _follow(daemon: "Client", out: Output, server: Server, loaded: Callable[[float], None]) -> Server:
    def told(now: Server) -> bool:
        if out.json:
            out.value(now)
        return now.state is ServerState.READY or now.state.ended

    if told(server):
        return server
    for event in daemon.events(["servers"], wait=True):
        if event.type == DISCONNECTED:
            return daemon.server(server.id)
        if isinstance(event.data, ServerLoad):
            if event.data.id == server.id and event.data.load_progress is not None:
                loaded(event.data.load_progress)
            continue
        found = event.data.state.servers if event.type == "snapshot" else (event.data,)
        for now in found:
            if isinstance(now, Server) and now.id == server.id and now != server:
                server = now
                if told(now):
                    return now
    raise AssertionError("the stream of events does not end")


def _tell_end(out: Output, server: Server) -> int:
    name = plain(server.name)
    if server.state is ServerState.FAILED or server.state is ServerState.STOPPED:
        error = server.error
        told = [f"{name} did not load: {error.detail if error else server.state.value}"]
        told += [f"  │ {line}" for line in (error.log_tail[-5:] if error else ())]
        code = exit_code_of_job(error.code) if error else FAILURE
        return report(Failed("\n".join(told), next_step=f"Its log: modelhub logs {server.id}", code=code))
    if out.quiet:
        out.line(server.id)
    elif not out.json and out.terminal:
        memory = server.memory.measured_bytes or server.memory.estimated_bytes
        took = f", {words.size(memory)}" if memory else ""
        state = "is ready" if server.state is ServerState.READY else "is loading"
        out.line(f"✓ {name} {state}{took}. Talk to it: modelhub chat {name}")
    elif not out.json:
        out.line(f"{server.id}\t{name}\t{server.state.value}")
    return 0
