"""One origin for all contract tests; its folder holds real tiny models."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.world import World, a_world
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import write_chat, write_embedding, write_faulty


@pytest.fixture(scope="session")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with chat.gguf, embedding.gguf, corrupt.gguf, which begins as a model does, and alien.gguf,
    which is whole and of an architecture that nothing knows."""
    folder = tmp_path_factory.mktemp("origin")
    write_chat(folder / "chat.gguf")
    write_embedding(folder / "embedding.gguf")
    write_faulty(folder / "corrupt.gguf", "string_length")
    write_faulty(folder / "alien.gguf", "architecture")
    return folder


@pytest.fixture(scope="session")
def origin(model_files: Path) -> Iterator[Origin]:
    with Origin("--directory", str(model_files)) as running:
        yield running


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, origin: Origin) -> Iterator[World]:
    """A daemon for the tests of one file; two downloads run at once, the rest waits."""
    with a_world(tmp_path_factory.mktemp("world") / "home", origin) as running:
        yield running
