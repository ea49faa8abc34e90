"""A hub on a socket, and the clients that talk to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub_client import Client
from tests.fakes.hub import Hub, running_hub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with running_hub(tmp_path / "run" / "modelhub.sock") as running:
        yield running


@pytest.fixture
def client(hub: Hub, tmp_path: Path) -> Client:
    """Finds the hub as it finds the daemon; does not sleep."""
    return Client(environ={"MODELHUB_HOME": str(tmp_path)}, sleep=lambda _: None)
