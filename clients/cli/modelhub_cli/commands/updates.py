"""outdated, update: what is newer than what is installed, and having it."""

import os
from collections.abc import Sequence

import click

from modelhub_cli import words
from modelhub_cli.commands.pull import watch
from modelhub_cli.complete import installed_models
from modelhub_cli.connect import active, client, every, installed, reference_of
from modelhub_cli.failures import CONFLICT, REFUSED, USAGE, Failed, report
from modelhub_cli.launch import ensure_daemon
from modelhub_cli.output import Column, Output, output_options, plain
from modelhub_cli.teaching import examples
from modelhub_cli.waiting import waiting
from modelhub_client import Client
from modelhubd.wire.updates import RefusedUpdate, RolledBack, Switch, Update, UpdateKind, UpdateState

EXAMPLES = """\b
Examples:
  modelhub outdated                          what is newer, and what holds it back
  modelhub update qwen/qwen3-0.6b            this one; the old version is kept
  modelhub update --all --dry-run            what it would get
  modelhub update --switch qwen/qwen3-0.6b   and load the new one in place of the one that runs
  modelhub update --trial qwen/qwen3-0.6b    try it beside the old version first
  modelhub update --rollback qwen/qwen3-0.6b the version before, with its settings
"""
STYLES = {
    UpdateState.AVAILABLE: "green", UpdateState.HELD_BACK: "yellow", UpdateState.DOWNLOADING: "cyan",
    UpdateState.READY: "cyan",
}  # fmt: skip


def _to(update: Update) -> str:
    match update.kind:
        case UpdateKind.WITHDRAWN:
            return "withdrawn"
        case UpdateKind.CONTENT:
            return "other content"
        case UpdateKind.VERSION:
            return f"{update.version}" + (f":{update.option}" if update.option else "")


def _why(update: Update) -> str:
    if update.held_back:
        return plain(update.held_back[0].detail)
    if update.error:
        return plain(update.error.detail)
    if update.newer_held_back:
        return f"Version {update.newer_version}: {plain(update.newer_held_back[0].detail)}"
    return ""


UPDATES: tuple[Column[Update], ...] = (
    Column(title="id", raw=lambda update: update.id, style="dim", from_width=130),
    Column(title="model", raw=lambda update: update.model, style="bold", flexible=True),
    Column(title="installed", raw=lambda update: f"{update.installed_version}:{update.installed_option}"),
    Column(title="newer", raw=_to),
    Column(
        title="to fetch",
        raw=lambda update: update.size_bytes,
        shown=lambda update: words.size(update.size_bytes),
        right=True,
    ),
    Column(title="state", raw=lambda update: update.state.value, style=lambda update: STYLES[update.state]),
    Column(title="held back by", raw=lambda update: ", ".join(held.by for held in update.held_back)),
    Column(title="why", raw=_why, flexible=True, from_width=110),
)


@click.command(
    epilog=examples("modelhub outdated", "modelhub outdated qwen --notes", "modelhub outdated -o json")
)
@click.argument("query", nargs=-1)
@click.option("--notes", is_flag=True, help="What the versions since bring, and what changes.")
@output_options
def outdated(out: Output, query: tuple[str, ...], notes: bool) -> None:
    """What is newer than what is installed, and what holds it back."""
    found = _all(client(), " ".join(query))
    out.items(found, UPDATES, lambda update: update.id)
    if notes and not (out.json or out.quiet):
        for update in found:
            _tell_notes(out, update)
    if not found:
        out.say("Everything is up to date.")
    elif out.terminal and out.talks:
        out.say("\nGet it: modelhub update REF, or modelhub update --all")


def _tell_notes(out: Output, update: Update) -> None:
    for note in update.notes:
        out.line(f"{update.model}@{note.version}\t{plain(note.notes) if note.notes else '–'}")
    for change in update.changes:
        out.line(f"{update.model}\t{change.field}\t{plain(change.before)}\t{plain(change.after)}")


