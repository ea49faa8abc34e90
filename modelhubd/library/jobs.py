"""Work of the library that goes on in the background: each job has an owner and an end, and is seen."""

import asyncio
import contextlib
import errno
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec.structs import replace

from modelhubd.errors import Conflict, NotFound, Refused, TooManyRequests
from modelhubd.events import Bus
from modelhubd.library.quiet import in_quiet_thread
from modelhubd.tasks import TaskOwner, uninterrupted
from modelhubd.wire.base import rfc3339
from modelhubd.wire.jobs import Job, JobError, JobProgress, JobState, LibraryProgress

log = logging.getLogger(__name__)
T = TypeVar("T")

ENDED_KEPT = 50
UNDER_WAY_MAX = 1000
TELL_EVERY_S = 0.1
CANCEL_S = 10.0
"""How long a cancel waits for the job to have ended."""


class Stopped(Exception):
    """Raised in the thread of a job that was cancelled, at its next word of progress."""


class Progress:
    """What a job reports. `add` and `expect` may be called from the job's own thread, one at a time."""

    def __init__(self, tell: Callable[[JobProgress], None], *, clock_s: Callable[[], float]) -> None:
        self.value = JobProgress()
        self.final = False
        """Set by the work when it is past the point of no return: a cancel waits for its end from then on."""
        self._tell = tell
        self._clock_s = clock_s
        self._loop = asyncio.get_running_loop()
        self._told_at = float("-inf")
        self._stopped = False

    def expect(self, *, total_bytes: int | None = None, total_files: int | None = None) -> None:
        """How much there is to do, as far as that is known by now."""
        self.value = replace(self.value, total_bytes=total_bytes, total_files=total_files)
        self.add()

    def add(self, done_bytes: int = 0, done_files: int = 0) -> None:
        """So much more is done.

        Raises:
            Stopped: the job was cancelled; let the thread end.
        """
        if self._stopped:
            raise Stopped
        value = self.value
        self.value = replace(
            value, done_bytes=value.done_bytes + done_bytes, done_files=value.done_files + done_files
        )
        now = self._clock_s()
        if now - self._told_at >= TELL_EVERY_S:
            self._told_at = now
            self._loop.call_soon_threadsafe(self._tell, self.value)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """What blocking `work` returns, from a thread of low priority. When the job is cancelled meanwhile,
        `add` raises in the thread, which is waited for."""
        return await uninterrupted(in_quiet_thread(work), on_cancel=self._stop)

    def _stop(self) -> None:
        self._stopped = True


Work = Callable[[Progress], Awaitable[Any]]


