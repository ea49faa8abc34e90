"""Work of the library that goes on in the background."""

from enum import StrEnum
from typing import Any

from modelhubd.wire.base import Message


class JobState(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self is not JobState.RUNNING


class JobError(Message, frozen=True, kw_only=True):
    """`code` is what programs branch on, as in problems."""

    code: str
    detail: str


class JobProgress(Message, frozen=True, kw_only=True):
    """Totals are None where they are not known."""

    done_bytes: int = 0
    total_bytes: int | None = None
    done_files: int = 0
    total_files: int | None = None


class Job(Message, frozen=True, kw_only=True):
    """State event `library.job`. Ended ones are kept until the daemon ends, the last 50 of them."""

    id: str
    kind: str
    """`verify`, `repair`, `import`, … : what was asked for."""
    state: JobState
    waiting: bool = False
    """It runs once those before it have: few read the disk at once."""
    model: str | None = None
    """Reference of what it works on, such as `publisher/name@1:option`."""
    library_id: str | None = None
    progress: JobProgress
    error: JobError | None = None
    result: Any = None
    """What came of it, as its kind has it; None until it is completed."""
    created_at: str
    ended_at: str | None = None


class LibraryProgress(Message, frozen=True, kw_only=True):
    """Gauge `library.progress`: the numbers of a job that runs."""

    id: str
    done_bytes: int
    total_bytes: int | None
    done_files: int
    total_files: int | None
