"""downloads: the queue."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from modelhub_cli import words
from modelhub_cli.commands.limits import limits
from modelhub_cli.commands.prune import prune
from modelhub_cli.commands.pull import watch as watch_downloads
from modelhub_cli.complete import download_ids
from modelhub_cli.connect import client, every
from modelhub_cli.failures import NOT_FOUND, USAGE, Failed, report
from modelhub_cli.output import Column, Output, output_options
from modelhub_cli.teaching import examples
from modelhub_cli.views import name_of, percent, trouble, why
from modelhub_client import NotFound, ProblemError
from modelhubd.wire.downloads import Download, DownloadState
from modelhubd.wire.units import human_duration

if TYPE_CHECKING:
    from modelhub_client import Client

WHOLE_ID = re.compile(r"[0-9a-f]{16}")
STATES = tuple(state.value for state in DownloadState)


def _left(download: Download) -> str:
    eta = download.progress.eta_s
    return human_duration(eta) if eta is not None and download.state is DownloadState.ACTIVE else ""


def _rate(download: Download) -> str:
    moving = download.state is DownloadState.ACTIVE
    return words.rate(download.progress.rate_bytes_per_s) if moving else ""


def _done(download: Download) -> str:
    done = percent(download)
    return "" if done is None else f"{done} %"


DOWNLOADS: tuple[Column[Download], ...] = (
    Column(title="id", raw=lambda download: download.id, style="dim"),
    Column(title="model", raw=name_of, style="bold", flexible=True),
    Column(
        title="state",
        raw=lambda download: download.state.value,
        style=lambda download: words.STATE_STYLES.get(download.state.value, ""),
    ),
    Column(title="done", raw=lambda download: download.progress.done_bytes, shown=_done, right=True),
    Column(
        title="size",
        raw=lambda download: download.progress.total_bytes,
        shown=lambda download: words.size(download.progress.total_bytes),
        right=True,
        from_width=70,
    ),
    Column(
        title="rate",
        raw=lambda download: round(download.progress.rate_bytes_per_s),
        shown=_rate,
        right=True,
        from_width=80,
    ),
    Column(
        title="left", raw=lambda download: download.progress.eta_s, shown=_left, right=True, from_width=90
    ),
    Column(title="trouble", raw=trouble, shown=lambda _: ""),
)
"""On a terminal the trouble stands beneath the table, whole."""


EXAMPLES = """\b
Examples:
  modelhub downloads list                        the queue, then what has ended
  modelhub downloads pause --all                 all stop for now, and keep what they have
  modelhub downloads move qwen/qwen3-0.6b 1      next in line
  modelhub downloads limits --max-rate 5M        5 MB/s for all together
  modelhub downloads prune                       partial files that nobody needs
