"""The registry service, on SQLite and on PostgreSQL."""

import contextlib
import functools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.postgres import fresh_database
from tests.fakes.registry import Registry
from tests.fakes.registry_template import Copies, Place, copied_place, copied_registry

if TYPE_CHECKING:
    from tests.integration.registry.story import Story


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database, on either."""
    with contextlib.ExitStack() as stack:
        if request.param == "postgresql":
            yield stack.enter_context(fresh_database())
        else:
            yield f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def copies(request: pytest.FixtureRequest, tmp_path: Path) -> Copies:
    """Runs one with the settings it is given."""
    return functools.partial(copied_registry, request.param, tmp_path / "registry")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A registry past its first start, for processes."""
    with copied_place(request.param, tmp_path / "state") as made:
        yield made


@pytest.fixture
async def registry(copies: Copies) -> AsyncIterator[Registry]:
    """A running one with a token for each role."""
    async with copies() as running:
        yield running


@pytest.fixture
async def sqlite_registry(tmp_path: Path) -> AsyncIterator[Registry]:
    """A running one, for what has nothing to do with the database."""
    async with copied_registry("sqlite", tmp_path / "registry") as running:
        yield running


@pytest.fixture
def story(tmp_path: Path, place: Place) -> "Iterator[Story]":
    """Two people, an administrator, three templates and two machines at the beginning."""
    from tests.integration.registry.story import begun  # it brings what makes models: for stories alone

    with begun(tmp_path, place) as made:
        yield made
