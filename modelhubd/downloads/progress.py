"""How far a download is, as it is shown: it never falls."""

import time
from collections.abc import Iterable

from modelhubd.downloads.plan import Pace
from modelhubd.downloads.rows import StoredDownload, StoredFile
from modelhubd.downloads.staging import held_bytes
from modelhubd.wire.downloads import Download, DownloadError, DownloadFile, DownloadState, Progress
from modelhubd.wire.events import DownloadProgress


class Live:
    """The numbers of a download that is being worked on, ahead of what is stored."""

    def __init__(self, row: StoredDownload) -> None:
        self._id = row.id
        self._reached = {file.place: file.reached_bytes for file in row.files}
        self._total = total_bytes(row.files)
        self._written = {file.place: file.written_bytes for file in row.files}
        self._hashed = {file.place: file.written_bytes if file.found_sha256 else 0 for file in row.files}
        self._to_come = {file.place for file in row.files if file.found_sha256 is None}
        self._pace = Pace()
        self.shared: set[int] = set()
        """Places of files that are another name of bytes in the library."""

    def received(self, place: int) -> None:
        """Every byte of that file is there."""
        self._to_come.discard(place)

    @property
    def all_received(self) -> bool:
        return not self._to_come

    def learn_total(self, files: Iterable[StoredFile]) -> None:
        self._total = total_bytes(files)

    def reached(self, place: int) -> int:
        return self._reached[place]

    @property
    def written_bytes(self) -> int:
        return sum(self._written.values())

    def restart(self, place: int) -> None:
        """The file starts afresh; what is shown stays until it is passed."""
        self._written[place] = self._hashed[place] = 0
        self._to_come.add(place)

    def move(self, place: int, written: int, hashed: int = 0) -> bool:
        """Whether that is further than ever."""
        self._written[place] = written
        self._hashed[place] = hashed
        self._pace.move(time.monotonic(), sum(self._written.values()))
        further = written > self._reached[place]
        if further:
            self._reached[place] = written
        return further

    def gauge(self) -> DownloadProgress:
        progress = self.progress()
        return DownloadProgress(
            id=self._id,
            done_bytes=progress.done_bytes,
            total_bytes=progress.total_bytes,
            rate_bytes_per_s=progress.rate_bytes_per_s,
            eta_s=progress.eta_s,
            verified_bytes=progress.verified_bytes,
        )

    def progress(self) -> Progress:
        left = None if self._total is None else max(self._total - sum(self._written.values()), 0)
        return Progress(
            done_bytes=_capped(sum(self._reached.values()), self._total),
            total_bytes=self._total,
            rate_bytes_per_s=self._pace.rate if left != 0 else 0.0,
            eta_s=self._pace.eta_s(left) if left != 0 else None,
            verified_bytes=sum(self._hashed.values()),
        )


def total_bytes(files: Iterable[StoredFile]) -> int | None:
    sizes = [file.known_size for file in files]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def shown(row: StoredDownload, position: int, live: Live | None) -> Download:
    """A stored download as the API tells it."""
    if live is not None and row.state in (DownloadState.ACTIVE, DownloadState.VERIFYING):
        progress = live.progress()
    else:
        total = total_bytes(row.files)
        done = sum(file.reached_bytes for file in row.files)
        if live is not None:
            done = max(done, live.progress().done_bytes)
        verified = sum(file.known_size or 0 for file in row.files if file.found_sha256 is not None)
        progress = Progress(done_bytes=_capped(done, total), total_bytes=total, verified_bytes=verified)
    error = None
    if row.error_code is not None:
        error = DownloadError(code=row.error_code, detail=row.error_detail or "")
    return Download(
        id=row.id,
        model=row.model,
        version=row.version,
        option=row.option,
        state=row.state,
        progress=progress,
        priority=row.priority,
        position=position,
        attempts=row.attempts,
        next_retry_at=row.next_retry_at,
        error=error,
        created_at=row.created_at,
        updated_at=row.updated_at,
        files=tuple(
            DownloadFile(
                name=file.name,
                size_bytes=file.known_size,
                sha256=file.sha256,
                done_bytes=max(file.reached_bytes, live.reached(file.place) if live is not None else 0),
            )
            for file in row.files
        ),
        max_bytes_per_s=row.max_bytes_per_s,
        held_bytes=held_bytes(row, 0 if live is None else live.written_bytes),
    )


def _capped(done: int, total: int | None) -> int:
    return done if total is None else min(done, total)
