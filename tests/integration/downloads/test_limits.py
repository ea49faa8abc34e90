"""Limits of all downloads and of single ones, over the API of a real daemon."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelhub_client import Client, Conflict, InvalidRequest
from modelhubd.wire.downloads import Download, DownloadState
from tests.fakes.origin import Origin, sha256
from tests.running import RunningDaemon, running_daemon

SIZE = 3_000_000
WITHIN_S = 40.0


def offer(home: Path, origin: Origin, count: int = 4) -> None:
    """Models acme/m1 … that take long."""
    folder = home / "config/catalog.d"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        url = origin.serve(f"/{home.parent.name}/{number}.gguf", SIZE, {"rate": 60_000})
        file = {"name": "tiny.gguf", "size_bytes": SIZE, "sha256": sha256(1, SIZE), "urls": [url]}
        entry = {
            "id": f"acme/m{number}",
            "options": [{"id": "gguf-q4", "format": "gguf", "files": [file]}],
        }
        (folder / f"m{number}.json").write_text(json.dumps(entry))


@pytest.fixture
def home(tmp_path: Path, origin: Origin) -> Path:
    offer(tmp_path / "home", origin)
    return tmp_path / "home"


@pytest.fixture
def settings(origin: Origin) -> dict[str, str]:
    return {"MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url, "MODELHUB_MODELS_RESERVE_BYTES": "0"}


@pytest.fixture
def daemon(home: Path, settings: dict[str, str]) -> Iterator[RunningDaemon]:
    with running_daemon(home, settings) as running:
        yield running


def queued(client: Client, count: int = 4) -> list[str]:
    return [client.create_download(f"acme/m{number}", force=True).id for number in range(1, count + 1)]


def until(client: Client, holds: Callable[[list[Download]], bool]) -> list[Download]:
    """The downloads once it holds of them."""
    limit = time.monotonic() + WITHIN_S
    while not holds(found := list(client.downloads(limit=200).items)):
        assert time.monotonic() < limit, found
        time.sleep(0.02)
    return found


def active(downloads: list[Download]) -> list[str]:
    return [item.id for item in downloads if item.state is DownloadState.ACTIVE]


def test_at_first_the_defaults_are_in_force(daemon: RunningDaemon) -> None:
    found = daemon.client.limits()
    assert (found.max_active, found.max_bytes_per_s, found.connections, found.schedule) == (2, None, 16, None)
    assert set(found.sources.values()) == {"default"}
    assert (found.fixed, found.held_until) == ((), None)


def test_a_change_is_at_once_in_force_and_kept_over_a_restart(daemon: RunningDaemon) -> None:
    client = daemon.client
    ids = queued(client)
    until(client, lambda found: active(found) == ids[:2])
    client.change_limits(max_active=3)
    until(client, lambda found: active(found) == ids[:3])
    changed = client.change_limits(max_active=1, max_bytes_per_s=20_000)
    assert (changed.max_active, changed.max_bytes_per_s, changed.connections) == (1, 20_000, 16)
    found = until(client, lambda found: active(found) == ids[:1])
    assert [item.state for item in found[1:]] == [DownloadState.QUEUED] * 3, "they step back, in their order"
    assert [item.id for item in found] == ids
    daemon.stop()
    daemon.start()
    again = client.limits()
    assert (again.max_active, again.max_bytes_per_s) == (1, 20_000)
    assert again.sources == changed.sources
    assert again.sources["max_active"] == "saved" and again.sources["connections"] == "default"
    value = client.config().values["downloads.max_active"]
    assert (value.value, value.source) == (1, "saved")
    removed = client.change_limits(max_bytes_per_s=None)
    assert (removed.max_bytes_per_s, removed.max_active) == (None, 1)


def test_what_is_put_back_keeps_its_bytes(daemon: RunningDaemon) -> None:
    client = daemon.client
    ids = queued(client, 2)
    until(client, lambda found: all(item.progress.done_bytes > 20_000 for item in found))
    client.change_limits(max_active=1)
    first, second = until(client, lambda found: active(found) == ids[:1])
    assert second.state is DownloadState.QUEUED
    assert second.progress.done_bytes > 20_000 and second.held_bytes > 20_000
    client.cancel_download(first.id)
    going_on = until(client, lambda found: active(found) == ids[1:])[0]
    assert going_on.progress.done_bytes >= second.progress.done_bytes


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"max_active": 0}, "/max_active"),
        ({"max_active": 17}, "/max_active"),
        ({"max_active": None}, "/max_active"),
        ({"connections": 33}, "/connections"),
        ({"max_bytes_per_s": 10_239}, "/max_bytes_per_s"),
        ({"schedule": "at night"}, "/schedule"),
        ({"schedule": "06:00-06:00"}, "/schedule"),
        ({"max_speed": 1}, "/max_speed"),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(
    shared: RunningDaemon, change: dict[str, object], pointer: str
) -> None:
    before = shared.client.limits()
    with pytest.raises(InvalidRequest) as refusal:
        patch(shared.client, change)
    assert [error.pointer for error in refusal.value.problem.errors] == [pointer]
    assert shared.client.limits() == before


def patch(client: Client, change: dict[str, object]) -> None:
    from modelhub_client.call import Call, api

    client.run(
        Call(method="PATCH", target=api("/downloads/limits"), answer=str, body=json.dumps(change).encode())
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """One whose environment and command line decide something."""
    with running_daemon(
        tmp_path_factory.mktemp("decided") / "home",
        {"MODELHUB_DOWNLOADS_MAX_BYTES_PER_S": "5000000"},
        "--set",
        "downloads.connections=8",
    ) as running:
        yield running


def test_who_decides_elsewhere_is_named_and_nothing_is_changed(shared: RunningDaemon) -> None:
    client = shared.client
    found = client.limits()
    assert set(found.fixed) == {"max_bytes_per_s", "connections"}
    assert (found.sources["max_bytes_per_s"], found.sources["connections"]) == ("environment", "argument")
    with pytest.raises(Conflict, match="MODELHUB_DOWNLOADS_MAX_BYTES_PER_S") as refusal:
        client.change_limits(max_bytes_per_s=None, max_active=5)
    assert refusal.value.code == "decided_elsewhere"
    assert [error.pointer for error in refusal.value.problem.errors] == ["/max_bytes_per_s"]
    with pytest.raises(Conflict, match=r"--set downloads\.connections"):
        client.change_limits(connections=4)
    assert client.limits() == found


def test_readers_of_events_are_told_of_a_change(shared: RunningDaemon) -> None:
    events = shared.client.events(["downloads"])
    assert next(events).type == "snapshot"
    shared.client.change_limits(max_active=4)
    told = next(event for event in events if event.type == "download.limits")
    assert told.data == shared.client.limits()
    events.close()


def test_a_download_has_a_limit_of_its_own(daemon: RunningDaemon) -> None:
    client = daemon.client
    made = client.create_download("acme/m1", force=True, max_bytes_per_s=20_000)
    assert made.max_bytes_per_s == 20_000
    assert client.change_download(made.id, priority=1).max_bytes_per_s == 20_000, "absent leaves it"
    assert client.change_download(made.id, max_bytes_per_s=30_000).priority == 1
    daemon.stop()
    daemon.start()
    assert client.download(made.id).max_bytes_per_s == 30_000
    assert client.change_download(made.id, max_bytes_per_s=None).max_bytes_per_s is None
    with pytest.raises(InvalidRequest):
        client.change_download(made.id, max_bytes_per_s=10)
    with pytest.raises(InvalidRequest):
        client.create_download("acme/m2", force=True, max_bytes_per_s=10)
    client.cancel_download(made.id)
    with pytest.raises(Conflict):
        client.change_download(made.id, max_bytes_per_s=20_000)
