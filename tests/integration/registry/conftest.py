"""The registry service, on SQLite and on PostgreSQL."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.fakes.postgres import fresh_database
from tests.fakes.registry import Registry, fresh_registry


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Of database."""
    return str(request.param)


@pytest.fixture
def database_url(kind: str, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database, on either."""
    with contextlib.ExitStack() as stack:
        if kind == "postgresql":
            yield stack.enter_context(fresh_database())
        else:
            yield f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}"


@pytest.fixture
async def registry(kind: str, tmp_path: Path) -> AsyncIterator[Registry]:
    """A running one with a token for each role."""
    async with fresh_registry(tmp_path / "registry", kind) as running:
        yield running


@pytest.fixture
async def sqlite_registry(tmp_path: Path) -> AsyncIterator[Registry]:
    """A running one, for what has nothing to do with the database."""
    async with fresh_registry(tmp_path / "registry") as running:
        yield running
