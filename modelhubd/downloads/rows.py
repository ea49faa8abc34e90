"""Downloads as they are stored."""

from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from modelhubd.downloads.spans import Span
from modelhubd.wire.downloads import DownloadState

NOTHING, STAGED, PLACED = 0, 1, 2
"""What of a download may be on the disk: nothing, its staging folder, files under their final names too. It
stays `STAGED` where others had files under those names: not all that is there is the download's."""


class StoredFile(Struct, frozen=True, kw_only=True):
    place: int
    name: str
    role: str
    size_bytes: int | None
    sha256: str | None
    urls: tuple[str, ...]
    url_place: int
    etag: str | None
    total_bytes: int | None
    changes: int
    written_bytes: int
    synced_bytes: int
    boot_id: str | None
    reached_bytes: int
    found_sha256: str | None
    written_map: tuple[Span, ...] | None = None
    """Which bytes were written; None: the first `written_bytes`."""
    synced_map: tuple[Span, ...] | None = None
    replaces: str | None = None
    """Of a repair: which file it takes the place of, as `storage.confined.identity_of` has it."""

    @property
    def promised(self) -> bool:
        """Whether what comes can be judged by the catalog's word alone."""
        return self.sha256 is not None and self.size_bytes is not None

    @property
    def known_size(self) -> int | None:
        return self.size_bytes if self.size_bytes is not None else self.total_bytes

    @property
    def synced(self) -> tuple[Span, ...]:
        """What is on the disk."""
        return _spans(self.synced_bytes, self.synced_map)

    def trusted(self, boot_id: str) -> tuple[Span, ...]:
        """What is surely in the partial file: all that was written if the machine has not restarted since."""
        return _spans(self.written_bytes, self.written_map) if self.boot_id == boot_id else self.synced


def _spans(count: int, spans: tuple[Span, ...] | None) -> tuple[Span, ...]:
    if spans is not None:
        return spans
    return ((0, count),) if count else ()


class StoredDownload(Struct, frozen=True, kw_only=True):
    number: int
    id: str
    model: str
    version: int
    option: str
    format: str
    quantization: str | None
    digest: str | None
    state: DownloadState
    ended: bool
    priority: int
    rank: float
    attempts: int
    next_retry_at: str | None
    waits_for: str | None
    error_code: str | None
    error_detail: str | None
    staged: int
    created_at: str
    updated_at: str
    max_bytes_per_s: int | None
    files: tuple[StoredFile, ...]

    @property
    def directory(self) -> str:
        """Where the files come to stay, beneath the models directory."""
        return f"{self.model}/{self.version}/{self.option}"

    @property
    def missing_bytes(self) -> int:
        """What the files still need of the disk, as far as their sizes are known."""
        return sum(max((file.known_size or 0) - file.written_bytes, 0) for file in self.files)


class Durable(Struct, frozen=True):
    """What there is of a file."""

    written: tuple[Span, ...]
    synced: tuple[Span, ...]
    boot_id: str


_Whole = Annotated[int, Meta(ge=-(2**62), le=2**62)]


class ListKey(NamedTuple):
    """Where a row stands in the list of all, in numbers that the database can hold."""

    ended: _Whole
    priority: _Whole
    rank: float
    number: _Whole


def list_key(row: StoredDownload) -> ListKey:
    if row.ended:
        return ListKey(1, 0, -row.rank, row.number)
    return ListKey(0, -row.priority, row.rank, row.number)
