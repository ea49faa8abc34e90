"""A worker that dies, or hangs and lives, costs a retry and nothing else."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from modelhubd.wire.downloads import Download
from tests.crash.doomed import MIB, QUICK, Doomed, doomed
from tests.fakes.origin import Origin
from tests.running import still_running

SIZES = {"model.gguf": 12 * MIB}
RATE = 4 * MIB
HUNG_S = 1.5


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Doomed]:
    with Origin() as origin, doomed(tmp_path, origin) as daemon:
        daemon.plan = {"backoff": QUICK, "limits": {"hung_s": HUNG_S}}
        yield daemon


def half_way(daemon: Doomed, download: str) -> tuple[Download, psutil.Process]:
    found = daemon.until(download, lambda found: found.progress.done_bytes > 4 * MIB)
    worker = daemon.worker()
    assert worker is not None
    return found, worker


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV])
def test_a_worker_that_is_killed_or_hangs_costs_a_retry_and_nothing_else(
    number: signal.Signals, daemon: Doomed
) -> None:
    daemon.offer(SIZES, total_rate=RATE)
    daemon.start()
    download = daemon.pull().id
    half, worker = half_way(daemon, download)
    pid = daemon.pid
    os.kill(worker.pid, number)
    shown = half.progress.done_bytes

    def another(found: Download) -> bool:
        nonlocal shown
        assert found.progress.done_bytes >= shown, "what is shown never falls"
        assert not found.state.ended and found.attempts <= 1
        shown = found.progress.done_bytes
        new = daemon.worker()
        return new is not None and new.pid != worker.pid

    daemon.until(download, another)
    assert not still_running([worker], within_s=5), "the one that hung is ended"
    daemon.finish(download)
    daemon.assert_installed()
    assert daemon.pid == pid
    # What a worker that hangs has received and not told, the buffers of its sockets too, comes again.
    assert daemon.twice <= RATE * (2 if number is not signal.SIGSTOP else 2 + HUNG_S)
    log = daemon.log_file.read_text()
    assert "Traceback" not in log, log[-3000:]


def test_two_downloads_survive_the_death_of_the_worker_they_share(daemon: Doomed) -> None:
    daemon.offer(SIZES, total_rate=RATE)
    daemon.offer(SIZES, total_rate=RATE, model="acme/other")
    daemon.start()
    downloads = [daemon.pull().id, daemon.pull("acme/other").id]
    for download in downloads:
        _, worker = half_way(daemon, download)
    worker.kill()
    for download in downloads:
        daemon.finish(download)
    assert daemon.client.status().models_installed == 2


def test_a_worker_that_dies_again_and_again_lets_the_download_through_in_the_end(daemon: Doomed) -> None:
    daemon.offer(SIZES, total_rate=RATE)
    daemon.start()
    download, deaths = daemon.pull().id, 0
    while deaths < 8:
        found = daemon.client.download(download)
        assert not found.state.ended, found.error
        if (worker := daemon.worker()) is not None:
            worker.kill()
            deaths += 1
    daemon.serve(SIZES)
    daemon.finish(download)
    daemon.assert_installed()
