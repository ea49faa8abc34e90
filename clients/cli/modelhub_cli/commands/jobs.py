"""jobs: what the library does in the background."""

from collections.abc import Sequence

import click

from modelhub_cli import words
from modelhub_cli.complete import job_ids
from modelhub_cli.connect import client
from modelhub_cli.failures import NOT_FOUND, Failed, report
from modelhub_cli.jobs import name_of, percent_of, state_of, watch_jobs
from modelhub_cli.output import Column, Output, output_options, plain
from modelhub_cli.teaching import examples
from modelhub_client import Client, ProblemError
from modelhubd.wire.jobs import Job


def _done(job: Job) -> str:
    done = percent_of(job)
    return "" if done is None or job.state.ended else f"{done} %"


JOBS: tuple[Column[Job], ...] = (
    Column(title="id", raw=lambda job: job.id, style="dim"),
    Column(title="kind", raw=lambda job: job.kind),
    Column(title="model", raw=name_of, style="bold", flexible=True),
    Column(title="state", raw=state_of, style=lambda job: words.STATE_STYLES.get(state_of(job), "cyan")),
    Column(title="done", raw=lambda job: job.progress.done_bytes, shown=_done, right=True),
    Column(title="trouble", raw=lambda job: plain(job.error.detail) if job.error else "", from_width=100),
)


@click.group(epilog=examples("modelhub jobs list", "modelhub jobs watch"))
def jobs() -> None:
    """What the library does in the background: it goes on when your terminal closes."""


@jobs.command("list", epilog=examples("modelhub jobs list", "modelhub jobs list -o json"))
@output_options
def list_jobs(out: Output) -> None:
    """Those under way, then the last that have ended."""
    found = client().jobs().items
    out.items(found, JOBS, lambda job: job.id)
    if not found:
        out.say("No jobs.")


@jobs.command("watch", epilog=examples("modelhub jobs watch", "modelhub jobs watch 0123456789abcdef -o json"))
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=job_ids)
@output_options
def watch(out: Output, ids: tuple[str, ...]) -> int:
    """Watch jobs until they have ended; without ID all that have not."""
    daemon = client()
    found = _named(daemon, ids) if ids else [job for job in daemon.jobs().items if not job.state.ended]
    if not found:
        out.say("Nothing goes on in the background.")
        return 0
    return watch_jobs(daemon, out, found)


@jobs.command("cancel", epilog=examples("modelhub jobs cancel 0123456789abcdef"))
@click.argument("ids", nargs=-1, required=True, metavar="ID...", shell_complete=job_ids)
@output_options
def cancel(out: Output, ids: tuple[str, ...]) -> int:
    """Stop jobs; what they have done so far stays."""
    daemon = client()
    code = 0
    for job in _named(daemon, ids):
        try:
            ended = daemon.cancel_job(job.id)
        except ProblemError as error:
            code = report(error)
            continue
        if out.json:
            out.value(ended)
        elif out.quiet or not out.terminal:
            out.line(ended.id)
        out.say(f"{name_of(ended)}: {ended.kind} is {ended.state.value}.")
    return code


def _named(daemon: Client, ids: Sequence[str]) -> list[Job]:
    """Those whose ids begin so.

    Raises:
        Failed: no job's does (exit code 3).
    """
    known = daemon.jobs().items
    chosen: dict[str, Job] = {}
    for text in ids:
        found = [job for job in known if job.id.startswith(text)]
        if not found:
            raise Failed(
                f"There is no job {text}.", next_step="What there is: modelhub jobs list", code=NOT_FOUND
            )
        chosen.update({job.id: job for job in found})
    return list(chosen.values())
