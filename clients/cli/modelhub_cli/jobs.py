"""Following the library's background jobs to their end, and showing them meanwhile."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import msgspec

from modelhub_cli import words
from modelhub_cli.failures import FAILURE, INTEGRITY, INTEGRITY_CODES, Failed, report
from modelhub_cli.output import Output, plain
from modelhub_cli.waiting import detached
from modelhub_client import Client, Event, NotFound, Snapshot
from modelhub_client.events import DISCONNECTED
from modelhubd.wire.jobs import Job, JobProgress, JobState, LibraryProgress

STEP = 10
NEXT_STEPS = {"import": "Nothing of it was taken, and it is as it was. What else there is: modelhub scan."}
"""By kind of job, where its own words say why it failed and the daemon is well."""


class JobView(Protocol):
    """Shows jobs while they are followed."""

    def changed(self, job: Job) -> None:
        """A new state, the first sight of it, or new numbers."""

    def lost(self) -> None:
        """The daemon is away; it is waited for."""


class FollowedJobs:
    """What is known of these jobs, from the events so far. No I/O."""

    def __init__(self, jobs: Iterable[Job], view: JobView) -> None:
        self.known = {job.id: job for job in jobs}
        self._view = view
        for job in self.known.values():
            view.changed(job)

    @property
    def ended(self) -> bool:
        return all(job.state.ended for job in self.known.values())

    def take(self, event: Event) -> tuple[str, ...]:
        """Learn from an event; answers the ids that the daemon must be asked about."""
        match event.data:
            case Job():
                self.update(event.data)
            case LibraryProgress():
                self._progress(event.data)
            case Snapshot():
                return tuple(job.id for job in self.known.values() if not job.state.ended)
            case _:
                if event.type == DISCONNECTED:
                    self._view.lost()
        return ()

    def update(self, job: Job) -> None:
        if self.known.get(job.id) not in (None, job):
            self.known[job.id] = job
            self._view.changed(job)

    def gone(self, job_id: str) -> None:
        """The daemon knows it no more, as after a restart."""
        self.update(msgspec.structs.replace(self.known[job_id], state=JobState.CANCELLED))

    def _progress(self, gauge: LibraryProgress) -> None:
        job = self.known.get(gauge.id)
        if job is not None and not job.state.ended:
            progress = JobProgress(
                done_bytes=gauge.done_bytes,
                total_bytes=gauge.total_bytes,
                done_files=gauge.done_files,
                total_files=gauge.total_files,
            )
            self.update(msgspec.structs.replace(job, progress=progress))


def follow_jobs(daemon: Client, jobs: Iterable[Job], view: JobView) -> tuple[Job, ...]:
    """The jobs as they are when the last of them has ended."""
    followed = FollowedJobs(jobs, view)
    if followed.ended:
        return tuple(followed.known.values())
    for event in daemon.events(["library"], wait=True):
        for asked in followed.take(event):
            try:
                followed.update(daemon.job(asked))
            except NotFound:
                followed.gone(asked)
        if followed.ended:
            break
    return tuple(followed.known.values())


def watch_jobs(
    daemon: Client, out: Output, jobs: Sequence[Job], tell: Callable[[Job], int] | None = None
) -> int:
    """Show jobs until they have ended, and then each with `tell`, which answers its exit code. Ctrl-C leaves
    them to the daemon."""
    try:
        with _view(out) as view:
            ended = follow_jobs(daemon, jobs, view)
    except KeyboardInterrupt:
        ids = " ".join(job.id for job in jobs)
        return detached(out, f"jobs watch {ids}", f"jobs cancel {ids}")
    codes = [(tell or (lambda job: tell_end(out, job)))(job) for job in ended]
    return next((code for code in codes if code), 0)


def tell_end(out: Output, job: Job, done: str = "is done.") -> int:
    """Say how a job ended; answers the exit code."""
    if job.state is JobState.COMPLETED:
        if out.quiet or not (out.json or out.terminal):
            out.line(job.id if out.quiet else name_of(job))
        elif out.terminal:
            out.line(f"✓ {name_of(job)}: {job.kind} {done}")
        return 0
    if job.state is JobState.CANCELLED:
        return report(Failed(f"{name_of(job)}: {job.kind} was cancelled.", code=FAILURE))
    code = INTEGRITY if job.error is not None and job.error.code in INTEGRITY_CODES else FAILURE
    reason = plain(job.error.detail) if job.error else "It does not say why."
    next_step = NEXT_STEPS.get(job.kind) if code == FAILURE else None
    return report(Failed(f"{name_of(job)}: {job.kind} failed: {reason}", next_step=next_step, code=code))


def name_of(job: Job) -> str:
    """What it works on."""
    return job.model or job.id


def percent_of(job: Job) -> int | None:
    """Whole percent done; None while the total is unknown."""
    total = job.progress.total_bytes
    return None if not total else min(100, job.progress.done_bytes * 100 // total)


def state_of(job: Job) -> str:
    return "waiting" if job.waiting else job.state.value


class LineView:
    """A line when a state changes, and one per ten percent."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._told: dict[str, tuple[str, int]] = {}

    def changed(self, job: Job) -> None:
        step = (percent_of(job) or 0) // STEP * STEP
        if self._told.get(job.id) == (state_of(job), step):
            return
        fresh = job.id not in self._told or self._told[job.id][0] != state_of(job)
        self._told[job.id] = (state_of(job), step)
        progress = job.progress
        numbers = f"{step} %, {words.size(progress.done_bytes)} of {words.size(progress.total_bytes)}"
        self._out.say(f"{name_of(job)}: {job.kind} {state_of(job) if fresh else numbers}")

    def lost(self) -> None:
        self._out.say("The daemon is away; waiting for it to come back …")


class JsonView(LineView):
    """The whole job as a line of JSON at every change of state and every percent."""

    def changed(self, job: Job) -> None:
        now = (state_of(job), percent_of(job) or 0)
        if self._told.get(job.id) != now:
            self._told[job.id] = now
            self._out.value(job)


class SilentView:
    """Nothing, for `-q`."""

    def changed(self, job: Job) -> None: ...

    def lost(self) -> None: ...


def _view(out: Output) -> AbstractContextManager[JobView]:
    if out.json:
        return nullcontext(JsonView(out))
    if out.quiet:
        return nullcontext(SilentView())
    if not out.draws:
        return nullcontext(LineView(out))
    from modelhub_cli.job_bars import JobBars

    return JobBars(out)
