from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.tiny_gguf import write_chat, write_embedding
from tests.integration.imports.world import World, world_in


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def chat(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real GGUF file, of a model with a chat template."""
    return write_chat(tmp_path_factory.mktemp("gguf") / "chat.gguf").read_bytes()


@pytest.fixture(scope="session")
def embedding(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_embedding(tmp_path_factory.mktemp("gguf") / "embedding.gguf").read_bytes()
