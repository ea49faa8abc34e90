"""Entries of a catalog whose files an origin of ours hands out slowly."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import write_chat
from tests.running import free_port

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> & 'quotes'"
SLOW_BYTES_PER_S = 400_000
HUGE_BYTES = 50 * 10**12
FOUND = "acme/tiny/tiny-F16.gguf"
AWAY = ("absent", "away", "apart")
"""Names of models whose origin nobody has: their downloads wait."""


@contextlib.contextmanager
def known_models(home: Path) -> Iterator[dict[str, str]]:
    """Settings of a daemon in `home`, whose catalog has `testing/zebra-alpha`, `-beta`, `testing/thinker` and
    the models that are `AWAY`. Its person has LM Studio, with `FOUND` in it."""
    files = home.parent / "origin"
    files.mkdir()
    theirs = home.parent / "person/.lmstudio/models" / FOUND
    theirs.parent.mkdir(parents=True)
    write_chat(theirs, seed=40)
    with Origin("--directory", str(files), "--rate", str(SLOW_BYTES_PER_S)) as origin:
        zebras = [
            entry(origin.url, write_chat(files / f"{name}.gguf", seed=seed), f"zebra-{name}", HOSTILE)
            for seed, name in enumerate(("alpha", "beta"))
        ]
        huge = {"id": "gguf-huge", "format": "gguf", "size_bytes": HUGE_BYTES}
        for zebra in zebras:
            files_of = [zebra["options"][0]["files"][0] | {"size_bytes": HUGE_BYTES}]
            zebra["options"].append(huge | {"files": files_of})
        thinker = entry(
            origin.url, write_chat(files / "thinker.gguf", thinking=True), "thinker", "Thinks aloud."
        )
        offer(home, *zebras, thinker, *(unreachable(zebras[0], name) for name in AWAY))
        yield {
            "HOME": str(home.parent / "person"),
            "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url,
            "MODELHUB_SERVER_PORT": str(free_port()),
        }


def offer(home: Path, *entries: dict[str, Any]) -> None:
    """Have the catalog list these entries, each in a file of its own."""
    folder = home / "config" / "catalog.d"
    folder.mkdir(parents=True, exist_ok=True)
    for one in entries:
        (folder / f"{one['id'].replace('/', '-')}.json").write_text(json.dumps(one))


def offered(home: Path, model: str) -> dict[str, Any]:
    """What the catalog lists for a model now."""
    path = home / "config" / "catalog.d" / f"{model.replace('/', '-')}.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def entry(
    url: str, path: Path, name: str, description: str, *, publisher: str = "Testing", **rest: Any
) -> dict[str, Any]:
    """An entry with one option whose one file the origin at `url` serves."""
    size = path.stat().st_size
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = {"name": path.name, "size_bytes": size, "sha256": digest, "urls": [f"{url}/{path.name}"]}
    option = {"id": "gguf-f16", "format": "gguf", "quantization": "F16", "size_bytes": size, "files": [file]}
    return {
        "id": f"{publisher.lower()}/{name}",
        "display_name": name.replace("-", " ").title(),
        "publisher": publisher,
        "description": description,
        "capabilities": ["chat"],
        "license": {"spdx": "CC0-1.0"},
        "parameters": 1_000_000,
        "context_length": 4096,
        "options": [option],
    } | rest


def unreachable(like: dict[str, Any], name: str) -> dict[str, Any]:
    """A like entry with bytes of its own, whose origin has a name that nobody has."""
    option = like["options"][0]
    file = option["files"][0] | {
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "urls": [f"https://an-origin-that-is-away.invalid/{name}.gguf"],
    }
    names = {"id": f"testing/{name}", "display_name": name.title()}
    return like | names | {"options": [option | {"files": [file]}]}
