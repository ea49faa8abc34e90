"""search and show: what can be had."""

import os

import click

from modelhub_cli import words
from modelhub_cli.commands.show_model import options_of, print_model
from modelhub_cli.complete import in_catalog
from modelhub_cli.connect import active, client, every, installed, reference_of
from modelhub_cli.failures import NOT_FOUND, Failed
from modelhub_cli.launch import ensure_daemon
from modelhub_cli.output import Column, Output, output_options
from modelhub_client.calls.catalog import Sort
from modelhubd.wire.catalog import ModelSummary, VersionNote

SORTS = ("relevance", "name", "params", "size", "downloads", "updated")

MODELS: tuple[Column[ModelSummary], ...] = (
    Column(title="model", raw=lambda model: model.id, style="bold", flexible=True),
    Column(
        title="fit",
        raw=lambda model: model.fit.verdict.value,
        shown=lambda model: words.standing(model),
        style=lambda model: words.standing_style(model),
    ),
    Column(title="option", raw=lambda model: model.best_option, from_width=90),
    Column(
        title="size",
        raw=lambda model: model.size_bytes,
        shown=lambda model: words.size(model.size_bytes),
        right=True,
    ),
    Column(
        title="params",
        raw=lambda model: model.parameters,
        shown=lambda model: words.count(model.parameters),
        right=True,
        from_width=70,
    ),
    Column(
        title="context",
        raw=lambda model: model.context_length,
        shown=lambda model: words.context(model.context_length),
        right=True,
        from_width=100,
    ),
    Column(title="licence", raw=lambda model: model.license.spdx or model.license.name, from_width=110),
    Column(
        title="can",
        raw=lambda model: model.capabilities,
        shown=lambda model: " ".join(model.capabilities),
        style="dim",
        from_width=130,
    ),
    Column(
        title="here",
        raw=lambda model: model.installed,
        shown=lambda model: "installed" if model.installed else "",
        style="green",
        from_width=80,
    ),
)

VERSIONS: tuple[Column[VersionNote], ...] = (
    Column(title="version", raw=lambda note: note.version, right=True),
    Column(
        title="published",
        raw=lambda note: note.published_at,
        shown=lambda note: (note.published_at or "–")[:10],
    ),
    Column(title="by", raw=lambda note: note.published_by),
    Column(title="notes", raw=lambda note: note.notes, flexible=True),
)

SEARCH_EXAMPLES = """\b
Examples:
  modelhub search qwen coder --compatible
  modelhub search --capability vision --license Apache-2.0 --sort size
  modelhub search tiny -q | head -1
"""
SHOW_EXAMPLES = """\b
Examples:
  modelhub show qwen/qwen3-0.6b
  modelhub show qwen/qwen3-0.6b:gguf-q4_k_m --files
  modelhub show qwen/qwen3-0.6b --estimate --ctx 32768
"""


@click.command(epilog=SEARCH_EXAMPLES)
@click.argument("query", nargs=-1)
@click.option("--format", "formats", multiple=True, type=click.Choice(["gguf", "mlx", "safetensors"]))
@click.option(
    "--capability", "capabilities", multiple=True, metavar="NAME", help="Such as chat, code, vision."
)
@click.option("--license", "licenses", multiple=True, metavar="SPDX", help="Such as Apache-2.0.")
@click.option("--publisher", "publishers", multiple=True, metavar="NAME")
@click.option("--tag", "tags", multiple=True, metavar="NAME")
@click.option("-c", "--compatible", is_flag=True, help="Only what runs on this machine.")
@click.option("--verified", is_flag=True, help="Only what the registry has verified.")
@click.option("--installed", "only_installed", is_flag=True, help="Only what is here.")
@click.option("--sort", type=click.Choice(SORTS), help="Default: relevance.")
@click.option("--limit", type=click.IntRange(1, 200), default=25, show_default=True)
@output_options
def search(
    out: Output,
    query: tuple[str, ...],
    formats: tuple[str, ...],
    capabilities: tuple[str, ...],
    licenses: tuple[str, ...],
    publishers: tuple[str, ...],
    tags: tuple[str, ...],
    compatible: bool,
    verified: bool,
    only_installed: bool,
    sort: Sort | None,
    limit: int,
) -> None:
    """Search the catalog; without words it lists all of it.

    A filter given twice takes either value; different filters must all hold. Starts the daemon if it is
    not running.
    """
    ensure_daemon(os.environ, out.say)
    page = client().search(
        " ".join(query),
        formats=formats,
        capabilities=capabilities,
        licenses=licenses,
        publishers=publishers,
        tags=tags,
        compatible=compatible,
        verified=verified,
        installed=only_installed,
        sort=sort,
        limit=limit,
    )
    out.items(page.items, MODELS, lambda model: model.id)
    if not page.items:
        out.say(
            "Nothing in the catalog matches. Fewer words or filters may; modelhub status names its source."
        )
    elif page.total > len(page.items):
        start = "\n" if out.terminal else ""
        out.say(
            f"{start}{len(page.items)} of {page.total} models · more of them: --limit {min(200, page.total)}"
        )
    elif out.terminal and out.talks:
        models = "1 model" if page.total == 1 else f"{page.total} models"
        out.say(f"\n{models} · details: modelhub show {page.items[0].id}")


@click.command(epilog=SHOW_EXAMPLES)
@click.argument("ref", shell_complete=in_catalog)
@click.option("--versions", "what", flag_value="versions", help="The version history.")
@click.option("--files", "what", flag_value="files", help="Each option's files with size and SHA-256.")
@click.option("--estimate", "what", flag_value="estimate", help="The memory that loading takes.")
@click.option("--ctx", type=click.IntRange(1), metavar="N", help="Tokens of context for --estimate.")
@output_options
def show(out: Output, ref: str, what: str | None, ctx: int | None) -> None:
    """Everything about one model; with an option in REF only that option.

    --estimate is exact for what is installed; for what is not, each option is judged by what the catalog
    states. Starts the daemon if it is not running.
    """
    wanted = reference_of(ref)
    if ctx is not None and what != "estimate":
        raise click.UsageError("--ctx is for --estimate.")
    ensure_daemon(os.environ, out.say)
    daemon = client()
    if what == "versions":
        notes = tuple(every(lambda after: daemon.versions(wanted.model, limit=200, after=after)))
        out.items(notes, VERSIONS, lambda note: note.version)
    elif what == "estimate":
        from modelhub_cli.estimates import print_estimate, print_fits
        from modelhubd.wire.servers import LoadSettings

        try:
            artifact = active(installed(daemon, ref))
        except Failed as error:
            if error.code != NOT_FOUND:
                raise
            print_fits(out, options_of(daemon.model(wanted.model, ctx=ctx), wanted), ref)
        else:
            print_estimate(out, artifact, daemon.estimate(artifact.id, LoadSettings(ctx=ctx)))
    else:
        print_model(out, daemon.model(wanted.model), wanted, files=what == "files")
