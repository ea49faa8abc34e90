"""verify, repair: whether what is installed is still what it should be."""

from collections.abc import Callable, Sequence

import click
import msgspec

from modelhub_cli import words
from modelhub_cli.commands.pull import watch as watch_downloads
from modelhub_cli.complete import installed_models
from modelhub_cli.connect import client, every, installed
from modelhub_cli.failures import FAILURE, INTEGRITY, USAGE, Failed, report
from modelhub_cli.jobs import name_of, tell_end, watch_jobs
from modelhub_cli.output import Output, output_options, plain
from modelhub_cli.teaching import examples
from modelhub_client import Client, ProblemError
from modelhubd.wire.jobs import Job, JobState
from modelhubd.wire.library import Artifact, ArtifactState, RepairResult, VerifyResult


@click.command(
    short_help="Read installed models whole and compare them with their digests.",
    epilog=examples("modelhub verify qwen/qwen3-0.6b", "modelhub verify --all --detach"),
)
@click.argument("names", nargs=-1, metavar="[REF]...", shell_complete=installed_models)
@click.option("--all", "everything", is_flag=True, help="All that is installed.")
@click.option("-d", "--detach", is_flag=True, help="Do not wait; the daemon goes on.")
@output_options
def verify(out: Output, names: tuple[str, ...], everything: bool, detach: bool) -> int:
    """Read installed models whole and compare them with their digests.

    What is damaged is told by its ranges, and fetched again by: modelhub repair REF. Ctrl-C detaches.
    """
    daemon = client()
    jobs, code = _started(out, _chosen(daemon, names, everything=everything), daemon.verify)
    if detach or not jobs:
        return _left(out, jobs) or code
    return watch_jobs(daemon, out, jobs, lambda job: _tell_verified(out, job)) or code


@click.command(
    short_help="Fetch again what of installed models is damaged or missing.",
    epilog=examples("modelhub repair qwen/qwen3-0.6b"),
)
@click.argument("names", nargs=-1, required=True, metavar="REF...", shell_complete=installed_models)
@click.option("-d", "--detach", is_flag=True, help="Do not wait; the daemon goes on.")
@output_options
def repair(out: Output, names: tuple[str, ...], detach: bool) -> int:
    """Fetch again what of installed models is damaged or missing, and nothing else of them.

    The damaged file stays until the new one is whole and right. Ctrl-C detaches.
    """
    daemon = client()
    jobs, code = _started(out, _chosen(daemon, names, everything=False), daemon.repair)
    if detach or not jobs:
        return _left(out, jobs) or code
    downloads: list[str] = []
    code = watch_jobs(daemon, out, jobs, lambda job: _tell_repaired(out, job, downloads)) or code
    if not downloads:
        return code
    return watch_downloads(daemon, out, [daemon.download(found) for found in downloads]) or code


def _chosen(daemon: Client, names: Sequence[str], *, everything: bool) -> list[Artifact]:
    if everything == bool(names):
        raise Failed("What is to be read?", next_step="Name models, or say --all.", code=USAGE)
    if everything:
        found = every(lambda after: daemon.library(limit=200, after=after))
        return [artifact for artifact in found if artifact.state is not ArtifactState.OFFLINE]
    chosen = {artifact.id: artifact for name in names for artifact in installed(daemon, name)}
    return list(chosen.values())


def _started(
    out: Output, artifacts: Sequence[Artifact], start: Callable[[str], Job]
) -> tuple[list[Job], int]:
    """The jobs, and the exit code of the first that was refused."""
    jobs, code = [], 0
    for artifact in artifacts:
        try:
            jobs.append(start(artifact.id))
        except ProblemError as error:
            refused = report(error)
            code = code or refused
    if not artifacts:
        out.say("Nothing is installed.")
    return jobs, code


def _left(out: Output, jobs: Sequence[Job]) -> int:
    for job in jobs:
        if out.json:
            out.value(job)
        else:
            out.line(job.id)
    if jobs:
        out.say("Follow with: modelhub jobs watch")
    return 0


def _tell_verified(out: Output, job: Job) -> int:
    if job.state is not JobState.COMPLETED:
        return tell_end(out, job)
    found = msgspec.convert(job.result, VerifyResult)
    if found.state is ArtifactState.OK:
        promised = all(file.promised for file in found.files)
        return tell_end(out, job, "found every byte right." if promised else "found no change.")
    for file in found.files:
        if file.state is not ArtifactState.OK:
            wrong = sum(end - start for start, end in file.damaged)
            amount = f", {words.size(wrong)} of it" if wrong else ""
            out.say(f"{name_of(job)}: {plain(file.name)} is {file.state.value}{amount}.")
    return report(
        Failed(
            f"{name_of(job)} is {found.state.value}.",
            next_step=f"Fetch what is wrong again: modelhub repair {name_of(job)}",
            code=INTEGRITY if found.state is ArtifactState.DAMAGED else FAILURE,
        )
    )


def _tell_repaired(out: Output, job: Job, downloads: list[str]) -> int:
    if job.state is not JobState.COMPLETED:
        return tell_end(out, job)
    found = msgspec.convert(job.result, RepairResult)
    if found.download is None:
        return tell_end(out, job, "found nothing to fetch again.")
    downloads.append(found.download)
    out.say(f"{name_of(job)}: {words.size(found.missing_bytes)} are fetched again.")
    return 0
