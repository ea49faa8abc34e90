"""A daemon with installed models, a llama-server that answers at once, and policies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.world import World, a_world, entry, local_file
from tests.fakes.llama_server import install
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import write_chat

CHAT, BARE = "tests/chat", "tests/bare"
"""Both are installed; of the second nobody knows a digest."""


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("origin") / "chat.gguf"
    write_chat(path)
    return path


@pytest.fixture(scope="session")
def origin(model_file: Path) -> Iterator[Origin]:
    with Origin("--directory", str(model_file.parent)) as running:
        yield running


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, origin: Origin, model_file: Path) -> Iterator[World]:
    """A daemon for the tests of one file, which leave its policies as they were."""
    folder = tmp_path_factory.mktemp("policies")
    binary = str(install(folder / "bin"))
    with a_world(folder / "home", origin, MODELHUB_LLAMA_BINARY=binary) as running:
        stock(running, origin, model_file)
        yield running


def stock(world: World, origin: Origin, model_file: Path) -> None:
    """Have the two models listed and installed."""
    bare = local_file(model_file, origin) | {"sha256": None}
    world.list_locally(entry(CHAT, local_file(model_file, origin)), entry(BARE, bare))
    for model in (CHAT, BARE):
        world.download(model, until="completed")
