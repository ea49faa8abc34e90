"""A real daemon with a catalog of its own and a real origin, as a program that calls the API sees them."""

import contextlib
import hashlib
import json
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tests.fakes.origin import Origin, Step, sha256
from tests.raw import Answer, over_socket
from tests.running import RunningDaemon, running_daemon

API = "/api/v1"
PROBLEM_FIELDS = {"type", "title", "status", "detail", "code", "errors", "retry_after_s"}
SIZE = 40_000


@dataclass(frozen=True)
class World:
    daemon: RunningDaemon
    origin: Origin

    def ask(
        self, method: str, path: str, body: Any = None, *headers: tuple[str, str], **query: Any
    ) -> Answer:
        """One request below /api/v1 over the Unix socket. `body` is sent as JSON, or as it is if bytes."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        asked = f"?{urlencode(query, doseq=True)}" if query else ""
        return over_socket(self.daemon.socket, method, f"{API}{path}{asked}", content, *headers)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer of a GET that must be 200."""
        return checked(self.ask("GET", path, **query), 200)

    def post(self, path: str, body: Any = None, *, status: int = 200, **query: Any) -> Any:
        """The JSON answer of a POST that must have this status."""
        return checked(self.ask("POST", path, body, **query), status)

    def refused(self, method: str, path: str, status: int, body: Any = None, **query: Any) -> Any:
        """The problem of a request that must be refused with this status."""
        return problem(self.ask(method, path, body, **query), status)

    def walk(self, path: str, limit: int, **query: Any) -> list[Any]:
        """Every item of a list, page by page; that the pages keep to the conventions is checked."""
        items: list[Any] = []
        after: dict[str, str] = {}
        while True:
            page = self.get(path, limit=limit, **query, **after)
            assert {"items", "next", "total"} <= page.keys()
            assert len(page["items"]) <= limit
            items += page["items"]
            if page["next"] is None:
                assert len(items) == page["total"]
                return items
            assert len(page["items"]) == limit, "only the last page may be short"
            after = {"after": page["next"]}

    def list_locally(self, *entries: Mapping[str, Any], file: str = "entries") -> None:
        """Have the catalog know these entries and no others of this file."""
        folder = self.daemon.home / "config/catalog.d"
        (folder / f"{file}.json").write_text(json.dumps(entries))
        answer = self.post("/catalog/sync", status=202)
        assert not [fault for fault in answer["faults"] if fault["file"] == f"{file}.json"], answer["faults"]

    def serve(
        self, name: str, *steps: Step, size: int = SIZE, seed: int | None = None, **rest: Any
    ) -> dict[str, Any]:
        """A file at the origin; answers what a catalog entry says of it. Each name has bytes of its own: what
        is installed already is not fetched."""
        seed = zlib.crc32(name.encode()) if seed is None else seed
        url = self.origin.serve(f"/{name}", size, *steps, seed=seed, **rest)
        return {"name": name, "size_bytes": size, "sha256": sha256(seed, size), "urls": [url]}

    def download(self, model: str, *, until: str | None = None, **fields: Any) -> Any:
        """Enqueue; the Download once it has reached the state."""
        made = self.post("/downloads", {"model": model, "force": True} | fields, status=201)
        return made if until is None else self.reached(made["id"], until)

    def reached(self, download_id: str, *states: str) -> Any:
        """The Download once it has one of these states."""
        return until(lambda: self.get(f"/downloads/{download_id}"), lambda found: found["state"] in states)


def checked(answer: Answer, status: int) -> Any:
    """The JSON of an answer that must have this status."""
    assert answer.status == status, answer.body.decode()
    assert answer.headers["content-type"].startswith("application/json")
    return answer.json


def problem(answer: Answer, status: int) -> Any:
    """An answer that must be an RFC 9457 problem of this status, with everything a problem has."""
    assert answer.status == status, answer.body.decode()
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.headers
    found = answer.json
    assert found.keys() >= PROBLEM_FIELDS
    assert found["status"] == status
    assert found["type"] == f"urn:modelhub:problem:{found['code']}"
    assert found["title"] and found["detail"] and found["code"]
    assert all(error.keys() == {"pointer", "detail"} for error in found["errors"])
    return found


def until(look: Callable[[], Any], holds: Callable[[Any], bool], within_s: float = 60.0) -> Any:
    """What `look` finds once it `holds`; looks every 10 ms."""
    limit = time.monotonic() + within_s
    while not holds(found := look()):
        assert time.monotonic() < limit, f"it did not come to that: {found}"
        time.sleep(0.01)
    return found


def entry(model: str, *files: Mapping[str, Any], **rest: Any) -> dict[str, Any]:
    """A catalog entry with one GGUF option of these files."""
    return {"id": model, "options": [option("gguf-q4", *files)]} | rest


def option(name: str, *files: Mapping[str, Any], **rest: Any) -> dict[str, Any]:
    return {"id": name, "format": "gguf", "quantization": "Q4_K_M", "files": list(files)} | rest


def local_file(path: Path, origin: Origin) -> dict[str, Any]:
    """What a catalog entry says of a real file in the origin's folder."""
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return {
        "name": path.name, "size_bytes": len(data), "sha256": digest, "urls": [f"{origin.url}/{path.name}"],
    }  # fmt: skip


def segment(text: str) -> str:
    """A path segment that stands for any text."""
    return quote(text, safe="")


@contextlib.contextmanager
def a_world(home: Path, origin: Origin, *arguments: str, **settings: str) -> Iterator[World]:
    """A daemon in `home` that may download from `origin`."""
    environ = {"MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url, "MODELHUB_MODELS_RESERVE_BYTES": "0"}
    with running_daemon(home, environ | settings, *arguments) as daemon:
        yield World(daemon, origin)