"""


@click.group(epilog=EXAMPLES)
def downloads() -> None:
    """The download queue. Downloads belong to the daemon: they go on when your terminal closes."""


downloads.add_command(limits)
downloads.add_command(prune)


@downloads.command(
    "list", epilog=examples("modelhub downloads list", "modelhub downloads list --state failed -q")
)
@click.option("--state", "states", multiple=True, type=click.Choice(STATES))
@output_options
def list_downloads(out: Output, states: tuple[str, ...]) -> None:
    """The queue in its order, then what has ended."""
    daemon = client()
    found = tuple(every(lambda after: daemon.downloads(states=states, limit=200, after=after)))
    _print(out, found)
    if not found:
        out.say("No downloads. Get a model with: modelhub pull publisher/name")


@downloads.command(
    "watch",
    short_help="Watch downloads until they have ended.",
    epilog=examples("modelhub downloads watch", "modelhub downloads watch qwen/qwen3-0.6b -o json"),
)
@click.argument("names", nargs=-1, metavar="[ID]...", shell_complete=download_ids)
@output_options
def watch(out: Output, names: tuple[str, ...]) -> int:
    """Watch downloads until they have ended; without ID all that have not."""
    daemon = client()
    found = _named(daemon, names) if names else [item for item in _all(daemon) if not item.state.ended]
    if not found:
        out.say("Nothing is being downloaded.")
        return 0
    return watch_downloads(daemon, out, found)


def _print(out: Output, found: Sequence[Download]) -> None:
    out.items(found, DOWNLOADS, lambda download: download.id)
    if out.terminal and not out.quiet:
        from modelhub_cli.tables import print_text

        for download in found:
            if reason := why(download):
                print_text(out, f"{download.id}: {reason}", words.STATE_STYLES[download.state.value])


def _verb(
    name: str, help_text: str, act: "Callable[[Client, str], Download]", *, whole: bool = False
) -> None:
    shown = [f"modelhub downloads {name} qwen/qwen3-0.6b", f"modelhub downloads {name} 0123456789abcdef -q"]
    if whole:
        shown.append(f"modelhub downloads {name} --all")

    @downloads.command(name, help=help_text, epilog=examples(*shown))
    @click.argument("names", nargs=-1, metavar="ID...", shell_complete=download_ids)
    @click.option("--all", "everything", is_flag=True, hidden=not whole, help="Every one it can be done to.")
    @output_options
    def verb(out: Output, names: tuple[str, ...], everything: bool) -> int:
        daemon = client()
        if everything and whole:
            if names:
                raise click.UsageError("Name downloads, or say --all, not both.")
            summary = daemon.pause_all() if name == "pause" else daemon.resume_all()
            if out.json:
                out.value(summary)
            out.say(f"{summary.active} active, {summary.queued} queued, {summary.paused} paused.")
            return 0
        if not names:
            raise Failed(
                f"Which one? modelhub downloads {name} ID; modelhub downloads list shows them."
                + (f" All of them: modelhub downloads {name} --all." if whole else ""),
                code=USAGE,
            )
        found = _named(daemon, names, ended=name == "retry")
        return _each(out, found, lambda download: act(daemon, download.id))


def _each(out: Output, found: Sequence[Download], act: Callable[[Download], Download]) -> int:
    code = 0
    done = []
    for download in found:
        try:
            done.append(act(download))
        except ProblemError as error:
            code = report(error)
    if done:
        _print(out, done)
    return code


_verb(
    "pause",
    "Stop downloads for now; what has arrived stays.",
    lambda daemon, item: daemon.pause_download(item),
    whole=True,
)
_verb("resume", "Go on with paused downloads.", lambda daemon, item: daemon.resume_download(item), whole=True)
_verb("retry", "Queue failed or cancelled downloads again.", lambda daemon, item: daemon.retry_download(item))
_verb("cancel", "End downloads and give their space back.", lambda daemon, item: daemon.cancel_download(item))


@downloads.command(
    "move",
    short_help="Move one to another place in the queue.",
    epilog=examples("modelhub downloads move qwen/qwen3-0.6b 1"),
)
@click.argument("name", metavar="ID", shell_complete=download_ids)
@click.argument("position", type=click.IntRange(1))
@output_options
def move(out: Output, name: str, position: int) -> int:
    """Move a download to another place in the queue; 1 is the next to start."""
    daemon = client()
    return _each(
        out, _named(daemon, (name,)), lambda download: daemon.change_download(download.id, position=position)
    )


@downloads.command("forget", epilog=examples("modelhub downloads forget 0123456789abcdef"))
@click.argument("names", nargs=-1, required=True, metavar="ID...", shell_complete=download_ids)
@output_options
def forget(out: Output, names: tuple[str, ...]) -> int:
    """Drop ended downloads from the list; what is installed stays."""
    daemon = client()
    code = 0
    for download in _named(daemon, names):
        try:
            daemon.forget_download(download.id)
        except ProblemError as error:
            code = report(error)
            continue
        if out.json:
            out.value(download)
        elif out.quiet:
            out.line(download.id)
    return code


def _all(daemon: "Client") -> list[Download]:
    return list(every(lambda after: daemon.downloads(limit=200, after=after)))


def _named(daemon: "Client", names: Sequence[str], *, ended: bool = False) -> list[Download]:
    """The downloads that ids, beginnings of ids, or model names mean.

    Where a name fits several, those that are under way come first, with `ended` those that have ended.

    Raises:
        Failed: there is none, or several.
    """
    exact = {name: found for name in names if (found := _by_id(daemon, name)) is not None}
    every_one = _all(daemon) if len(exact) < len(names) else []
    return [exact.get(name) or _one(every_one, name, ended=ended) for name in names]


def _by_id(daemon: "Client", name: str) -> Download | None:
    """The download of a whole id, without the list, which may be long."""
    if not WHOLE_ID.fullmatch(name):
        return None
    try:
        return daemon.download(name)
    except NotFound:
        return None


def _one(downloads: Sequence[Download], name: str, *, ended: bool) -> Download:
    exact = [item for item in downloads if name in (item.id, name_of(item))]
    near = exact or [
        item
        for item in downloads
        if item.id.startswith(name) or item.model == name.split("@")[0].split(":")[0]
    ]
    apt = [item for item in near if item.state.ended is ended and item.state is not DownloadState.COMPLETED]
    found = near if len(near) == 1 else apt
    if len(found) == 1:
        return found[0]
    if not near:
        raise Failed(
            f"There is no download {name}.",
            next_step="See them with: modelhub downloads list",
            code=NOT_FOUND,
        )
    ids = ", ".join(item.id for item in near[:5])
    raise Failed(f"{name} means several downloads: {ids}.", next_step="Name one by its id.", code=USAGE)
