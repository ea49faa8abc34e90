"""A daemon with the built-in server, and models that answer differently."""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import World, a_world, option
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import write_chat, write_embedding
from tests.raw import over_socket

NEW_ANSWER = ("Greetings", " to", " you", " my", " friend", "!")
SMALL = {"ctx": 512, "threads": 1}


@dataclass(frozen=True)
class Trying(World):
    files: Path

    def entry(self, model: str, version: int, file: str) -> dict[str, Any]:
        """What the catalog says of it."""
        data = (self.files / f"{file}.gguf").read_bytes()
        listed = {
            "name": "model.gguf", "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
            "urls": [f"{self.origin.url}/{file}.gguf"],
        }  # fmt: skip
        return {"id": model, "version": version, "options": [option("gguf-q4", listed)]}

    def have(self, model: str, version: int, file: str) -> str:
        """Library id of it once it is installed."""
        self.list_locally(self.entry(model, version, file), file=model.replace("/", "-"))
        self.download(model, until="completed")
        items = self.get("/library", q=model, limit=200)["items"]
        (found,) = [one for one in items if (one["model"], one["version"]) == (model, version)]
        return str(found["id"])

    def means(self, model: str) -> int:
        """The version that the bare id means."""
        items = self.get("/library", q=model, limit=200)["items"]
        (found,) = [one for one in items if one["model"] == model and one["active"]]
        return int(found["version"])

    def chat(self, model: str, words: str = "hi", **more: Any) -> Any:
        """The answer of the gateway, which must be 200."""
        asked = {
            "model": model, "messages": [{"role": "user", "content": words}], "temperature": 0,
            "max_tokens": 16,
        }  # fmt: skip
        answer = over_socket(
            self.daemon.socket, "POST", "/v1/chat/completions", json.dumps(asked | more).encode()
        )
        assert answer.status == 200, answer.body
        return answer.json if not more.get("stream") else answer.body

    def says(self, model: str, words: str = "hi") -> str:
        return str(self.chat(model, words)["choices"][0]["message"]["content"])

    def begin(self, active: str, candidate: str, **more: Any) -> Any:
        body = {"active": active, "candidate": candidate, "when": "parallel"} | more
        return self.post("/trials", body, status=201)

    def paired(self, trial: str, pairs: int) -> Any:
        """The trial once it has so many pairs and nothing waits."""
        limit = time.monotonic() + 120
        while True:
            (found,) = [one for one in self.get("/trials")["items"] if one["id"] == trial]
            if found["counts"]["pairs"] >= pairs and not found["counts"]["pending"]:
                break
            assert time.monotonic() < limit, found
            time.sleep(0.1)
        return self.get(f"/trials/{trial}")

    def end(self, trial: str) -> None:
        assert self.ask("DELETE", f"/trials/{trial}").status == 204


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_chat(folder / "old.gguf")
    write_chat(folder / "new.gguf", answer=NEW_ANSWER, seed=2)
    write_chat(folder / "thinks.gguf", thinking=True, seed=3)
    write_chat(folder / "newer.gguf", answer=NEW_ANSWER, seed=4)
    write_embedding(folder / "embeds.gguf")
    write_embedding(folder / "embeds2.gguf", seed=1)
    return folder


@pytest.fixture(scope="session")
def origin(files: Path) -> Iterator[Origin]:
    with Origin("--directory", str(files)) as running:
        yield running


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, origin: Origin, files: Path) -> Iterator[Trying]:
    settings = {"MODELHUB_LOAD_CTX": "512", "MODELHUB_UPDATES_TRIAL_FIRST": "true"}
    with a_world(tmp_path_factory.mktemp("trials") / "home", origin, **settings) as running:
        yield Trying(running.daemon, running.origin, files)
