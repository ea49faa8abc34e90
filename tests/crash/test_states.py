"""A restart in every state, in good order and after kill -9: the same state, or it goes on."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhubd.wire.downloads import Download, DownloadState
from tests.crash.doomed import MIB, QUICK, Doomed, doomed
from tests.fakes.origin import Origin, Step

SIZES = {"config.json": 3000, "model-1.safetensors": 3 * MIB}
SLOW = 2 * MIB
HOWS = ["stopped", "killed", "killed with its worker"]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Doomed]:
    with Origin() as origin, doomed(tmp_path, origin, MODELHUB_DOWNLOADS_MAX_ACTIVE="1") as daemon:
        yield daemon


def end(daemon: Doomed, how: str) -> None:
    if how == "stopped":
        daemon.stop()
    elif how == "killed":
        daemon.kill()
    else:
        daemon.kill_with_worker()


def held_still(download: Download) -> tuple[object, ...]:
    return (
        download.state,
        download.error,
        download.attempts,
        download.next_retry_at,
        download.position,
        download.priority,
        download.updated_at,
        download.progress.total_bytes,
    )


@pytest.mark.parametrize("how", HOWS)
def test_every_state_is_the_same_after_a_restart_or_goes_on(how: str, daemon: Doomed) -> None:
    later: Step = {"status": 503, "fields": {"Retry-After": "3000"}}
    answers: dict[str, Step] = {
        "completed": {}, "failed": {"status": 404}, "waiting": later, "cancelled": {}, "paused": {},
        "active": {}, "queued": {},
    }  # fmt: skip
    for name, step in answers.items():
        rate = 100 * MIB if name == "completed" else SLOW
        daemon.offer(SIZES, step, model=f"acme/{name}", total_rate=rate)
    daemon.start()
    client, ids = daemon.client, {}
    for name in answers:
        ids[name] = daemon.pull(f"acme/{name}").id
        if name in ("cancelled", "paused", "active"):
            daemon.until(ids[name], lambda found: found.progress.done_bytes > MIB // 2)
        if name == "cancelled":
            client.cancel_download(ids[name])
        if name == "paused":
            client.pause_download(ids[name])
        daemon.until(ids[name], DownloadState(name))
    before = {name: client.download(ids[name]) for name in answers}
    end(daemon, how)
    daemon.start()
    after = {name: client.download(ids[name]) for name in answers}
    for name in answers:
        if name != "active":
            assert held_still(after[name]) == held_still(before[name]), name
            assert after[name].progress.done_bytes == before[name].progress.done_bytes
    assert after["active"].state is DownloadState.ACTIVE
    lost = before["active"].progress.done_bytes - after["active"].progress.done_bytes
    assert lost <= (0 if how == "stopped" else SLOW * 1.5)
    left = {path.name for path in daemon.staging.iterdir()}
    assert left <= {ids["active"], ids["paused"], ids["waiting"]}, "nothing of what has ended"
    assert {ids["active"], ids["paused"]} <= left

    for name in answers:
        daemon.serve(SIZES, model=f"acme/{name}")
    for name in ("failed", "cancelled"):
        client.retry_download(ids[name])
    client.pause_download(ids["waiting"])
    for name in ("paused", "waiting"):
        client.resume_download(ids[name])
    for name in answers:
        daemon.until(ids[name], DownloadState.COMPLETED)
    assert len(client.library().items) == len(answers)
    assert not list(daemon.staging.iterdir())


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize(
    ("state", "call"), [("verifying", "store.set_whole"), ("installing", "staging.place")]
)
def test_verifying_and_installing_go_on_after_a_restart(
    state: str, call: str, how: str, daemon: Doomed, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    daemon.offer({"model.gguf": 3 * MIB})
    daemon.plan = {
        "backoff": QUICK,
        "traps": [{"call": call, "moment": "before", "do": "hold", "file": str(held)}],
    }
    daemon.start()
    download = daemon.pull().id
    daemon.until(download, lambda found: held.exists() and found.state is DownloadState(state))
    if how == "stopped":
        assert daemon.process is not None
        daemon.process.terminate()
        time.sleep(0.3)
        held.unlink()
        assert daemon.process.wait(15) == 0
    else:
        end(daemon, how)
    daemon.plan = {"backoff": QUICK}
    daemon.start()
    daemon.finish(download)
    daemon.assert_installed()
    if how != "stopped":
        assert daemon.twice <= 2 * MIB
