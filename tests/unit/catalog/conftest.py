"""A catalog on a real database, with entries that the test writes."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from modelhubd.catalog import sync
from modelhubd.catalog.service import Catalog
from modelhubd.events import Bus
from modelhubd.storage.database import Database
from modelhubd.wire.device import Device
from tests.unit.catalog.samples import device, entry_json, file_json, option_json

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEYS = frozenset[tuple[str, int, str]]


def option(quantization: str, size_bytes: int, **more: Any) -> dict[str, Any]:
    return option_json(
        f"gguf-{quantization.lower()}",
        quantization=quantization,
        size_bytes=size_bytes,
        files=[file_json(f"{quantization}.gguf", size_bytes=size_bytes)],
        **more,
    )


FLOOR = [
    entry_json(
        "qwen/qwen3-8b", display_name="Qwen3 8B", publisher="Qwen", parameters=8_000_000_000,
        description="A general assistant.", capabilities=["chat", "tools"], tags=["general"],
        license={"spdx": "Apache-2.0"}, published_at="2025-04-28T00:00:00Z",
        options=[option("Q4_K_M", 5_000_000_000), option("Q8_0", 8_700_000_000)],
    ),
    entry_json(
        "qwen/qwen3-70b", display_name="Qwen3 70B", publisher="Qwen", parameters=70_000_000_000,
        capabilities=["chat"], tags=["large"], license={"spdx": "Apache-2.0"},
        options=[option("Q4_K_M", 42 * 10**9)],
    ),
    entry_json(
        "meta/llama-3b", display_name="Llama 3B", publisher="Meta", parameters=3_000_000_000,
        description="Small. Not related to qwen3.", capabilities=["chat"], tags=["Edge"],
        license={"name": "Llama Community"}, published_at="2024-09-25T00:00:00Z", version=2,
        versions=[{"version": 1, "published_at": "2024-01-01T00:00:00Z"}],
        options=[option("Q4_K_M", 2_000_000_000)],
    ),
    entry_json(
        "apple/mlx-only", display_name="MLX Only", publisher="Apple", capabilities=["vision"],
        options=[
            option_json("mlx-4bit", format="mlx", size_bytes=10**9, files=[file_json("model.safetensors")])
        ],
    ),
]  # fmt: skip


class Shelf:
    """A catalog, and what it is told of the world."""

    def __init__(self, catalog: Catalog, bus: Bus, local: Path) -> None:
        self.catalog = catalog
        self.bus = bus
        self.local = local
        self.device: Device = device(16)
        self.installed: KEYS = frozenset()
        self.now = NOW

    def write(self, name: str, *entries: Any) -> None:
        (self.local / name).write_text(json.dumps(entries))


@pytest.fixture
def floor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program carries these four entries instead of its own."""
    data = json.dumps({"schema": 1, "models": FLOOR}).encode()
    monkeypatch.setattr(sync, "floor_bytes", lambda: data)


@pytest.fixture
async def shelf(tmp_path: Path, floor: None) -> AsyncIterator[Shelf]:
    local = tmp_path / "catalog.d"
    local.mkdir()
    async with Database.open(tmp_path / "test.db") as database:
        yield make_shelf(database, local)


def make_shelf(database: Database, local: Path, *, local_entries: bool = True) -> Shelf:
    bus = Bus("0123abcd")

    async def installed() -> KEYS:
        return made.installed

    catalog = Catalog(
        database,
        bus,
        local_dir=local,
        local_entries=lambda: local_entries,
        device=lambda: made.device,
        installed=installed,
        clock=lambda: made.now,
    )
    made = Shelf(catalog, bus, local)
    return made
