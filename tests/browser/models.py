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


@contextlib.contextmanager
def known_models(home: Path) -> Iterator[dict[str, str]]:
    """Settings of a daemon in `home`, with entries whose files come slowly from an origin of ours."""
    files = home.parent / "origin"
    files.mkdir()
    (home / "config/catalog.d").mkdir(parents=True)
    with Origin("--directory", str(files), "--rate", str(SLOW_BYTES_PER_S)) as origin:
        entries = [_entry(origin.url, files, name, seed) for seed, name in enumerate(("alpha", "beta"))]
        entries.append(_unreachable(entries[0]))
        (home / "config/catalog.d/test.json").write_text(json.dumps(entries))
        yield {
            "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url,
            "MODELHUB_SERVER_PORT": str(free_port()),
        }


def _entry(url: str, files: Path, name: str, seed: int) -> dict[str, Any]:
    path = write_chat(files / f"{name}.gguf", seed=seed)
    size = path.stat().st_size
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = {"name": path.name, "size_bytes": size, "sha256": digest, "urls": [f"{url}/{path.name}"]}
    huge = file | {"size_bytes": HUGE_BYTES}
    return {
        "id": f"testing/zebra-{name}",
        "display_name": f"Zebra {name.title()}",
        "publisher": "Testing",
        "description": HOSTILE,
        "capabilities": ["chat"],
        "license": {"spdx": "CC0-1.0"},
        "parameters": 1_000_000,
        "context_length": 4096,
        "options": [
            {"id": "gguf-f16", "format": "gguf", "quantization": "F16", "size_bytes": size, "files": [file]},
            {"id": "gguf-huge", "format": "gguf", "size_bytes": HUGE_BYTES, "files": [huge]},
        ],
    }


def _unreachable(entry: dict[str, Any]) -> dict[str, Any]:
    """A like entry whose origin has a name that nobody has: its download waits."""
    (option, *_) = entry["options"]
    file = option["files"][0] | {"urls": ["https://an-origin-that-is-away.invalid/absent.gguf"]}
    names = {"id": "testing/absent", "display_name": "Absent"}
    return entry | names | {"options": [option | {"files": [file]}]}
