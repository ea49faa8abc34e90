"""How long a sync with a registry takes, what it moves, and what searches notice of it:
`python -m tests.benchmarks.bench_sync [--models N,N]`.

A real daemon beside a registry in this process, first empty, then with nothing new, then with one model
changed; searches go on meanwhile, each timed.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from modelhub_client import Client
from tests.benchmarks.bench_catalog import synthetic_entries
from tests.benchmarks.figures import percentile, table
from tests.fakes.tuf_registry import TufRegistry
from tests.running import running_daemon

QUESTIONS = ("qwen", "llama 3", "coder", "medicine", "gguf q4", "vision tools", "a")


class Searching:
    """Searches one after the other while the context lasts; `took_s` has the seconds of each."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._search)
        self.took_s: list[float] = []

    def __enter__(self) -> "Searching":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _search(self) -> None:
        while not self._over.is_set():
            for question in QUESTIONS:
                began = time.perf_counter()
                self._client.search(question)
                self.took_s.append(time.perf_counter() - began)


def measured(models: int) -> list[tuple[str, ...]]:
    """Rows: what kind of sync, seconds, bytes moved, median and 99th percentile of searches meanwhile."""
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as folder, TufRegistry() as registry:
        home, root = Path(folder) / "home", Path(folder) / "root.json"
        root.write_bytes(registry.trusted_root)
        entries = [msgspec.to_builtins(entry) for entry in synthetic_entries(models)]
        registry.contents.entries = entries
        registry.release()
        registry.misbehave("503", "tuf")
        settings = {
            "MODELHUB_CATALOG_REGISTRY_URL": registry.url,
            "MODELHUB_CATALOG_REGISTRY_ROOT": str(root),
        }
        with running_daemon(home, settings) as daemon:
            daemon.client.sync_catalog(wait=True)
            registry.behave()
            for kind in ("first", "nothing new", "one model changed"):
                if kind == "one model changed":
                    entries[0]["description"] = "Changed."
                    registry.release()
                registry.asked.clear()
                with Searching(daemon.client) as searching:
                    began = time.perf_counter()
                    info = daemon.client.sync_catalog(wait=True)
                    if info.last_error is not None:  # it was one that had begun before
                        began = time.perf_counter()
                        info = daemon.client.sync_catalog(wait=True)
                    took_s = time.perf_counter() - began
                assert info.last_error is None, info.last_error
                moved = sum(asked.sent + asked.received for asked in registry.asked)
                searches = sorted(searching.took_s)
                rows.append(
                    (
                        f"{models}", kind, f"{took_s:.2f}", f"{moved}",
                        f"{percentile(searches, 0.5) * 1000:.1f}", f"{percentile(searches, 0.99) * 1000:.1f}",
                    )
                )  # fmt: skip
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default="2000,20000", help="how many, separated by commas")
    counts = [int(text) for text in parser.parse_args(arguments).models.split(",")]
    rows = [row for count in counts for row in measured(count)]
    print(table("Sync with a registry", ("models", "sync", "s", "bytes", "search ms p50", "p99"), rows))


if __name__ == "__main__":
    main()
