"""first-run: what is downloaded once, at the first run."""

import click

from modelhub_cli import words
from modelhub_cli.complete import in_catalog
from modelhub_cli.connect import client
from modelhub_cli.output import Column, Output, output_options
from modelhub_cli.teaching import examples
from modelhubd.wire.bundles import FirstRunItem

ITEMS: tuple[Column[FirstRunItem], ...] = (
    Column(title="model", raw=lambda item: item.model, style="bold", flexible=True),
    Column(
        title="state",
        raw=lambda item: item.state.value,
        style=lambda item: words.STATE_STYLES.get(item.state.value, ""),
    ),
    Column(title="wanted by", raw=lambda item: item.declared_by),
    Column(title="download", raw=lambda item: item.download_id, style="dim", from_width=100),
    Column(title="why", raw=lambda item: item.detail, from_width=70),
)


@click.command(epilog=examples("modelhub first-run", "modelhub first-run --skip"))
@click.argument("models", nargs=-1, metavar="[REF]...", shell_complete=in_catalog)
@click.option("--skip", is_flag=True, help="Do without REF, or without all that are not done.")
@output_options
def first_run(out: Output, models: tuple[str, ...], skip: bool) -> None:
    """Models that the configuration, the administrator or the registry wants downloaded at the first run."""
    daemon = client()
    found = daemon.skip_first_run(models or None) if skip else daemon.first_run()
    items = [item for item in found.items if not models or item.model in models]
    out.items(items, ITEMS, lambda item: item.model)
    if not found.items:
        out.say("Nothing is wanted at the first run.")
