"""One transfer, in this process: what its file holds when it is cut off at a bad moment."""

import errno
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhubd.downloads import partial
from modelhubd.downloads.engine import Engine
from modelhubd.downloads.messages import LAST, Began, Done, Faulted, Fetch, Limits, Moved, Report
from tests.fakes.download_home import BRISK, IMPATIENT
from tests.fakes.origin import Origin, body, sha256

SIZE = 3_000_000
HAVE = 2_000_000


def order(root: Path, url: str, have: int, limits: Limits = BRISK) -> Fetch:
    return Fetch(
        transfer=1,
        root=str(root),
        download="x",
        partial=".staging/x/tiny.gguf",
        urls=(url,),
        size=SIZE,
        sha256=sha256(1, SIZE),
        total=SIZE,
        etag='"same"' if have else None,
        have=((0, have),) if have else (),
        synced=(),
        reserve_bytes=0,
        allow_origins=(url.rpartition("/")[0],),
        limits=limits,
    )


def carry(fetch: Fetch, hear: Callable[[Report], None] = lambda report: None) -> list[Report]:
    told: list[Report] = []

    def send(report: Report) -> None:
        told.append(report)
        hear(report)

    engine = Engine(send, {})
    engine.order(fetch)
    deadline = time.monotonic() + 60
    engine.turn()
    while not (told and isinstance(told[-1], LAST)):
        assert time.monotonic() < deadline
        engine.turn() if engine.busy else time.sleep(0.002)
    return told


def die_with(fetch: Fetch, when: type[Report]) -> None:
    """A process that carries it and is gone the moment it says that."""
    if (child := os.fork()) == 0:
        carry(fetch, lambda report: os._exit(7) if isinstance(report, when) else None)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def staged(root: Path, size: int) -> None:
    path = root / ".staging/x/tiny.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(body(1, HAVE))
    os.truncate(path, size)


@pytest.mark.parametrize("size", [HAVE, SIZE])
def test_a_kill_before_the_books_know_of_a_fresh_start_leaves_no_hole(size: int, tmp_path: Path) -> None:
    staged(tmp_path, size)
    with Origin() as origin:
        url = origin.serve("/hole.gguf", SIZE, {"ranges": False}, {}, etag='"same"')
        die_with(order(tmp_path, url, HAVE), Began)
        assert isinstance(carry(order(tmp_path, url, HAVE))[-1], Done), "the books still trust HAVE bytes"


def test_what_a_failing_disk_did_not_keep_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(partial, "_sync_data", fail)
    with Origin() as origin:
        url = origin.serve("/failing.gguf", SIZE, {"rate": SIZE})
        told = carry(order(tmp_path, url, 0, Limits(sync_s=0.3)))
    last = told[-1]
    assert isinstance(last, Faulted) and last.fault.waits_for == "storage"
    moves = [report for report in told if isinstance(report, Moved)]
    assert max(move.written for move in moves)
    assert (moves[-1].written, moves[-1].synced) == ((), ())


def test_what_a_directory_that_went_away_still_took_is_kept(tmp_path: Path) -> None:
    root = tmp_path / "models"
    root.mkdir()
    with Origin() as origin:
        url = origin.serve("/away.gguf", SIZE, {"rate": SIZE // 3})

        def go_away(report: Report) -> None:
            if isinstance(report, Moved) and root.exists():
                root.rename(tmp_path / "elsewhere")

        told = carry(order(root, url, 0, Limits(sync_s=30)), go_away)
    assert isinstance(told[-1], Faulted) and told[-1].fault.waits_for == "storage"
    last = [report for report in told if isinstance(report, Moved)][-1]
    assert () < last.written == last.synced


def test_a_slow_disk_is_not_taken_for_a_silent_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = partial.Partial.write

    def slow(self: partial.Partial, at: int, blocks: list[bytes]) -> int:
        if not at:
            time.sleep(IMPATIENT.stall_s + 0.2)
        return write(self, at, blocks)

    monkeypatch.setattr(partial.Partial, "write", slow)
    with Origin() as origin:
        told = carry(order(tmp_path, origin.serve("/slow.gguf", SIZE), 0, IMPATIENT))
    assert isinstance(told[-1], Done)


def test_a_file_that_the_file_system_cannot_hold_fails_and_says_why(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Origin() as origin:
        url = origin.serve("/fat.gguf", SIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, hard))
        try:
            last = carry(order(tmp_path, url, 0))[-1]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert isinstance(last, Faulted) and not last.fault.passing and "FAT32" in last.fault.detail
