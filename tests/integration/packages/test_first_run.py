"""What is downloaded once, at the first run: declared, explained, skipped, never back after its removal."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub_client import InvalidRequest
from modelhubd.wire.bundles import FirstRunItem
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import write_chat
from tests.fakes.tuf_registry import TufRegistry
from tests.integration.packages.test_sources import Administered
from tests.integration.packages.world import entry_of, registered, stopped_at_the_end, types, until
from tests.running import RunningDaemon


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chat(tmp_path_factory.mktemp("files") / "chat.gguf")


@pytest.fixture(scope="module")
def origin(chat: Path) -> Iterator[Origin]:
    with Origin("--directory", str(chat.parent)) as serving:
        yield serving


def stands(machine: RunningDaemon) -> dict[str, FirstRunItem]:
    return {item.model: item for item in machine.client.first_run().items}


def becomes(machine: RunningDaemon, model: str, state: str) -> FirstRunItem:
    found = until(lambda: stands(machine).get(model), lambda item: item is not None and item.state == state)
    assert found is not None
    return found


@pytest.mark.timeout(180)
def test_the_first_run_gets_what_is_declared_once(tmp_path: Path, origin: Origin, chat: Path) -> None:
    home = tmp_path / "home"
    for folder in ("catalog.d", "packages.d"):
        (home / "config" / folder).mkdir(parents=True)
    files = {"chat.gguf": chat.read_bytes()}
    huge = entry_of("acme/huge", files, origin.url)
    huge["options"][0]["files"][0]["size_bytes"] = 2**50
    huge["options"][0]["size_bytes"] = 2**50
    origin.serve("/slow.gguf", 50_000_000, total_rate=100_000)
    slow = entry_of("acme/slow", {"slow.gguf": b"x"}, origin.url)
    slow["options"][0]["files"][0].update(size_bytes=50_000_000, sha256=None)
    entries = [entry_of(f"acme/{name}", files, origin.url) for name in ("one", "two", "three")]
    (home / "config/catalog.d/own.json").write_text(json.dumps([*entries, huge, slow]))
    (home / "config/packages.d/desk.json").write_text(json.dumps({"first_run": ["acme/two", "acme/one"]}))
    machine = Administered(
        home,
        {
            "MODELHUB_MODELS_RESERVE_BYTES": "0",
            "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url,
            "MODELHUB_LIBRARY_FIRST_RUN": "acme/one,acme/huge,acme/unknown,acme/slow:gguf",
        },
    )
    with stopped_at_the_end(machine):
        machine.start()
        becomes(machine, "acme/one", "done")
        becomes(machine, "acme/two", "done")
        assert {item.model for item in machine.client.library().items} == {"acme/one", "acme/two"}
        found = stands(machine)
        assert {model: item.declared_by for model, item in found.items()} == {
            "acme/one": "config",
            "acme/huge": "config",
            "acme/unknown": "config",
            "acme/slow:gguf": "config",
            "acme/two": "desk.json",
        }
        assert found["acme/huge"].state == "held" and found["acme/huge"].detail
        assert found["acme/unknown"].state == "held"
        assert "no model acme/unknown" in str(found["acme/unknown"].detail)
        summary = machine.client.status().first_run
        assert (summary.waiting, summary.enqueued, summary.done, summary.skipped) == (2, 1, 2, 0)
        assert "acme/huge" in types(machine, "first-run")

        (one,) = [item for item in machine.client.library().items if item.model == "acme/one"]
        machine.client.remove(one.id)
        (home / "config/packages.d/desk.json").write_text(json.dumps({"first_run": ["acme/three"]}))
        becomes(machine, "acme/three", "done")
        machine.stop()
        machine.start()
        becomes(machine, "acme/three", "done")
        assert stands(machine)["acme/one"].state == "done"
        assert not [item for item in machine.client.library().items if item.model == "acme/one"]
        assert len(machine.client.downloads().items) == 4, "nothing is fetched twice"

        with pytest.raises(InvalidRequest):
            machine.client.skip_first_run(["acme/never"])
        types(machine, "first-run", "--skip", "acme/unknown")
        assert stands(machine)["acme/unknown"].state == "skipped"
        slow_one = stands(machine)["acme/slow:gguf"]
        assert slow_one.state == "enqueued" and slow_one.download_id is not None
        machine.client.skip_first_run()
        assert machine.client.download(slow_one.download_id).state == "cancelled"
        assert {item.state.value for item in stands(machine).values()} == {"done", "skipped"}
        assert machine.client.status().first_run.waiting == 0


@pytest.mark.timeout(180)
def test_the_registrys_template_names_models_for_the_first_run(
    tmp_path: Path, origin: Origin, chat: Path
) -> None:
    with TufRegistry() as registry:
        registry.contents.entries = [entry_of("acme/chat", {"chat.gguf": chat.read_bytes()}, origin.url)]
        registry.contents.templates = [
            {"id": "first-run", "name": "For every desk", "models": ["acme/chat"]},
            {"id": "other", "name": "Not for every desk", "models": ["acme/other"]},
        ]
        machine = registered(
            tmp_path / "home",
            registry,
            MODELHUB_DOWNLOADS_ALLOW_ORIGINS=origin.url,
            MODELHUB_LIBRARY_FIRST_RUN="google/gemma-3-1b-it",
        )
        with stopped_at_the_end(machine):
            with registry.away():
                machine.start()
                machine.client.sync_catalog(wait=True)
                (item,) = machine.client.first_run().items
                assert item.state == "pending", "the floor is nothing that the registry has approved"
                assert machine.client.downloads().items == ()
            registry.release()
            assert machine.client.sync_catalog(wait=True).last_error is None
            assert becomes(machine, "acme/chat", "done").declared_by == "registry"
            assert becomes(machine, "google/gemma-3-1b-it", "held").detail
            assert set(stands(machine)) == {"acme/chat", "google/gemma-3-1b-it"}
