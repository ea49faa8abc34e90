"""A daemon with a llama-server that answers at once, and real models in two versions at an origin."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import World, a_world, option, until
from tests.fakes.llama_server import install
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import write_chat

NAMES = ("one", "two", "three", "four", "five")


@pytest.fixture(scope="session")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`one.gguf`, `two.gguf` and `three.gguf`, each with bytes of its own."""
    folder = tmp_path_factory.mktemp("origin")
    write_chat(folder / "one.gguf")
    write_chat(folder / "two.gguf", seed=2)
    write_chat(folder / "three.gguf", quantization="q8_0")
    write_chat(folder / "four.gguf", seed=4)
    write_chat(folder / "five.gguf", seed=5)
    return folder


@pytest.fixture(scope="session")
def origin(model_files: Path) -> Iterator[Origin]:
    with Origin("--directory", str(model_files)) as running:
        yield running


@dataclass(frozen=True)
class Updating(World):
    files: Path

    def file(self, name: str) -> dict[str, Any]:
        """What an entry says of `<name>.gguf`."""
        data = (self.files / f"{name}.gguf").read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        return {
            "name": "model.gguf", "size_bytes": len(data), "sha256": digest,
            "urls": [f"{self.origin.url}/{name}.gguf"],
        }  # fmt: skip

    def offer(self, model: str, version: int, file: str, option_id: str = "gguf-q4", **rest: Any) -> None:
        """Have the catalog serve this version of it and no other."""
        notes = [{"version": number, "notes": f"what {number} brings"} for number in range(version, 0, -1)]
        entry = {
            "id": model, "version": version, "versions": notes,
            "options": [option(option_id, self.file(file))],
        }  # fmt: skip
        self.list_locally(entry | rest, file=model.replace("/", "-"))

    def have(self, model: str, version: int, file: str, **rest: Any) -> str:
        """Library id of it once it is installed."""
        self.offer(model, version, file, **rest)
        self.download(model, until="completed")
        return str(self.active(model)["id"])

    def active(self, model: str) -> Any:
        """The artifact that the bare model id means."""
        items = self.get("/library", q=model, limit=200)["items"]
        (found,) = [item for item in items if item["model"] == model and item["active"]]
        return found

    def update(self, model: str, *headers: tuple[str, str]) -> Any:
        """The one update of the model, or None."""
        items = self.ask("GET", "/updates", None, *headers, q=model, limit=200).json["items"]
        found = [item for item in items if item["model"] == model]
        assert len(found) <= 1, found
        return found[0] if found else None

    def apply(self, *ids: str, **rest: Any) -> Any:
        return self.post("/updates/apply", {"ids": ids} | rest, status=202)

    def applied(self, library_id: str, **rest: Any) -> Any:
        """The active artifact once this update is applied."""
        (update,) = self.apply(library_id, **rest)["applied"]
        if update["download"]:
            self.reached(update["download"], "completed")
        until(lambda: self.active(update["model"]), lambda one: one["version"] == update["version"])
        return self.active(update["model"])

    def load(self, what: str, **rest: Any) -> Any:
        """The server once it is ready."""
        return self.post("/servers", {"library_id": what} | rest, wait="ready")

    def running(self, model: str) -> list[Any]:
        items = self.get("/servers", limit=200)["items"]
        return [one for one in items if one["model"] == model and one["state"] == "ready"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, origin: Origin, model_files: Path) -> Iterator[Updating]:
    folder = tmp_path_factory.mktemp("updates")
    binary = str(install(folder / "bin"))
    with a_world(folder / "home", origin, MODELHUB_LLAMA_BINARY=binary) as running:
        yield Updating(running.daemon, running.origin, model_files)
