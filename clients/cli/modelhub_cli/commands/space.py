"""usage, prune: what everything costs on the disk, and giving space back."""

import sys
from functools import partial
from pathlib import Path

import click

from modelhub_cli import words
from modelhub_cli.asking import confirm
from modelhub_cli.connect import client
from modelhub_cli.failures import FAILURE, Failed, report
from modelhub_cli.jobs import watch_jobs
from modelhub_cli.output import Column, Output, output_options
from modelhub_cli.teaching import examples
from modelhub_cli.waiting import waiting
from modelhubd.wire.space import ModelUsage, UsageItem


def _notes(item: UsageItem) -> str:
    notes = (
        "active" if item.active else "",
        "old" if item.old else "",
        "loaded" if item.loaded_by else "",
        "shared" if item.shared_bytes else "",
    )
    return ", ".join(filter(None, notes))


ITEMS: tuple[Column[UsageItem], ...] = (
    Column(title="kind", raw=lambda item: item.kind.value, style="dim"),
    Column(title="name", raw=lambda item: item.name, style="bold", flexible=True),
    Column(
        title="on the disk",
        raw=lambda item: item.disk_bytes,
        shown=lambda item: words.size(item.disk_bytes),
        right=True,
    ),
    Column(
        title="size",
        raw=lambda item: item.size_bytes,
        shown=lambda item: words.size(item.size_bytes),
        right=True,
        from_width=90,
    ),
    Column(title="notes", raw=_notes, style="yellow"),
)
MODELS: tuple[Column[ModelUsage], ...] = (
    Column(title="model", raw=lambda item: item.model, style="bold", flexible=True),
    Column(title="versions", raw=lambda item: item.versions, right=True),
    Column(
        title="on the disk",
        raw=lambda item: item.disk_bytes,
        shown=lambda item: words.size(item.disk_bytes),
        right=True,
    ),
    Column(
        title="of old versions",
        raw=lambda item: item.old_bytes,
        shown=lambda item: words.size(item.old_bytes) if item.old_bytes else "",
        right=True,
    ),
)
EXAMPLES = """\b
Examples:
  modelhub prune --dry-run       what would be given back
  modelhub prune                 list it, and ask before removing
  modelhub prune --keep 0 --yes  every old version too, without asking
"""


@click.command(epilog=examples("modelhub usage", "modelhub usage --models -o json"))
@click.option("--models", "models", is_flag=True, help="Added up by model.")
@output_options
def usage(out: Output, models: bool) -> None:
    """What each version, partial download, leftover and cache costs; shared bytes count once."""
    with waiting(out, "Adding up"):
        found = client().usage()
    if out.json:
        out.value(found)
        return
    if models:
        out.items(found.models, MODELS, lambda item: item.model)
    else:
        out.items(found.items, ITEMS, lambda item: item.library_id or item.name)
    free = f", {words.size(found.free_bytes)} are free" if found.free_bytes is not None else ""
    kept = f", {words.size(found.reserve_bytes)} of them kept in reserve" if found.reserve_bytes else ""
    back = f" modelhub prune gives back {words.size(found.prunable_bytes)}." if found.prunable_bytes else ""
    out.say(f"{words.size(found.disk_bytes)} in all{free}{kept}.{back}")


@click.command(epilog=EXAMPLES)
@click.option("--dry-run", is_flag=True, help="Say what would be given back, and do nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--keep", type=click.IntRange(0, 1000), default=1, show_default=True, metavar="N",
    help="Old versions of each option that stay for a rollback.",
)  # fmt: skip
@click.option("--no-old", is_flag=True, help="Leave old versions alone.")
@click.option("--no-leftovers", is_flag=True, help="Leave partial files of no download alone.")
@click.option("--no-caches", is_flag=True, help="Leave logs of ended servers alone.")
@output_options
def prune(
    out: Output, dry_run: bool, yes: bool, keep: int, no_old: bool, no_leftovers: bool, no_caches: bool
) -> int:
    """Give back what nobody needs. What is active, loaded or the only one of its option stays."""
    daemon = client()
    ask = partial(
        daemon.prune,
        keep_old=keep,
        old_versions=not no_old,
        leftovers=not no_leftovers,
        caches=not no_caches,
    )
    if not yes:
        with waiting(out, "Adding up"):
            found = ask(dry_run=True)
        if not found.items:
            if out.json:
                out.value(found)
            out.say("There is nothing to give back.")
            return 0
        asks = sys.stdin.isatty() and out.talks and not (dry_run or out.json)
        if out.json:
            out.value(found)
        else:
            out.items(found.items, ITEMS, lambda item: item.library_id or item.name)
        if not asks:
            out.say(f"{words.size(found.freed_bytes)} in all. Remove it with: modelhub prune --yes")
            return 0
        confirm(f"Give back {words.size(found.freed_bytes)}?")
    elif dry_run:
        raise click.UsageError("--dry-run asks nothing and removes nothing: leave out --yes.")
    with waiting(out, "Removing files"):
        gone = ask(dry_run=False)
    if out.json:
        out.value(gone)
    elif yes:
        out.items(gone.items, ITEMS, lambda item: item.library_id or item.name)
    out.say(f"{words.size(gone.freed_bytes)} freed.")
    for item in gone.kept:
        report(Failed(f"{item.name} was kept: {item.reason}"))
    return FAILURE if gone.kept else 0


@click.command(epilog=examples("modelhub move /mnt/models", "modelhub move /mnt/models --yes --detach"))
@click.argument("path", type=click.Path(path_type=Path))
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("-d", "--detach", is_flag=True, help="Begin only; the daemon goes on in the background.")
@output_options
def move(out: Output, path: Path, yes: bool, detach: bool) -> int:
    """Move the models directory to PATH, a new or empty folder, on another drive too.

    Models that run go on, and others can be loaded; downloads wait. Every file is checked before the old one
    is removed. It may be interrupted at any moment: it goes on at the daemon's next start.
    """
    daemon = client()
    target = path.expanduser().absolute()
    if not yes and sys.stdin.isatty() and out.talks:
        confirm(f"Move the models directory to {target}?")
    job = daemon.move_models(str(target))
    if detach:
        out.value(job) if out.json else out.line(job.id)
        return 0
    return watch_jobs(daemon, out, [job])
