"""Following the library's jobs, and what is shown of them."""

from collections.abc import Generator, Sequence
from typing import Any

import pytest

from modelhub_cli import jobs as cli_jobs
from modelhub_cli.job_bars import JobBars, numbers
from modelhub_cli.jobs import LineView, follow_jobs, percent_of, watch_jobs
from modelhub_cli.output import Output
from modelhub_client import Client, Event, NotFound, Snapshot, State
from modelhub_client.events import DISCONNECTED
from modelhubd.wire.jobs import Job, JobError, JobProgress, JobState, LibraryProgress
from modelhubd.wire.problem import Problem

ID = "00000000000000aa"


def job(state: str = "running", done: int = 0, total: int | None = 1000, **rest: Any) -> Job:
    error = JobError(code="checksum_mismatch", detail="Two pieces are wrong.") if state == "failed" else None
    values: dict[str, Any] = {
        "id": ID, "kind": "verify", "state": JobState(state), "model": "acme/tiny@1:gguf", "error": error,
        "progress": JobProgress(done_bytes=done, total_bytes=total), "created_at": "2026-03-01T12:00:00.000Z",
    }  # fmt: skip
    return Job(**(values | rest))


class Scripted(Client):
    """A client whose events and jobs are given."""

    def __init__(self, events: Sequence[Event], *jobs: Job) -> None:
        super().__init__(environ={})
        self.script = events
        self.held = {job.id: job for job in jobs}

    def events(self, *_: object, **__: object) -> Generator[Event, None, None]:
        yield from self.script
        raise KeyboardInterrupt

    def job(self, job_id: str) -> Job:
        if job_id not in self.held:
            raise NotFound(Problem(type="", title="", status=404, detail="No.", code="not_found"))
        return self.held[job_id]


def _event(found: Job) -> Event:
    return Event(type="library.job", data=found)


def _gauge(done: int) -> Event:
    data = LibraryProgress(id=ID, done_bytes=done, total_bytes=1000, done_files=0, total_files=1)
    return Event(type="library.progress", data=data)


SNAPSHOT = Event(type="snapshot", data=Snapshot(reason="fresh", state=State()))


def test_a_job_is_followed_to_its_end_with_a_line_per_ten_percent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = [
        SNAPSHOT, _event(job(id="other", state="failed")), _event(job()), _gauge(455), _gauge(456),
        Event(type=DISCONNECTED), _event(job("completed", 1000)), _gauge(3),
    ]  # fmt: skip
    (ended,) = follow_jobs(Scripted(script, job()), [job(waiting=True)], LineView(Output()))
    assert ended.state is JobState.COMPLETED
    assert capsys.readouterr().err.splitlines() == [
        "acme/tiny@1:gguf: verify waiting", "acme/tiny@1:gguf: verify running",
        "acme/tiny@1:gguf: verify 40 %, 455 B of 1.00 kB",
        "The daemon is away; waiting for it to come back …", "acme/tiny@1:gguf: verify completed",
    ]  # fmt: skip


def test_one_that_a_restarted_daemon_does_not_know_counts_as_cancelled() -> None:
    (ended,) = follow_jobs(Scripted([SNAPSHOT]), [job()], LineView(Output()))
    assert ended.state is JobState.CANCELLED


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [("completed", 0, ""), ("failed", 8, "Two pieces are wrong."), ("cancelled", 1, "was cancelled")],
)
def test_the_end_decides_the_exit_code(
    capsys: pytest.CaptureFixture[str], state: str, code: int, words: str
) -> None:
    assert watch_jobs(Scripted([]), Output(), [job(state)]) == code
    told = capsys.readouterr()
    assert words in told.err
    assert told.out == ("acme/tiny@1:gguf\n" if state == "completed" else "")


def test_ctrl_c_leaves_the_job_to_the_daemon(capsys: pytest.CaptureFixture[str]) -> None:
    assert watch_jobs(Scripted([_gauge(1)]), Output(json=True), [job()]) == 130
    told = capsys.readouterr()
    assert f"modelhub jobs cancel {ID}" in told.err
    assert len(told.out.splitlines()) == 1


def test_quiet_prints_the_id_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert watch_jobs(Scripted([_event(job("completed"))]), Output(quiet=True), [job()]) == 0
    assert capsys.readouterr() == (f"{ID}\n", "")


def test_bars_show_each_job(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(talks=True, terminal=True)
    assert isinstance(cli_jobs._view(out), JobBars)
    assert (
        watch_jobs(Scripted([_gauge(5), Event(type=DISCONNECTED), _event(job("completed"))]), out, [job()])
        == 0
    )
    assert "verify completed" in capsys.readouterr().err


def test_numbers_are_of_what_is_known() -> None:
    assert numbers(job(done=500)) == "verify 500 B of 1.00 kB"
    files = JobProgress(done_files=3, total_files=40)
    assert numbers(job(progress=files)) == "verify 3 of 40 files"
    assert numbers(job(total=None)) == "verify"
    assert numbers(job(total=None, done=7)) == "verify 7 B"
    assert numbers(job(waiting=True)) == "verify waiting"
    assert percent_of(job(total=None)) is None
