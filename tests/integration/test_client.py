"""Both clients against the real daemon, over its socket and over TCP."""

import json
import subprocess
from pathlib import Path

import pytest

from modelhub_client import AsyncClient, Client, NotFound, NotPermitted, Snapshot
from modelhub_client.events import DISCONNECTED
from tests import forked
from tests.running import RunningDaemon

ENTRY = {
    "id": "acme/away",
    "options": [
        {
            "id": "gguf",
            "format": "gguf",
            "size_bytes": 10,
            "files": [
                {
                    "name": "a.gguf",
                    "size_bytes": 10,
                    "sha256": "0" * 64,
                    "urls": ["https://models.example/a.gguf"],
                }
            ],
        }
    ],
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose catalog has a model that cannot be fetched from here."""
    local = tmp_path / "home" / "config" / "catalog.d"
    local.mkdir(parents=True)
    (local / "mine.json").write_text(json.dumps(ENTRY))
    return tmp_path / "home"


def test_every_question_without_an_effect_is_answered(daemon: RunningDaemon) -> None:
    client = daemon.client
    assert client.health().status == "ok"
    assert client.version().epoch == client.status().epoch
    assert client.state(["downloads", "catalog"]).state.downloads == ()
    assert client.device().ram_total_bytes > 0
    assert client.config().values["server.port"].source == "environment"
    found = client.search("qwen", formats=["gguf"], compatible=True, sort="size", limit=5)
    assert 0 < len(found.items) <= 5
    model = client.model(found.items[0].id)
    assert model.id == found.items[0].id
    longer = client.model(model.id, ctx=131_072)
    assert (longer.fit.needed_bytes or 0) > (model.fit.needed_bytes or 0) > 0
    assert longer.fit.assumes is not None and longer.fit.assumes.ctx == 131_072
    assert client.versions(found.items[0].id).total >= 0
    assert client.catalog_info().local_entries == 1
    assert client.sync_catalog().models > 100
    assert client.downloads(states=["queued", "failed"]).items == ()
    assert client.library(q="x", formats=["gguf"], states=["ok"]).total == 0
    assert client.servers().items == ()
    assert client.scan().added == 0
    with pytest.raises(NotFound):
        client.artifact("0" * 16)
    with pytest.raises(NotFound):
        client.model("acme/../x")


def test_a_scan_looks_at_other_tools_only_if_it_is_to(daemon: RunningDaemon, tmp_path: Path) -> None:
    theirs = tmp_path / ".lmstudio/models/acme/tiny/tiny.gguf"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"GGUF")
    daemon.stop()
    daemon.environ["HOME"] = str(tmp_path)
    daemon.start()
    stray = daemon.home / "models/stray.gguf"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(bytes(10))
    quick = daemon.client.scan(tools=False)
    assert (quick.unknown_files, quick.found) == (("stray.gguf",), 0)
    assert daemon.client.scan().found == 1
    assert daemon.client.scan(tools=False).found == 1


def test_what_is_not_installed_is_estimated_from_the_catalog(daemon: RunningDaemon) -> None:
    def show(*more: str) -> "subprocess.CompletedProcess[str]":
        return forked.run("modelhub_cli.main", ["show", "qwen/qwen3-0.6b", *more], daemon.environ)

    rows = []
    for ctx in ("2048", "32768"):
        done = show("--estimate", "--ctx", ctx)
        assert done.returncode == 0 and "is not installed" in done.stderr
        rows.append([line.split("\t") for line in done.stdout.splitlines()])
        assert rows[-1][0][4] == ctx
    told = [(int(less[2]), int(more[2])) for less, more in zip(*rows, strict=True) if less[2]]
    assert told and all(less < more for less, more in told)
    alone = show("--ctx", "5")
    assert alone.returncode == 2 and "--estimate" in alone.stderr


def test_over_tcp_the_token_is_needed(daemon: RunningDaemon) -> None:
    assert Client(url=daemon.url, token=daemon.token).version() == daemon.client.version()
    with pytest.raises(NotPermitted):
        Client(url=daemon.url, token="wrong").version()
    with pytest.raises(NotPermitted):
        Client(url=daemon.url).version()
    (daemon.home / "run" / "modelhub.sock").rename(daemon.home / "run" / "elsewhere")
    found = Client(environ=daemon.environ).version()
    (daemon.home / "run" / "elsewhere").rename(daemon.home / "run" / "modelhub.sock")
    assert found.epoch


async def test_the_async_client_asks_the_same_over_both(daemon: RunningDaemon) -> None:
    async with (
        AsyncClient(environ=daemon.environ) as local,
        AsyncClient(url=daemon.url, token=daemon.token) as remote,
    ):
        assert await local.version() == await remote.version()
        assert (await local.search("tiny", limit=1)).total > 0


def test_a_stream_goes_on_over_a_restart_without_losing_a_change(daemon: RunningDaemon) -> None:
    client = daemon.client
    stream = client.events(["downloads"])
    first = next(stream)
    assert isinstance(first.data, Snapshot)
    made = client.create_download("acme/away", force=True)
    assert next(event for event in stream if event.type == "download.created").data.id == made.id
    client.pause_download(made.id)
    daemon.stop()
    daemon.start()
    seen = []
    for event in stream:
        seen.append(event)
        if event.type == "snapshot":
            break
    assert DISCONNECTED in [event.type for event in seen]
    assert isinstance(seen[-1].data, Snapshot)
    assert seen[-1].data.reason == "restarted"
    assert [download.state.value for download in seen[-1].data.state.downloads] == ["paused"]
    stream.close()


def test_a_later_stream_begins_where_an_earlier_one_ended(daemon: RunningDaemon) -> None:
    client = daemon.client
    cursor = client.state(["downloads"]).cursor
    made = client.create_download("acme/away", force=True)
    client.cancel_download(made.id)
    events = client.events(["downloads"], cursor)
    states = []
    for event in events:
        states.append(event.data.state.value)
        if states[-1] == "cancelled":
            break
    assert event.type == "download.changed"
    assert states[0] == "queued"
    events.close()


async def test_the_async_stream_goes_on_over_a_restart(daemon: RunningDaemon) -> None:
    async with AsyncClient(environ=daemon.environ) as client:
        seen = []
        async for event in client.events(["catalog"]):
            seen.append(event.type)
            if seen == ["snapshot"]:
                daemon.stop()
                daemon.start()
            elif event.type == "snapshot":
                break
        assert DISCONNECTED in seen
