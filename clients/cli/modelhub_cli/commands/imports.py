"""scan, import: what is on this machine already."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import click
import msgspec

from modelhub_cli import words
from modelhub_cli.connect import client
from modelhub_cli.failures import NOT_FOUND, USAGE, Failed
from modelhub_cli.jobs import tell_end, watch_jobs
from modelhub_cli.output import Column, Output, output_options, plain
from modelhub_cli.teaching import examples
from modelhub_cli.waiting import INTERRUPTED, waiting
from modelhub_client import Client
from modelhubd.wire.imports import FoundAnswer, FoundModel, ImportMode, ImportResult
from modelhubd.wire.jobs import Job, JobState

AUTO = "auto"
MODES = (AUTO, *(mode.value for mode in ImportMode))
CANNOT_LINK = "cannot_link"
Numbered = tuple[int, FoundModel]


def _known_as(item: FoundModel) -> str:
    if item.library_id is not None:
        return "in the library, shared" if item.shared else "in the library"
    return item.model or ""


FOUND: tuple[Column[Numbered], ...] = (
    Column(title="#", raw=lambda item: item[0], right=True, style="dim"),
    Column(title="tool", raw=lambda item: item[1].tool),
    Column(title="name", raw=lambda item: plain(item[1].name), style="bold", flexible=True),
    Column(
        title="size",
        raw=lambda item: item[1].size_bytes,
        shown=lambda item: words.size(item[1].size_bytes),
        right=True,
    ),
    Column(title="known as", raw=lambda item: _known_as(item[1]), flexible=True),
    Column(title="where", raw=lambda item: plain(item[1].where), from_width=140),
)


@click.command(
    epilog=examples("modelhub scan", "modelhub scan -q                 ids of what could be imported")
)
@click.option(
    "--import", "wanted", metavar="all|N,N…", help="Import what was found: all that is new, or by number."
)
@click.option("--mode", type=click.Choice([*(mode for mode in MODES if mode != "move")]), default=AUTO)
@output_options
def scan(out: Output, wanted: str | None, mode: str) -> int:
    """Look at the models directory again, and at what other tools hold: Hugging Face, LM Studio, Ollama,
    llama.cpp, Jan, GPT4All."""
    daemon = client()
    with waiting(out, "Looking for models"):
        done = daemon.scan()
        answer = daemon.found()
    if wanted is not None:
        return _import_found(daemon, out, _chosen(answer, wanted), mode)
    if out.json:
        out.value({"scan": done, "found": answer})
        return 0
    for name in done.unknown_files:
        out.line(name if out.quiet or not out.terminal else f"belongs to no model: {name}")
    out.say(f"{done.added} added, {done.changed} changed, {done.missing} missing.")
    out.items(list(enumerate(answer.items, 1)), FOUND, lambda item: item[1].id)
    _tell_doubled(out, answer)
    for tool in answer.tools:
        if tool.fault is not None:
            out.say(f"{tool.where} was not looked at whole: {tool.fault}.")
    if any(item.library_id is None for item in answer.items):
        out.say("Import one: modelhub scan --import N · all of them: modelhub scan --import all")
    return 0


@click.command(
    "import",
    epilog=examples(
        "modelhub import ~/Downloads/tiny-Q4_K_M.gguf",
        "modelhub import ./tiny.gguf --as acme/tiny --mode link",
    ),
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default=AUTO,
    help="auto: link, or copy where that cannot be. reference: use the files where they are.",
)
@click.option("--as", "model", metavar="REF", help="What it is to be; without, it is recognised.")
@click.option("--option", metavar="NAME", help="The option's id.")
@output_options
def import_(out: Output, paths: tuple[Path, ...], mode: str, model: str | None, option: str | None) -> int:
    """Import models from files or folders. They are recognised by their digests; what no catalog knows gets
    an entry of its own."""
    if (model or option) and len(paths) != 1:
        raise Failed("--as and --option are for one PATH.", code=USAGE)
    daemon = client()

    def begin(path: Path, kind: ImportMode) -> Job:
        whole = str(path.expanduser().absolute())
        return daemon.import_model(whole, mode=kind, model=model, option=option)

    return _each(out, [partial(_run, daemon, out, partial(begin, path), str(path), mode) for path in paths])


def _import_found(daemon: Client, out: Output, items: Sequence[FoundModel], mode: str) -> int:
    if not items:
        out.say("Nothing that is not in the library was found.")

    def begin(item: FoundModel, kind: ImportMode) -> Job:
        return daemon.import_model(found=item.id, mode=kind)

    def mode_of(item: FoundModel) -> str:
        return ImportMode.COPY.value if mode == AUTO and ImportMode.LINK not in item.modes else mode

    return _each(
        out, [partial(_run, daemon, out, partial(begin, item), item.name, mode_of(item)) for item in items]
    )


def _each(out: Output, imports: Sequence[Callable[[], int]]) -> int:
    """One after the other, until Ctrl-C; the exit code of the first that came to something else than 0."""
    code = 0
    for number, run in enumerate(imports, 1):
        found = run()
        if found == INTERRUPTED:
            left = len(imports) - number
            if left:
                out.say(f"Not begun: {left} of {len(imports)}.")
            return INTERRUPTED
        code = code or found
    return code


def _run(daemon: Client, out: Output, begin: Callable[[ImportMode], Job], what: str, mode: str) -> int:
    """Import one thing and tell of it; `auto` copies what cannot be linked."""
    first = ImportMode.LINK if mode == AUTO else ImportMode(mode)
    failed: list[Job] = []

    def tell(job: Job) -> int:
        if mode == AUTO and job.error is not None and job.error.code == CANNOT_LINK:
            failed.append(job)
            return 0
        return _tell(out, job, what)

    code = watch_jobs(daemon, out, [begin(first)], tell)
    if failed:
        out.say(f"{plain(what)} cannot be linked here; it is copied.")
        code = watch_jobs(daemon, out, [begin(ImportMode.COPY)], lambda job: _tell(out, job, what))
    return code


def _tell(out: Output, job: Job, what: str) -> int:
    if job.state is not JobState.COMPLETED or job.result is None:
        return tell_end(out, job)
    result = msgspec.convert(job.result, ImportResult)
    for made in result.imported:
        name = words.reference(made.model, made.version, made.option)
        if out.quiet or not (out.json or out.terminal):
            out.line(made.library_id if out.quiet else name)
        how = "" if made.recognised else ", which no catalog lists"
        out.say(f"Imported {name}{how}: {words.size(made.size_bytes)} by {made.how.replace('_', ' ')}.")
    for name in result.already:
        out.say(f"{name} was in the library already.")
    for name, why in result.left_out.items():
        out.say(f"{plain(name)} was left out: {plain(why)}.")
    for name in result.kept:
        out.say(f"{plain(name)} could not be removed from {plain(what)}.")
    return 0


def _chosen(answer: FoundAnswer, wanted: str) -> list[FoundModel]:
    if wanted == "all":
        return [item for item in answer.items if item.library_id is None]
    chosen = []
    for text in wanted.replace(" ", ",").split(","):
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= len(answer.items)):
            raise Failed(
                f"There is no number {plain(text)[:20]}.",
                next_step="What there is: modelhub scan",
                code=NOT_FOUND,
            )
        chosen.append(answer.items[int(text) - 1])
    return chosen


def _tell_doubled(out: Output, answer: FoundAnswer) -> None:
    for one in answer.doubled[:10]:
        out.say(f"\n{words.size(one.wasted_bytes)} more than needed, the same bytes at:")
        for place in one.places:
            out.say(f"  {plain(place)}")
    if answer.wasted_bytes:
        out.say(f"\n{words.size(answer.wasted_bytes)} are on the disk more than once.")
