"""Progress bars of the library's jobs on a terminal, one each."""

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from modelhub_cli import words
from modelhub_cli.jobs import name_of, state_of
from modelhub_cli.output import Output
from modelhub_cli.progress import console
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


class JobBars:
    """One bar per job, on stderr."""

    def __init__(self, out: Output) -> None:
        narrow = Column(no_wrap=True, overflow="ellipsis", max_width=max(16, out.width * 2 // 5))
        self._progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=narrow),
            BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=4)),
            TextColumn("{task.fields[numbers]}", markup=False, table_column=Column(no_wrap=True)),
            console=console(out),
            expand=True,
            refresh_per_second=8,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

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
