"""downloads prune: partial files that belong to no download."""

import sys
from datetime import UTC, datetime

import click

from modelhub_cli import words
from modelhub_cli.asking import confirm
from modelhub_cli.connect import client
from modelhub_cli.failures import FAILURE, Failed, report
from modelhub_cli.output import Column, Output, output_options
from modelhub_cli.waiting import waiting
from modelhubd.wire.downloads import Leftover

LEFTOVERS: tuple[Column[Leftover], ...] = (
    Column(title="name", raw=lambda item: item.name, style="bold", flexible=True),
    Column(
        title="size",
        raw=lambda item: item.size_bytes,
        shown=lambda item: words.size(item.size_bytes),
        right=True,
    ),
    Column(
        title="changed",
        raw=lambda item: item.modified_at,
        shown=lambda item: words.ago(item.modified_at, datetime.now(UTC)),
    ),
)
EXAMPLES = """\b
Examples:
  modelhub downloads prune          list them, and ask before removing
  modelhub downloads prune --yes    remove them without asking
"""


@click.command(short_help="Remove partial files that belong to no download.", epilog=EXAMPLES)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_options
def prune(out: Output, yes: bool) -> int:
    """List partial files that belong to no download, and remove them. What a download holds is not among
    them: cancel the download to free it."""
    daemon = client()
    found = daemon.leftovers()
    if not found.items:
        if out.json:
            out.value(found)
        out.say("Nothing is left over.")
        return 0
    if not yes:
        if out.json:
            out.value(found)
            return 0
        out.items(found.items, LEFTOVERS, lambda item: item.name)
        total = words.size(found.total_bytes)
        if not (sys.stdin.isatty() and out.talks):
            out.say(f"{total} in all. Remove them with: modelhub downloads prune --yes")
            return 0
        confirm(f"Remove {_count(len(found.items))} ({total}) from the disk?")
    with waiting(out, "Removing files"):
        gone = daemon.remove_leftovers([item.name for item in found.items])
    if out.json:
        out.value(gone)
    elif yes:
        out.items(gone.removed, LEFTOVERS, lambda item: item.name)
    out.say(f"{words.size(gone.freed_bytes)} freed.")
    for item in gone.kept:
        report(Failed(f"{item.name} was kept: {item.reason}."))
    return FAILURE if gone.kept else 0


def _count(number: int) -> str:
    return "1 leftover" if number == 1 else f"{number} leftovers"
