"""Machines with models, a registry that signs, and the `modelhub` program."""

import contextlib
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from modelhubd.entries.bundles import write_manifest
from modelhubd.wire.bundles import MANIFEST
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile
from modelhubd.wire.jobs import Job
from tests import forked
from tests.fakes.tuf_registry import TufRegistry
from tests.running import RunningDaemon

T = TypeVar("T")
PROGRAM = [sys.executable, "-m", "modelhub_cli.main"]
NOW = "2026-03-01T12:00:00.000Z"


def until(look: Callable[[], T], fits: Callable[[T], object] = bool, *, within_s: float = 60) -> T:
    """What `look` answers once that fits."""
    limit = time.monotonic() + within_s
    while not fits(found := look()):
        assert time.monotonic() < limit, f"{found!r} does not fit"
        time.sleep(0.02)
    return found


def ended(machine: RunningDaemon, job: Job) -> Job:
    """The job once it has ended."""
    return until(lambda: machine.client.job(job.id), lambda found: found.state.ended)


def types(machine: RunningDaemon, *arguments: str, code: int = 0) -> str:
    """What `modelhub …` prints; its exit code is as expected."""
    done = forked.run("modelhub_cli.main", arguments, machine.environ)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout + done.stderr


def entry_of(
    model: str, files: Mapping[str, bytes], *urls: str, option: str = "gguf", version: int = 1
) -> Any:
    """An entry as a registry serves it; each file is at each of the `urls`."""
    return {
        "id": model,
        "version": version,
        "display_name": model,
        "published_by": "author",
        "options": [
            {
                "id": "gguf",
                "format": "gguf",
                "files": [
                    {
                        "name": name,
                        "size_bytes": len(content),
                        "sha256": hashlib.sha256(content).hexdigest(),
                        "urls": [f"{url}/{name}" for url in urls],
                    }
                    for name, content in files.items()
                ],
            }
        ],
    }


def write_bundle(folder: Path, models: Mapping[str, bytes], *, name: str = "kit", version: int = 1) -> Path:
    """A bundle by hand: each model has one file of these bytes."""
    entries = []
    folder.mkdir(parents=True, mode=0o755)
    for model, content in models.items():
        sha256 = hashlib.sha256(content).hexdigest()
        file = OptionFile(name="m.gguf", size_bytes=len(content), sha256=sha256)
        option = Option(id="gguf", format=Format.GGUF, size_bytes=len(content), files=(file,))
        entries.append((CatalogEntry(id=model, version=version, options=(option,)), "gguf"))
        path = folder / model / str(version) / "gguf" / "m.gguf"
        path.parent.mkdir(parents=True, mode=0o755)
        path.write_bytes(content)
    (folder / MANIFEST).write_bytes(write_manifest(name, NOW, entries))
    return folder


def registered(home: Path, registry: TufRegistry, **settings: str) -> RunningDaemon:
    """A machine that trusts the registry's root; not started yet."""
    root = home.parent / f"{home.name}-trusted" / "root.json"
    root.parent.mkdir(parents=True, exist_ok=True)
    root.write_bytes(registry.trusted_root)
    found = {
        "MODELHUB_CATALOG_REGISTRY_URL": registry.url,
        "MODELHUB_CATALOG_REGISTRY_ROOT": str(root),
        "MODELHUB_MODELS_RESERVE_BYTES": "0",
    }
    return RunningDaemon(home, found | settings)


@contextlib.contextmanager
def stopped_at_the_end(*machines: RunningDaemon) -> Iterator[None]:
    try:
        yield
    finally:
        for machine in machines:
            if machine.process is not None and machine.process.poll() is None:
                machine.stop()


def installed(machine: RunningDaemon) -> dict[str, str]:
    """Reference → source of what is in the library."""
    return {
        f"{item.model}@{item.version}:{item.option}": item.source for item in machine.client.library().items
    }


def change_manifest(folder: Path, change: Callable[[Any], None]) -> None:
    """A manifest that says something else, in the right form."""
    from modelhubd.entries.content import canonical

    document = json.loads((folder / MANIFEST).read_bytes())
    change(document)
    (folder / MANIFEST).write_bytes(canonical(document))