@click.command(epilog=EXAMPLES)
@click.argument("refs", nargs=-1, metavar="[REF]...", shell_complete=installed_models)
@click.option("--all", "everything", is_flag=True, help="All that nothing holds back.")
@click.option("--rollback", is_flag=True, help="Back to the version before, with the settings it had.")
@click.option(
    "--switch", is_flag=True, help="Load the new one in place of what runs; without, at the next load."
)
@click.option("--trial", is_flag=True, help="Try each beside the old version first; see modelhub trial.")
@click.option("--force", is_flag=True, help="Also what does not fit, or is for other programs.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("-d", "--detach", is_flag=True, help="Queue only; the daemon goes on in the background.")
@output_options
def update(
    out: Output,
    refs: tuple[str, ...],
    everything: bool,
    rollback: bool,
    switch: bool,
    trial: bool,
    force: bool,
    dry_run: bool,
    detach: bool,
) -> int:
    """Get newer versions: each is downloaded and checked beside the old one, then takes its place.

    REF is publisher/name[@version][:option] of what is installed, or a library id. The old version is kept
    until you remove it.
    """
    if bool(refs) == everything:
        raise Failed(
            "Name what to update, or add --all, not both.",
            next_step="What is newer: modelhub outdated",
            code=USAGE,
        )
    ensure_daemon(os.environ, out.say)
    daemon = client()
    how: Switch = "now" if switch else "next_load"
    if rollback:
        if everything:
            raise Failed("A rollback is of one model at a time.", next_step="Name it.", code=USAGE)
        return _roll_back(daemon, out, refs, how, dry_run=dry_run)
    ids = None if everything else _ids(daemon, refs)
    with waiting(out, "Looking at what is newer"):
        answer = daemon.apply_updates(ids, switch=how, force=force, dry_run=dry_run, trial=trial or None)
    code = 0
    for refused in answer.refused:
        exit_code = _tell_refused(out, refused)
        code = code or exit_code
    if not answer.applied and not answer.refused:
        out.say("Everything is up to date.")
    if out.json and (dry_run or detach):
        out.value(answer)
        return code
    queued = [one.download for one in answer.applied if one.download is not None]
    if dry_run or detach or not queued:
        out.items([] if out.json else answer.applied, UPDATES, lambda one: one.id)
        return code
    downloads = [daemon.download(download) for download in queued]
    return watch(daemon, out, downloads) or code


def _all(daemon: Client, query: str = "") -> tuple[Update, ...]:
    return tuple(every(lambda after: daemon.updates(q=query, limit=200, after=after)))


def _ids(daemon: Client, refs: Sequence[str]) -> tuple[str, ...]:
    """Library ids of the updates that the references mean; where nothing is newer, of what is installed.

    Raises:
        Failed: nothing of the kind is installed (exit code 3).
    """
    updates = _all(daemon)
    chosen: list[str] = []
    for ref in refs:
        found = [one.id for one in updates if one.id == ref or _means(ref, one)]
        chosen += found or [active(installed(daemon, ref)).id]
    return tuple(dict.fromkeys(chosen))


def _means(ref: str, update: Update) -> bool:
    if "/" not in ref:
        return False
    wanted = reference_of(ref)
    return (
        wanted.model == update.model
        and wanted.version in (None, update.installed_version)
        and wanted.option in (None, update.installed_option)
    )


def _tell_refused(out: Output, refused: RefusedUpdate) -> int:
    if refused.code == "up_to_date":
        out.say(f"{refused.id}: {refused.detail}")
        return 0
    code = CONFLICT if refused.code == "wrong_state" else REFUSED
    return report(Failed(f"{refused.id} is held back: {refused.detail}", code=code))


def _roll_back(daemon: Client, out: Output, refs: Sequence[str], switch: Switch, *, dry_run: bool) -> int:
    for ref in refs:
        with waiting(out, "Going back"):
            done = daemon.roll_back(reference_of(ref).model, switch=switch, dry_run=dry_run)
        _tell_back(out, done, dry_run=dry_run)
    return 0


def _tell_back(out: Output, done: RolledBack, *, dry_run: bool) -> None:
    old = words.reference(done.model, done.to_version, done.to_option)
    new = words.reference(done.model, done.from_version, done.from_option)
    if out.json:
        out.value(done)
    elif out.quiet:
        out.line(done.to_id)
    elif not out.terminal:
        out.line(f"{new}\t{old}")
    elif dry_run:
        out.line(f"{done.model} would mean {old} instead of {new}.")
    else:
        out.line(f"✓ {done.model} means {old} again. {new} stays until you remove it.")
