"""Partial files that no download owns: found, shown, counted, and removed when asked."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub_client import Client, Conflict, InvalidRequest, NotFound
from modelhubd.wire.downloads import Download, DownloadState
from tests.fakes.origin import Origin, sha256
from tests.running import RunningDaemon, running_daemon

SIZE = 3_000_000
WITHIN_S = 40.0


@pytest.fixture
def home(tmp_path: Path, origin: Origin) -> Path:
    """With a model acme/slow that takes long."""
    home = tmp_path / "home"
    folder = home / "config/catalog.d"
    folder.mkdir(parents=True)
    url = origin.serve(f"/{tmp_path.name}/slow.gguf", SIZE, {"rate": 100_000})
    file = {"name": "slow.gguf", "size_bytes": SIZE, "sha256": sha256(1, SIZE), "urls": [url]}
    entry = {"id": "acme/slow", "options": [{"id": "gguf-q4", "format": "gguf", "files": [file]}]}
    (folder / "slow.json").write_text(json.dumps(entry))
    return home


@pytest.fixture
def settings(origin: Origin) -> dict[str, str]:
    return {"MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url, "MODELHUB_MODELS_RESERVE_BYTES": "0"}


@pytest.fixture
def daemon(home: Path, settings: dict[str, str]) -> Iterator[RunningDaemon]:
    with running_daemon(home, settings) as running:
        yield running


def leave(home: Path, name: str, size: int = 100_000) -> Path:
    """What a download of a database that is gone would have left."""
    folder = home / "models/.staging" / name
    folder.mkdir(parents=True)
    (folder / "model.gguf").write_bytes(b"x" * size)
    return folder


def begun(client: Client, past: int = 50_000) -> Download:
    made = client.create_download("acme/slow", force=True)
    limit = time.monotonic() + WITHIN_S
    while (found := client.download(made.id)).held_bytes < past:
        assert time.monotonic() < limit, found
        time.sleep(0.02)
    return found


def test_what_a_cancel_frees_is_shown_and_freed(daemon: RunningDaemon) -> None:
    client = daemon.client
    half = begun(client)
    paused = client.pause_download(half.id)
    on_disk = (daemon.home / "models/.staging" / half.id / "slow.gguf").stat().st_blocks * 512
    assert 50_000 <= paused.held_bytes <= on_disk + 4096
    assert client.leftovers().items == (), "a download owns it"
    with pytest.raises(Conflict, match="belongs to a download") as refusal:
        client.remove_leftovers([half.id])
    assert refusal.value.code == "leftover_owned"
    assert client.remove_leftovers().removed == ()
    assert (daemon.home / "models/.staging" / half.id).exists()
    assert client.cancel_download(half.id).state is DownloadState.CANCELLED
    assert client.download(half.id).held_bytes == 0
    assert not (daemon.home / "models/.staging" / half.id).exists()


def test_leftovers_are_found_at_the_start_told_and_kept(home: Path, settings: dict[str, str]) -> None:
    folder = leave(home, "aaaaaaaaaaaaaaaa")
    with running_daemon(home, settings) as daemon:
        limit = time.monotonic() + WITHIN_S
        while daemon.client.status().downloads.leftovers != 1:
            assert time.monotonic() < limit
            time.sleep(0.02)
        assert daemon.client.status().downloads.leftover_bytes >= 100_000
        assert folder.exists()
        assert "modelhub downloads prune" in daemon.log_file.read_text()


def test_they_are_listed_with_their_sizes_and_removed_by_name_or_all(daemon: RunningDaemon) -> None:
    client = daemon.client
    half = begun(client)
    folders = [leave(daemon.home, f"{letter * 16}", size) for letter, size in (("b", 50_000), ("c", 9_000))]
    lone = daemon.home / "models/.staging/lone.gguf"
    lone.write_bytes(b"y" * 5000)
    found = client.leftovers()
    assert [item.name for item in found.items] == ["b" * 16, "c" * 16, "lone.gguf"]
    assert found.items[0].size_bytes >= 50_000
    assert found.total_bytes == sum(item.size_bytes for item in found.items)
    assert found.items[0].modified_at.endswith("Z")
    one = client.remove_leftovers(["c" * 16])
    assert [item.name for item in one.removed] == ["c" * 16]
    assert one.freed_bytes == found.items[1].size_bytes
    assert folders[0].exists() and not folders[1].exists()
    rest = client.remove_leftovers()
    assert [item.name for item in rest.removed] == ["b" * 16, "lone.gguf"]
    assert rest.kept == () and client.leftovers().total_bytes == 0
    assert client.status().downloads.leftovers == 0
    assert client.download(half.id).state is DownloadState.ACTIVE
    assert (daemon.home / "models/.staging" / half.id).exists()


def test_a_planted_link_leads_nowhere(daemon: RunningDaemon, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"z" * 70_000)
    folder = leave(daemon.home, "d" * 16, 10)
    (folder / "inside").symlink_to(outside)
    (folder.parent / "linked").symlink_to(outside)
    os.link(outside / "precious", folder / "twin")
    found = {item.name: item.size_bytes for item in daemon.client.leftovers().items}
    assert found["linked"] < 70_000
    gone = daemon.client.remove_leftovers()
    assert {item.name for item in gone.removed} == {"d" * 16, "linked"}
    assert not (folder.parent / "linked").is_symlink()
    assert (outside / "precious").read_bytes() == b"z" * 70_000


@pytest.mark.parametrize("name", ["../models", "..", ".", "", "a/b", "a\\b", "a\0b"])
def test_what_is_no_name_is_refused(daemon: RunningDaemon, name: str) -> None:
    with pytest.raises(InvalidRequest):
        daemon.client.remove_leftovers([name])
    assert (daemon.home / "models").exists()


def test_an_unknown_name_is_not_found_and_nothing_is_removed(daemon: RunningDaemon) -> None:
    folder = leave(daemon.home, "e" * 16)
    with pytest.raises(NotFound):
        daemon.client.remove_leftovers(["e" * 16, "f" * 16])
    assert folder.exists()


def test_a_models_directory_that_is_away_is_said_to_be(daemon: RunningDaemon) -> None:
    models = daemon.home / "models"
    begun(daemon.client)
    models.rename(daemon.home / "unplugged")
    models.mkdir()
    try:
        with pytest.raises(Conflict) as refusal:
            daemon.client.leftovers()
        assert refusal.value.code == "storage_offline"
    finally:
        models.rmdir()
        (daemon.home / "unplugged").rename(models)
