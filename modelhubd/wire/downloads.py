"""The download queue on the wire."""

import re
from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from modelhubd.wire.base import Message, Request

SLOWEST = 10 * 1024
"""Bytes per second that a limit leaves at least."""
Rate = Annotated[int, Meta(ge=SLOWEST, le=1 << 50)]
MaxActive = Annotated[int, Meta(ge=1, le=16)]
Connections = Annotated[int, Meta(ge=1, le=32)]

_DAILY = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII)


def fault_in_schedule(text: str) -> str | None:
    """Why `text` is no daily schedule; None where it is one, or empty for always."""
    match = _DAILY.fullmatch(text)
    if text and match is None:
        return "write the hours of the day as 22:00-06:00"
    if match is not None and match[1] == match[2]:
        return "it begins when it ends; without a schedule downloads run all day"
    return None


class DownloadState(StrEnum):
    QUEUED = "queued"
    ACTIVE = "active"
    VERIFYING = "verifying"
    INSTALLING = "installing"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (DownloadState.COMPLETED, DownloadState.FAILED, DownloadState.CANCELLED)


class DownloadError(Message, frozen=True, kw_only=True):
    """`code` is one of checksum_mismatch size_mismatch http_error wrong_content disk_full forbidden_url
    refused_by_policy unsafe_name origin_changed storage_offline timeout."""

    code: str
    detail: str


class Progress(Message, frozen=True, kw_only=True):
    """`total_bytes` is None while unknown; `eta_s` is None until it can be told; `verified_bytes` are hashed:
    none of those that were here before, until they have been read again."""

    done_bytes: int
    total_bytes: int | None = None
    rate_bytes_per_s: float = 0.0
    eta_s: float | None = None
    verified_bytes: int = 0


class DownloadFile(Message, frozen=True, kw_only=True):
    name: str
    size_bytes: int | None
    sha256: str | None
    done_bytes: int


class Download(Message, frozen=True, kw_only=True):
    id: str
    model: str
    version: int
    option: str
    state: DownloadState
    progress: Progress
    priority: int
    position: int
    """1 is the next to start; 0 while it runs and once ended."""
    attempts: int
    """Passing faults in a row without a byte of progress."""
    next_retry_at: str | None = None
    error: DownloadError | None = None
    created_at: str
    updated_at: str
    files: tuple[DownloadFile, ...]
    max_bytes_per_s: int | None = None
    """A limit of its own, besides the one of all together."""
    held_bytes: int = 0
    """Disk that its partial files hold: what a cancel frees."""


class CreateDownload(Request, frozen=True, kw_only=True):
    model: str | None = None
    """`publisher/name`, or a whole reference `publisher/name[@version][:option]`."""
    source: Annotated[str, Meta(min_length=1, max_length=2048)] | None = None
    """For `model`: `hf:owner/repository[@revision][:quantization]`, `hf:owner/repository/file.gguf`
    or `https://…/file.gguf[#sha256=…]`, where policy allows addresses."""
    version: Annotated[int, Meta(ge=1)] | None = None
    option: str | None = None
    priority: Annotated[int, Meta(ge=-100, le=100)] = 0
    force: bool = False
    """Download although the option does not fit this device."""
    max_bytes_per_s: Rate | None = None


class ChangeDownload(Request, frozen=True, kw_only=True):
    priority: Annotated[int, Meta(ge=-100, le=100)] | None = None
    position: Annotated[int, Meta(ge=1)] | None = None
    max_bytes_per_s: Rate | UnsetType | None = UNSET
    """null removes the limit."""


class DownloadLimits(Message, frozen=True, kw_only=True):
    """What is in force for all downloads together."""

    max_active: int
    """Downloads that run at once."""
    max_bytes_per_s: int | None
    """Over all of them; null is without a limit."""
    connections: int
    """Per download, at most."""
    schedule: str | None
    """Hours of the day, local time, in which downloads run, such as `22:00-06:00`; null is always."""
    held_until: str | None = None
    """Outside these hours: when they begin."""
    sources: dict[str, str]
    """Where each of the four comes from: `default`, `file`, `saved`, `environment`, `argument` or
    `administrator`."""
    fixed: tuple[str, ...] = ()
    """Those that cannot be changed here: the command line, the environment or the administrator decides."""


class ChangeLimits(Request, frozen=True, kw_only=True):
    """What is absent stays as it is; null removes a limit."""

    max_active: MaxActive | UnsetType = UNSET
    max_bytes_per_s: Rate | UnsetType | None = UNSET
    connections: Connections | UnsetType = UNSET
    schedule: str | UnsetType | None = UNSET


class Leftover(Message, frozen=True, kw_only=True):
    """A partial file, or a folder of them, that belongs to no download."""

    name: str
    size_bytes: int
    """On the disk."""
    modified_at: str


class Leftovers(Message, frozen=True, kw_only=True):
    items: tuple[Leftover, ...]
    total_bytes: int


class RemoveLeftovers(Request, frozen=True, kw_only=True):
    names: tuple[str, ...] | None = None
    """All of them where absent."""


class KeptLeftover(Message, frozen=True, kw_only=True):
    name: str
    reason: str


class RemovedLeftovers(Message, frozen=True, kw_only=True):
    removed: tuple[Leftover, ...]
    freed_bytes: int
    kept: tuple[KeptLeftover, ...] = ()
    """What could not be removed, and why."""
