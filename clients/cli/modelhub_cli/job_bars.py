"""Progress bars of the library's jobs on a terminal, one each."""

from rich.progress import TextColumn
from rich.table import Column

from modelhub_cli import words
from modelhub_cli.jobs import name_of, state_of
from modelhub_cli.output import Output
from modelhub_cli.progress import Bars
from modelhubd.wire.jobs import Job, JobState


def numbers(job: Job) -> str:
    """`verify 1.52 GB of 5.03 GB`, `verify 3 of 40 files`, or the state where that says more."""
    progress = job.progress
    if job.waiting or job.state.ended:
        return f"{job.kind} {state_of(job)}"
    if progress.total_bytes is not None:
        return f"{job.kind} {words.size(progress.done_bytes)} of {words.size(progress.total_bytes)}"
    if progress.total_files is not None:
        return f"{job.kind} {progress.done_files} of {progress.total_files} files"
    return f"{job.kind} {words.size(progress.done_bytes)}" if progress.done_bytes else job.kind


class JobBars(Bars):
    """One bar per job."""

    def __init__(self, out: Output) -> None:
        numbers = TextColumn("{task.fields[numbers]}", markup=False, table_column=Column(no_wrap=True))
        super().__init__(out, numbers)

    def changed(self, job: Job) -> None:
        if job.id not in self._tasks:
            self._tasks[job.id] = self._progress.add_task(name_of(job), total=None, numbers="")
        progress = job.progress
        total: float | None = progress.total_bytes
        done: float = progress.done_bytes
        if total is None and progress.total_files is not None:
            total, done = progress.total_files, progress.done_files
        if job.state is JobState.COMPLETED:
            total = done = total or 1
        self._progress.update(self._tasks[job.id], total=total, completed=done, numbers=numbers(job))

    def lost(self) -> None:
        for task in self._tasks.values():
            self._progress.update(task, numbers="the daemon is away, waiting for it")
