"""pull: get models."""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click
from msgspec import UNSET, UnsetType

from modelhub_cli import words
from modelhub_cli.complete import in_catalog
from modelhub_cli.connect import client, reference_of
from modelhub_cli.failures import FAILURE, Failed, exit_code_of_job, report
from modelhub_cli.launch import ensure_daemon
from modelhub_cli.output import Output, output_options
from modelhub_cli.rates import read_rate
from modelhub_cli.views import JsonView, LineView, SilentView, name_of, trouble
from modelhub_cli.waiting import detached
from modelhub_client import Conflict, ProblemError
from modelhub_client.calls.downloads import is_address
from modelhubd.wire.downloads import Download, DownloadState

if TYPE_CHECKING:
    from modelhub_cli.follow import View
    from modelhub_client import Client

EXAMPLES = """\b
Examples:
  modelhub pull qwen/qwen3-0.6b                 the option that fits best
  modelhub pull qwen/qwen3-0.6b:gguf-q4_k_m     this one
  modelhub pull -d qwen/qwen3-0.6b qwen/qwen3-4b   two, in the background
  modelhub pull hf:owner/repository:Q4_K_M      from Hugging Face, where policy allows it
  modelhub pull --max-rate 5M qwen/qwen3-4b     at most 5 MB/s; all together: modelhub downloads limits
"""


@click.command(epilog=EXAMPLES)
@click.argument("refs", nargs=-1, required=True, metavar="REF...", shell_complete=in_catalog)
@click.option("-d", "--detach", is_flag=True, help="Queue only; the daemon downloads in the background.")
@click.option("--force", is_flag=True, help="Also what does not fit this machine.")
@click.option("--priority", type=click.IntRange(-100, 100), default=0, help="Higher comes first.")
@click.option("--max-rate", metavar="RATE", callback=read_rate, help="For each of these: 5M, 500k, or none.")
@output_options
def pull(
    out: Output,
    refs: tuple[str, ...],
    detach: bool,
    force: bool,
    priority: int,
    max_rate: int | UnsetType | None,
) -> int:
    """Download models: publisher/name takes the option that fits best, publisher/name:option that one.
    Models that no catalog lists are named by where they are: hf:owner/repository, with @revision, :Q4_K_M or
    /file.gguf after it, or https://…/file.gguf, with #sha256=… if you know it.

    Starts the daemon if it is not running. Ctrl-C detaches: the daemon goes on.
    """
    for ref in refs:
        if not is_address(ref):
            reference_of(ref)
    ensure_daemon(os.environ, out.say)
    daemon = client()
    queued, code = _queue(daemon, out, refs, force=force, priority=priority, max_rate=max_rate)
    if not queued:
        return code
    if detach:
        _tell_queued(out, queued)
        return code
    return watch(daemon, out, queued) or code


def _queue(
    daemon: "Client",
    out: Output,
    refs: Sequence[str],
    *,
    force: bool,
    priority: int,
    max_rate: int | UnsetType | None,
) -> tuple[list[Download], int]:
    """The downloads under way for the references, and the exit code of the first that was refused."""
    queued: dict[str, Download] = {}
    code = 0
    for ref in refs:
        try:
            found = daemon.create_download(
                ref, force=force, priority=priority, max_bytes_per_s=max_rate or None
            )
        except ProblemError as error:
            if isinstance(error, Conflict) and error.code == "already_installed":
                out.say(f"{ref} is installed already.")
                continue
            exit_code = report(error)
            code = code or exit_code
            continue
        if max_rate is not UNSET and found.max_bytes_per_s != max_rate and not found.state.ended:
            # It was under way already.
            found = daemon.change_download(found.id, max_bytes_per_s=max_rate)
        queued[found.id] = found
    return list(queued.values()), code


def _tell_queued(out: Output, queued: Sequence[Download]) -> None:
    for download in queued:
        if out.json:
            out.value(download)
        elif out.quiet or not out.terminal:
            out.line(download.id)
        else:
            out.line(f"{name_of(download)} is {download.state.value} as {download.id}")
    out.say("Follow with: modelhub downloads watch")


def watch(daemon: "Client", out: Output, downloads: Sequence[Download]) -> int:
    """Show downloads until they have ended; answers the exit code. Ctrl-C leaves them to the daemon."""
    try:
        ended = _follow(daemon, out, downloads)
    except KeyboardInterrupt:
        ids = " ".join(download.id for download in downloads)
        return detached(out, f"downloads watch {ids}", f"downloads cancel {ids}")
    codes = [_tell_end(out, download) for download in ended]
    return next((code for code in codes if code), 0)


def _follow(daemon: "Client", out: Output, downloads: Sequence[Download]) -> tuple[Download, ...]:
    from modelhub_cli.follow import follow

    view: View
    if out.json:
        view = JsonView(out)
    elif out.quiet:
        view = SilentView()
    elif not out.draws:
        view = LineView(out)
    else:
        from modelhub_cli.progress import BarView

        with BarView(out) as bars:
            return follow(daemon, downloads, bars)
    with nullcontext():
        return follow(daemon, downloads, view)


def _tell_end(out: Output, download: Download) -> int:
    name = name_of(download)
    if download.state is DownloadState.COMPLETED:
        if out.quiet:
            out.line(download.id)
        elif not out.json and not out.terminal:
            out.line(name)
        elif out.terminal:
            out.line(
                f"✓ {name} is installed, {words.size(download.progress.total_bytes)}."
                f" Run it: modelhub load {download.model}"
            )
        return 0
    if download.state is DownloadState.CANCELLED:
        end, code = "was cancelled.", FAILURE
    else:
        end = f"failed: {trouble(download) or 'for an unknown reason'}"
        code = exit_code_of_job(download.error.code if download.error else None)
    return report(
        Failed(f"{name} {end}", next_step=f"Again: modelhub downloads retry {download.id}", code=code)
    )
