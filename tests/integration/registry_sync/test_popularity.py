"""Counters: read from the registry, and what the machine adds to them."""

import json
import time
from collections.abc import Iterator

import pytest

from modelhub_client import Conflict, NotFound, NotPermitted
from modelhubd.wire.downloads import DownloadState
from tests.fakes.origin import Origin, sha256
from tests.fakes.tuf_registry import TufRegistry, entry
from tests.integration.registry_sync.conftest import Machine
from tests.running import RunningDaemon

SIZE = 4000


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as running:
        yield running


def offered(origin: Origin, ident: str) -> dict[str, object]:
    """A model that can really be had."""
    path = f"/{ident}.gguf"
    origin.serve(path, SIZE, seed=1, prefix="GGUF")
    file = {"name": "a.gguf", "size_bytes": SIZE, "urls": [origin.url + path]}
    return entry(ident, options=[{"id": "gguf-q4", "format": "gguf", "files": [file]}])


def installed(machine: Machine, model: str) -> None:
    download = machine.client.create_download(model, force=True)
    ended = machine.until(lambda client: (found := client.download(download.id)).state.ended and found)
    assert ended.state is DownloadState.COMPLETED, ended.error


def told(registry: TufRegistry) -> list[str]:
    return [asked.path for asked in registry.requests("/downloads") if asked.status == 202]


def test_counters_are_shown_and_sorted_by(registry: TufRegistry, machine: Machine) -> None:
    registry.contents.entries = [entry(f"lab/{name}") for name in "abc"]
    registry.counters = {
        "lab/b": {"downloads": 7, "stars": 2}, "lab/c": {"downloads": 90, "stars": 0},
        "Not An Id": {"downloads": 1, "stars": 1}, "lab/unknown": {"downloads": 9, "stars": 9},
        "lab/a": {"downloads": -5, "stars": 0},
    }  # fmt: skip
    registry.release()
    machine.start()
    machine.synced()
    found = machine.client.search(sort="downloads").items
    assert [(item.id, item.counters.downloads) for item in found] == [
        ("lab/c", 90),
        ("lab/b", 7),
        ("lab/a", 0),
    ]
    assert machine.client.model("lab/b").counters.stars == 2
    registry.counters["lab/a"] = {"downloads": 1000, "stars": 0}
    machine.synced()
    assert machine.client.search(sort="downloads").items[0].id == "lab/a"
    machine.stop()
    with registry.away():
        machine.start()
        assert machine.client.model("lab/a").counters.downloads == 1000


@pytest.mark.parametrize("kind", ["html", "500", "401", "endless", "cut"])
def test_counters_that_cannot_be_had_are_no_failure(spoilt: TufRegistry, witness: Machine, kind: str) -> None:
    spoilt.counters = {"lab/one": {"downloads": 7, "stars": 0}}
    spoilt.release()
    spoilt.misbehave(kind, "popularity")
    assert witness.synced().last_error is None
    assert witness.client.model("lab/one").counters.downloads == 0
    spoilt.behave()
    assert witness.synced().last_error is None
    assert witness.client.model("lab/one").counters.downloads == 7
    spoilt.counters = {}
    witness.synced()


def test_a_star_is_passed_on_and_twice_is_once(spoilt: TufRegistry, witness: Machine) -> None:
    for _ in range(2):
        witness.client.star("lab/one")
        assert spoilt.stars == {"lab/one"}
    for _ in range(2):
        witness.client.unstar("lab/one")
        assert spoilt.stars == set()


def test_a_star_that_cannot_be_is_refused_with_the_reason(
    spoilt: TufRegistry, witness: Machine, shared: RunningDaemon
) -> None:
    with pytest.raises(Conflict, match="none is set"):
        shared.client.star("qwen/qwen3-8b")
    spoilt.asked.clear()
    with pytest.raises(NotFound):
        witness.client.star("me/not-there")
    assert spoilt.asked == [], "what the registry does not serve is not told to it"
    spoilt.misbehave("401", "/star")
    with pytest.raises(NotPermitted, match="token"):
        witness.client.star("lab/one")
    spoilt.misbehave("404", "/star")
    with pytest.raises(NotFound):
        witness.client.star("lab/one")
    spoilt.behave()


def test_an_install_is_counted_at_the_registry_once_it_can_be_reached_and_never_waits_for_it(
    registry: TufRegistry, machine: Machine, origin: Origin
) -> None:
    registry.contents.entries = [offered(origin, "lab/one"), offered(origin, "lab/two")]
    registry.release()
    machine.environ["MODELHUB_DOWNLOADS_ALLOW_ORIGINS"] = origin.url
    machine.start()
    machine.synced()
    installed(machine, "lab/one")
    machine.until(lambda _: told(registry) == ["/api/v1/models/lab/one/downloads"])
    registry.misbehave("silent", "/downloads")
    installed(machine, "lab/two")
    machine.kill()
    registry.behave()
    machine.start()
    machine.until(lambda _: "/api/v1/models/lab/two/downloads" in told(registry))
    keys = {asked.fields["idempotency-key"] for asked in registry.requests("lab/two/downloads")}
    assert len(keys) == 1, "every try has the same key"
    assert registry.counters["lab/one"]["downloads"] == 1


def test_the_registry_hears_nothing_of_models_that_are_not_its_own(
    registry: TufRegistry, machine: Machine, origin: Origin
) -> None:
    registry.release()
    folder = machine.home / "config/catalog.d"
    folder.mkdir(parents=True)
    (folder / "mine.json").write_text(json.dumps(offered(origin, "me/own")))
    machine.environ["MODELHUB_DOWNLOADS_ALLOW_ORIGINS"] = origin.url
    machine.environ["MODELHUB_POLICY_LOCAL_ENTRIES"] = "true"
    machine.start()
    machine.synced()
    installed(machine, "me/own")
    machine.synced()
    time.sleep(0.3)
    assert not registry.requests("me/own")
    assert sha256(1, SIZE)


def test_an_installed_model_that_was_withdrawn_is_marked(
    registry: TufRegistry, machine: Machine, origin: Origin
) -> None:
    registry.contents.entries.append(offered(origin, "lab/two"))
    registry.release()
    machine.environ["MODELHUB_DOWNLOADS_ALLOW_ORIGINS"] = origin.url
    machine.start()
    machine.synced()
    installed(machine, "lab/two")
    (artifact,) = machine.client.library().items
    assert artifact.withdrawn is None
    registry.contents.entries.pop()
    registry.contents.tombstones = [
        {"id": "lab/two", "withdrawn_at": "2026-01-01T00:00:00Z", "reason": "It leaks."}
    ]
    registry.release()
    machine.synced()
    (artifact,) = machine.client.library().items
    assert artifact.withdrawn == "It leaks."
    assert machine.client.artifact(artifact.id).withdrawn == "It leaks."
