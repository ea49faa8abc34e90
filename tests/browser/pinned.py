"""A daemon with newer versions of what it has, which policies, programs or the catalog hold back."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser.models import entry, offer
from tests.browser.showcase import until
from tests.browser.world import have
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import write_chat
from tests.running import RunningDaemon, free_port, running_daemon

FREE, ALSO, PINNED, BEHIND, POLICED, SWAPPED = (
    "testing/free",
    "testing/also",
    "testing/pinned",
    "testing/behind",
    "other/policed",
    "testing/swapped",
)
LATER, NEVER = "testing/later", "testing/never"
"""Not installed: one has an older version for the programs here, the other has none."""
TOO_NEW = {"llama_server": ">=999999"}
NOTES = "What version 2 brings."
ADMINISTRATOR = 'lock = ["load.threads"]\n[load]\nthreads = 2\n'


@dataclass(frozen=True)
class Pinned:
    """`batch` is what the environment says for loads, `ctx` what the entry of SWAPPED recommends."""

    daemon: RunningDaemon
    origin: str
    files: Path
    batch: int = 256
    ctx: int = 512

    def entry(self, model: str, version: int, **rest: Any) -> dict[str, Any]:
        """An entry of this version, whose file has bytes of its own."""
        publisher, name = model.split("/")
        path = self.files / f"{name}-{version}.gguf"
        if not path.exists():
            write_chat(path, seed=sum(model.encode()) * 10 + version)
        return entry(self.origin, path, name, f"Version {version}.", publisher=publisher.title()) | {
            "version": version,
            **rest,
        }

    def have(self, *models: str) -> None:
        """Version 1 of each is installed."""
        self.serve(*(self.entry(model, 1) for model in models))
        for model in models:
            have(self.daemon.client, model)

    def serve(self, *entries: dict[str, Any]) -> None:
        offer(self.daemon.home, *entries)
        self.daemon.client.sync_catalog(wait=True)

    def version_of(self, model: str) -> int:
        """Of its active artifact."""
        found = self.daemon.client.library().items
        return next(item.version for item in found if item.model == model and item.active)


@contextlib.contextmanager
def pinned(home: Path) -> Iterator[Pinned]:
    """The daemon, on a machine whose administrator has locked `load.threads`."""
    files = home.parent / "origin"
    files.mkdir()
    (home / "config").mkdir(parents=True)
    (home / "config/administrator.toml").write_text(ADMINISTRATOR)
    with Origin("--directory", str(files)) as origin:
        settings = {
            "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url,
            "MODELHUB_SERVER_PORT": str(free_port()),
            "MODELHUB_LOAD_BATCH": str(Pinned.batch),
        }
        with running_daemon(home, settings, kind=_Administered) as daemon:
            found = Pinned(daemon, origin.url, files)
            found.have(FREE, ALSO, PINNED, BEHIND, POLICED, SWAPPED)
            notes = [{"version": 2, "notes": NOTES}, {"version": 1}]
            found.serve(
                *(found.entry(model, 2, versions=notes) for model in (FREE, ALSO, POLICED)),
                found.entry(PINNED, 2, requires={"app": {"editor": ">=2"}}),
                found.entry(BEHIND, 3, requires=TOO_NEW, older=[found.entry(BEHIND, 2)]),
                found.entry(SWAPPED, 2, settings={"ctx": found.ctx}) | {"version": 1},
                found.entry(LATER, 2, requires=TOO_NEW, older=[found.entry(LATER, 1)], **ABOUT),
                found.entry(NEVER, 1, requires=TOO_NEW),
            )
            daemon.client.change_policy(allowed_publishers=["testing"])
            until(lambda: len(daemon.client.updates().items) == 6)
            yield found


ABOUT: dict[str, Any] = {
    "active_parameters": 500_000,
    "license": {"spdx": "CC0-1.0", "url": "https://example.org/licence", "commercial": False},
    "tags": ["striped", "small"],
    "architecture": {"family": "llama", "n_layers": 2},
    "base_model": "testing/ancestor",
    "homepage": "https://example.org/later",
    "hardware": {"min_ram_bytes": 1_000_000, "recommended_ram_bytes": 2_000_000_000},
    "published_by": "somebody",
    "published_at": "2026-11-20T09:00:00.000Z",
    "versions": [
        {
            "version": 2,
            "notes": NOTES,
            "published_at": "2026-11-20T09:00:00.000Z",
            "published_by": "somebody",
        },
        {"version": 1, "notes": "First version."},
    ],
}
"""What an entry may say of a model beyond what every entry says."""


class _Administered(RunningDaemon):
    program = "tests.fakes.administered"
