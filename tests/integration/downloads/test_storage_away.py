"""The drive of the models directory is away and its mount point is an empty folder: the daemon as a whole."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhub_client import Client, Conflict
from modelhubd.wire.downloads import Download, DownloadState
from tests.fakes.origin import Origin, body, sha256
from tests.running import RunningDaemon, running_daemon

SIZE = 6_000_000


def offer(home: Path, origin: Origin, name: str) -> None:
    url = origin.serve(f"/{home.parent.name}/{name}.gguf", SIZE, {"rate": 2_000_000})
    option = {
        "id": "gguf-q4",
        "format": "gguf",
        "files": [{"name": "tiny.gguf", "size_bytes": SIZE, "sha256": sha256(1, SIZE), "urls": [url]}],
    }
    folder = home / "config/catalog.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"id": f"acme/{name}", "options": [option]}))


def until(client: Client, id: str, fits: Callable[[Download], bool]) -> Download:
    deadline = time.monotonic() + 30
    while not fits(found := client.download(id)):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def begun(daemon: RunningDaemon) -> Download:
    created = daemon.client.create_download("acme/first", force=True)
    return until(daemon.client, created.id, lambda found: found.progress.done_bytes > 1_000_000)


def unplug(daemon: RunningDaemon) -> Path:
    """An empty folder is left, as where a drive was mounted."""
    models, away = daemon.home / "models", daemon.home / "unplugged"
    models.rename(away)
    models.mkdir()
    return away


def plug_in(daemon: RunningDaemon, away: Path) -> None:
    (daemon.home / "models").rmdir()
    away.rename(daemon.home / "models")


@pytest.fixture
def settings(origin: Origin) -> dict[str, str]:
    return {"MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url}


@pytest.mark.parametrize("restarted", [False, True])
def test_an_emptied_mount_point_does_not_restart_a_download_from_zero(
    restarted: bool, tmp_path: Path, origin: Origin, settings: dict[str, str]
) -> None:
    home = tmp_path / "home"
    offer(home, origin, "first")
    with running_daemon(home, settings) as daemon:
        half = begun(daemon)
        if restarted:
            daemon.stop()
        away = unplug(daemon)
        if restarted:
            daemon.start()
        waiting = until(daemon.client, half.id, lambda found: found.state is DownloadState.WAITING)
        assert waiting.error is not None and waiting.error.code == "storage_offline"
        assert waiting.progress.done_bytes >= half.progress.done_bytes
        daemon.client.pause_download(half.id)
        daemon.client.resume_download(half.id)
        until(daemon.client, half.id, lambda found: found.state is DownloadState.WAITING)
        time.sleep(1.2)  # the library looks at the folder meanwhile
        assert not list((home / "models").iterdir()), "nothing is put on the wrong disk"
        plug_in(daemon, away)
        client = daemon.client
        client.pause_download(half.id)
        client.resume_download(half.id)
        until(client, half.id, lambda found: found.state is DownloadState.COMPLETED)
        assert (home / "models/acme/first/1/gguf-q4/tiny.gguf").read_bytes() == body(1, SIZE)
    asked = [entry["fields"]["range"] for entry in origin.requests(f"/{tmp_path.name}/first.gguf")]
    assert len(asked) >= 2 and asked.count("bytes=0-") == 1


def test_what_is_cancelled_while_its_drive_is_away_gives_its_space_back_later(
    tmp_path: Path, origin: Origin, settings: dict[str, str]
) -> None:
    home = tmp_path / "home"
    offer(home, origin, "first")
    with running_daemon(home, settings) as daemon:
        half = begun(daemon)
        away = unplug(daemon)
        client = daemon.client
        assert client.cancel_download(half.id).state is DownloadState.CANCELLED
        with pytest.raises(Conflict) as refusal:
            client.forget_download(half.id)
        assert refusal.value.code == "storage_offline"
        daemon.stop()
        plug_in(daemon, away)
        assert (home / "models/.staging" / half.id).exists()
        daemon.start()
        deadline = time.monotonic() + 30
        while (home / "models/.staging" / half.id).exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_scan_takes_a_directory_that_was_emptied_on_purpose(
    tmp_path: Path, origin: Origin, settings: dict[str, str]
) -> None:
    home = tmp_path / "home"
    offer(home, origin, "first")
    with running_daemon(home, settings) as daemon:
        half = begun(daemon)
        unplug(daemon)
        client = daemon.client
        until(client, half.id, lambda found: found.state is DownloadState.WAITING)
        client.scan()
        client.pause_download(half.id)
        client.resume_download(half.id)
        until(client, half.id, lambda found: found.state is DownloadState.COMPLETED)
