"""list, rm: what is installed."""

import sys
from datetime import UTC, datetime

import click

from modelhub_cli import words
from modelhub_cli.asking import confirm
from modelhub_cli.complete import installed_models
from modelhub_cli.connect import client, every, installed
from modelhub_cli.failures import USAGE, Failed, report
from modelhub_cli.output import Column, Output, output_options
from modelhub_cli.teaching import examples
from modelhub_cli.waiting import waiting
from modelhub_client import Client, ProblemError
from modelhubd.wire.library import Artifact, ArtifactState

STATES = tuple(state.value for state in ArtifactState)


def _checked(artifact: Artifact) -> str:
    return words.ago(artifact.verified_at, datetime.now(UTC)) if artifact.verified_at else "never"


def _notes(artifact: Artifact) -> str:
    notes = {
        "active": artifact.active,
        "running": artifact.loaded_by,
        "withdrawn": artifact.withdrawn,
        "managed": artifact.managed,
        "in place": any(file.outside for file in artifact.files) and not artifact.managed,
    }
    return ", ".join(note for note, holds in notes.items() if holds)


ARTIFACTS: tuple[Column[Artifact], ...] = (
    Column(title="id", raw=lambda artifact: artifact.id, style="dim", from_width=100),
    Column(title="model", raw=lambda artifact: artifact.model, style="bold", flexible=True),
    Column(title="version", raw=lambda artifact: artifact.version, right=True, from_width=70),
    Column(title="option", raw=lambda artifact: artifact.option),
    Column(
        title="size",
        raw=lambda artifact: artifact.size_bytes,
        shown=lambda item: words.size(item.size_bytes),
        right=True,
    ),
    Column(
        title="state",
        raw=lambda artifact: artifact.state.value,
        style=lambda artifact: words.STATE_STYLES.get(artifact.state.value, ""),
    ),
    Column(title="verified", raw=lambda artifact: artifact.verified_at, shown=_checked, from_width=90),
    Column(title="source", raw=lambda artifact: artifact.source, from_width=120),
    Column(title="notes", raw=_notes, style="green", from_width=80),
)


@click.command(
    "list",
    epilog=examples(
        "modelhub list",
        "modelhub list qwen --format gguf",
        "modelhub list --state damaged -q              ids of what is broken",
    ),
)
@click.argument("query", nargs=-1)
@click.option("--format", "formats", multiple=True, type=click.Choice(["gguf", "mlx", "safetensors"]))
@click.option("--capability", "capabilities", multiple=True, metavar="NAME")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES))
@output_options
def list_models(
    out: Output,
    query: tuple[str, ...],
    formats: tuple[str, ...],
    capabilities: tuple[str, ...],
    states: tuple[str, ...],
) -> None:
    """What is installed. The active artifact is the one that the bare model name means."""
    daemon = client()
    found = tuple(
        every(
            lambda after: daemon.library(
                q=" ".join(query),
                formats=formats,
                capabilities=capabilities,
                states=states,
                limit=200,
                after=after,
            )
        )
    )
    out.items(found, ARTIFACTS, lambda artifact: artifact.id)
    if not found:
        none = "Nothing is installed" + (
            " that matches" if query or formats or capabilities or states else ""
        )
        out.say(f"{none}. Find a model with: modelhub search")
    elif out.terminal and out.talks:
        out.say(f"\n{len(found)} installed, {words.size(sum(item.size_bytes for item in found))}")


@click.command(
    epilog=examples(
        "modelhub rm acme/tiny@1:gguf-q4_k_m",
        "modelhub rm acme/tiny --all --yes",
        "modelhub rm --old                what newer versions have taken the place of",
    )
)
@click.argument("names", nargs=-1, metavar="REF...", shell_complete=installed_models)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--all", "everything", is_flag=True, help="All installed versions and options of REF.")
@click.option("--old", is_flag=True, help="Versions whose place a newer one has taken; of REF, or of all.")
@output_options
def rm(out: Output, names: tuple[str, ...], yes: bool, everything: bool, old: bool) -> int:
    """Remove installed models from the disk: by library id, or by publisher/name[@version][:option]."""
    daemon = client()
    chosen: dict[str, Artifact] = {}
    if not names and not old:
        raise Failed("Name what to remove.", next_step="What is installed: modelhub list", code=USAGE)
    if old:
        chosen = _old(daemon, names)
        if not chosen:
            out.say("There is no old version.")
    for name in () if old else names:
        found = installed(daemon, name)
        if len(found) > 1 and not everything:
            exact = ", ".join(words.reference(item.model, item.version, item.option) for item in found)
            raise Failed(
                f"{name} means several: {exact}.", next_step="Name one exactly, or add --all.", code=USAGE
            )
        chosen.update({artifact.id: artifact for artifact in found})
    if chosen and not yes and sys.stdin.isatty() and out.talks:
        total = words.size(sum(artifact.size_bytes for artifact in chosen.values()))
        listed = ", ".join(words.reference(item.model, item.version, item.option) for item in chosen.values())
        confirm(f"Remove {listed} ({total}) from the disk?")
    code = 0
    for artifact in chosen.values():
        try:
            with waiting(out, "Removing files"):
                daemon.remove(artifact.id)
        except ProblemError as error:
            code = report(error)
            continue
        if out.json:
            out.value(artifact)
        elif out.quiet or not out.terminal:
            out.line(artifact.id)
        name = words.reference(artifact.model, artifact.version, artifact.option)
        out.say(f"Removed {name}, {words.size(artifact.size_bytes)} freed.")
    return code


def _old(daemon: Client, names: tuple[str, ...]) -> dict[str, Artifact]:
    """By id, what a newer version has taken the place of: of everything, or of what is named."""
    old = {item.library_id for item in daemon.usage().items if item.old}
    named = [installed(daemon, name) for name in names] if names else [_every(daemon)]
    return {one.id: one for found in named for one in found if one.id in old}


def _every(daemon: Client) -> tuple[Artifact, ...]:
    return tuple(every(lambda after: daemon.library(limit=200, after=after)))
