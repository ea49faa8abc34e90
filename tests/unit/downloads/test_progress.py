"""How far a download is, as it is shown."""

from typing import Any

from modelhubd.downloads.progress import Live, shown
from modelhubd.downloads.rows import StoredDownload, StoredFile
from modelhubd.wire.downloads import DownloadState

SHA = "a" * 64
SIZE = 1000


def file(place: int, **rest: Any) -> StoredFile:
    values: dict[str, Any] = {
        "place": place, "name": f"{place}.gguf", "role": "weights", "size_bytes": SIZE, "sha256": SHA,
        "urls": (), "url_place": 0, "etag": None, "total_bytes": SIZE, "changes": 0, "written_bytes": 0,
        "synced_bytes": 0, "boot_id": None, "reached_bytes": 0, "found_sha256": None,
    }  # fmt: skip
    return StoredFile(**(values | rest))


def row(*files: StoredFile, state: DownloadState = DownloadState.ACTIVE) -> StoredDownload:
    return StoredDownload(
        number=1, id="aaaa", model="acme/tiny", version=1, option="gguf", format="gguf", quantization=None,
        digest=None, state=state, ended=state.ended, priority=0, rank=1.0, attempts=0, next_retry_at=None,
        waits_for=None, error_code=None, error_detail=None, staged=0, created_at="", updated_at="",
        max_bytes_per_s=None, files=files,
    )  # fmt: skip


def test_what_was_here_before_is_verified_again_while_what_is_done_stays() -> None:
    """One file is whole, of the other 400 bytes were here before the restart."""
    whole = file(0, written_bytes=SIZE, reached_bytes=SIZE, found_sha256=SHA)
    stored = row(whole, file(1, written_bytes=400, reached_bytes=400))
    live = Live(stored)
    told = []
    for written, hashed in ((400, 100), (700, 400), (1000, 900), (1000, 1000)):
        live.move(1, written, hashed)
        progress = shown(stored, 0, live).progress
        told.append((progress.done_bytes, progress.verified_bytes))
        assert live.gauge().verified_bytes == progress.verified_bytes
    assert told == [(1400, 1100), (1700, 1400), (2000, 1900), (2000, 2000)]


def test_verifying_tells_how_far_it_is() -> None:
    stored = row(file(0, written_bytes=SIZE, reached_bytes=SIZE), state=DownloadState.VERIFYING)
    live = Live(stored)
    live.move(0, SIZE, 300)
    progress = shown(stored, 0, live).progress
    assert (progress.done_bytes, progress.verified_bytes) == (SIZE, 300)
    assert (progress.rate_bytes_per_s, progress.eta_s) == (0.0, None)


def test_only_what_was_found_right_counts_as_verified_while_nothing_moves() -> None:
    whole = file(0, written_bytes=SIZE, reached_bytes=SIZE, found_sha256=SHA)
    for state in (DownloadState.PAUSED, DownloadState.QUEUED, DownloadState.WAITING):
        progress = shown(
            row(whole, file(1, written_bytes=400, reached_bytes=400), state=state), 1, None
        ).progress
        assert (progress.done_bytes, progress.verified_bytes) == (1400, 1000)


def test_a_file_that_starts_afresh_is_not_verified_and_shows_no_less() -> None:
    stored = row(file(0, written_bytes=400, reached_bytes=400))
    live = Live(stored)
    live.move(0, 500, 500)
    live.restart(0)
    progress = shown(stored, 0, live).progress
    assert (progress.done_bytes, progress.verified_bytes) == (500, 0)
