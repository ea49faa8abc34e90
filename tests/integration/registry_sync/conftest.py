"""A daemon beside a registry that does as it is told."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelhub_client import Client
from modelhubd.wire.catalog import CatalogInfo
from tests.fakes.tuf_registry import TufRegistry, entry
from tests.running import RunningDaemon

TOKEN = "mhr_reader_secret"


class Machine(RunningDaemon):
    """A machine that is set up for a registry; `start` it when the registry is as it should be found."""

    def __init__(self, home: Path, registry: TufRegistry, **settings: str) -> None:
        self.registry = registry
        self.root = home.parent / "trusted" / "root.json"
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self.root.write_bytes(registry.trusted_root)
        super().__init__(
            home,
            {
                "MODELHUB_CATALOG_REGISTRY_URL": registry.url,
                "MODELHUB_CATALOG_REGISTRY_ROOT": str(self.root),
                "MODELHUB_MODELS_RESERVE_BYTES": "0",
            }
            | settings,
        )

    def give_token(self, token: str = TOKEN) -> None:
        folder = self.home / "config"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "tokens.toml"
        path.write_text(f"{json.dumps(self.registry.url)} = {json.dumps(token)}\n")
        path.chmod(0o600)

    def synced(self) -> CatalogInfo:
        """What the catalog says after a look at the registry."""
        return self.client.sync_catalog(wait=True)

    def models(self) -> set[str]:
        return {item.id for item in self.client.search(limit=200).items}

    def until(self, fits: Any, within_s: float = 30) -> Any:
        """What `fits` answers once that is true."""
        limit = time.monotonic() + within_s
        while not (found := fits(self.client)):
            assert time.monotonic() < limit, self.log_file.read_text()[-3000:]
            time.sleep(0.02)
        return found


@pytest.fixture
def registry() -> Iterator[TufRegistry]:
    with TufRegistry(token=TOKEN) as running:
        yield running


@pytest.fixture(scope="module")
def spoilt() -> Iterator[TufRegistry]:
    """A registry for many tests, each of which leaves it as it should be."""
    with TufRegistry(token=TOKEN) as running:
        running.release()
        running.contents.entries = [entry("lab/one"), entry("lab/two")]
        running.release()
        yield running


@pytest.fixture(scope="module")
def witness(spoilt: TufRegistry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine that has taken what `spoilt` served first."""
    made = Machine(tmp_path_factory.mktemp("witness") / "home", spoilt)
    made.give_token()
    made.start()
    try:
        made.synced()
        yield made
    finally:
        made.stop()


@pytest.fixture
def machine(home: Path, registry: TufRegistry) -> Iterator[Machine]:
    """Not started yet; it has a token."""
    made = Machine(home, registry)
    made.give_token()
    try:
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.stop()


@pytest.fixture
def client(machine: Machine) -> Client:
    return machine.client