class Jobs:
    """Starts, shows and cancels jobs. Heavy ones, which read whole models, run `at_once` at a time."""

    def __init__(
        self,
        bus: Bus,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock_s: Callable[[], float] = time.monotonic,
        at_once: int = 1,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._clock_s = clock_s
        self._turn = asyncio.Semaphore(at_once)
        self._owner = TaskOwner("jobs", patience_s=CANCEL_S)
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[tuple[Any, JobError | None]]] = {}
        self._progress: dict[str, Progress] = {}
        self._held: dict[str, str] = {}
        self._alone: str | None = None

    async def close(self) -> None:
        """Cancel what still runs and wait for it."""
        await self._owner.close()

    def start(
        self,
        kind: str,
        work: Work,
        *,
        library_id: str | None = None,
        model: str | None = None,
        holds: str | None = None,
        heavy: bool = True,
        alone: bool = False,
    ) -> Job:
        """Have `work` done in the background; what it returns becomes the job's `result`.

        What it raises ends the job as failed: a `Refused` with its own code and words. `holds` names what
        only one job may work on at once; without it that is the artifact. One that wants to be `alone` is
        begun when no other is under way, and none is begun before its end.

        Raises:
            Conflict: another job works on the same; names it.
            TooManyRequests: a thousand are under way.
        """
        if self._tasks and (alone or self._alone is not None):
            first = self._jobs[self._alone or next(iter(self._tasks))]
            raise Conflict(
                f"Job {first.id} ({first.kind}) is under way. Wait for its end, or cancel it (modelhub jobs "
                f"cancel {first.id}).",
                code="job_under_way",
            )
        holds = holds or library_id
        if holds is not None and (other := self.holding(holds)) is not None:
            raise under_way(other)
        if len(self._tasks) >= UNDER_WAY_MAX:
            raise TooManyRequests(
                f"{UNDER_WAY_MAX} jobs are under way. Wait for some of them to end.", retry_after_s=30
            )
        job = Job(
            id=secrets.token_hex(8),
            kind=kind,
            state=JobState.RUNNING,
            waiting=heavy and self._turn.locked(),
            model=model,
            library_id=library_id,
            progress=JobProgress(),
            created_at=rfc3339(self._clock()),
        )
        task = self._owner.start(self._run(job.id, work, heavy=heavy), name=f"{kind} {model or job.id}")
        self._tasks[job.id] = task
        self._alone = job.id if alone else None
        if holds is not None:
            self._held[holds] = job.id
        task.add_done_callback(lambda done: self._ended(job.id, holds, done))
        self._put(job)
        return job

    def holding(self, holds: str) -> Job | None:
        """The job that works on this artifact, or whatever else a job `holds`."""
        job_id = self._held.get(holds)
        return None if job_id is None else self._jobs[job_id]

    @property
    def busy(self) -> bool:
        """Whether any is under way."""
        return bool(self._tasks)

    def list(self) -> tuple[Job, ...]:
        """Those under way by age, then those that have ended, the last one first."""
        under_way = [job for job in self._jobs.values() if not job.state.ended]
        ended = [job for job in self._jobs.values() if job.state.ended]
        return (*under_way, *reversed(ended))

    def get(self, job_id: str) -> Job:
        """
        Raises:
            NotFound: there is no such job, or it ended too long ago.
        """
        if job_id not in self._jobs:
            raise NotFound("There is no such job. GET /library/jobs lists them.", code="job_not_found")
        return self._jobs[job_id]

    async def ended(self, job_id: str, *, within_s: float) -> bool:
        """Wait for the end of a job, at most so long; whether it has ended."""
        task = self._tasks.get(job_id)
        if task is not None:
            await asyncio.wait([task], timeout=within_s)
            await asyncio.sleep(0)  # its end is noted by a callback
        return job_id not in self._tasks

    async def cancel(self, job_id: str) -> Job:
        """Stop it and answer it as it is then; one that is past the point of no return completes.

        Raises:
            NotFound: there is no such job.
            Conflict: it has ended.
        """
        job = self.get(job_id)
        if job.state.ended:
            raise Conflict(f"Job {job_id} has ended already: it is {job.state}.", code="job_ended")
        task = self._tasks[job_id]
        if not ((progress := self._progress.get(job_id)) and progress.final):
            task.cancel()
        await asyncio.wait([task], timeout=CANCEL_S)
        await asyncio.sleep(0)  # its end is noted by a callback
        return self.get(job_id)

    async def _run(self, job_id: str, work: Work, *, heavy: bool) -> tuple[Any, JobError | None]:
        progress = Progress(lambda value: self._told(job_id, value), clock_s=self._clock_s)
        self._progress[job_id] = progress
        try:
            async with self._turn if heavy else contextlib.nullcontext():
                if self._jobs[job_id].waiting:
                    self._put(replace(self._jobs[job_id], waiting=False))
                return await work(progress), None
        except Exception as error:
            return None, self._error(job_id, error)
        finally:
            del self._progress[job_id]
            self._jobs[job_id] = replace(self._jobs[job_id], progress=progress.value)

    def _error(self, job_id: str, error: Exception) -> JobError:
        if isinstance(error, Refused):
            return JobError(code=error.code, detail=error.detail)
        if isinstance(error, OSError):
            log.warning("job %s: %s", job_id, error)
            return error_of(error)
        log.error("job %s failed", job_id, exc_info=error)
        return JobError(code="internal", detail="Something went wrong that should not. The log tells more.")

    def _ended(self, job_id: str, holds: str | None, task: asyncio.Task[tuple[Any, JobError | None]]) -> None:
        del self._tasks[job_id]
        if self._alone == job_id:
            self._alone = None
        if holds is not None:
            del self._held[holds]
        result, error = (None, None) if task.cancelled() else task.result()
        state = JobState.CANCELLED if task.cancelled() else JobState.FAILED if error else JobState.COMPLETED
        job = self._jobs.pop(job_id)
        self._put(
            replace(
                job,
                state=state,
                waiting=False,
                error=error,
                result=result,
                ended_at=rfc3339(self._clock()),
            )
        )
        ended = [job for job in self._jobs.values() if job.state.ended]
        for job in ended[:-ENDED_KEPT]:
            del self._jobs[job.id]

    def _put(self, job: Job) -> None:
        self._jobs[job.id] = job
        self._bus.publish("library.job", job.id, job)

    def _told(self, job_id: str, value: JobProgress) -> None:
        job = self._jobs.get(job_id)
        if job is None or job.state.ended:
            return
        self._jobs[job_id] = replace(job, progress=value)
        self._bus.gauge(
            "library.progress",
            job_id,
            LibraryProgress(
                id=job_id,
                done_bytes=value.done_bytes,
                total_bytes=value.total_bytes,
                done_files=value.done_files,
                total_files=value.total_files,
            ),
        )


def under_way(job: Job) -> Conflict:
    """The refusal of what must not happen while this job works on the same."""
    return Conflict(
        f"{job.model or 'This'} is being worked on by job {job.id} ({job.kind}). Wait for its end, or cancel "
        f"it (modelhub jobs cancel {job.id}).",
        code="job_under_way",
    )


def error_of(error: OSError) -> JobError:
    """What a failed system call means to people."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return JobError(code="disk_full", detail="The disk is full. Make room and try again.")
        case errno.ENODEV | errno.ESTALE:
            detail = "The drive went away. Nothing on it is lost: plug it in and try again."
            return JobError(code="storage_offline", detail=detail)
        case _:
            reason = error.strerror or type(error).__name__
            return JobError(code="io_error", detail=f"A file cannot be used: {reason}.")
