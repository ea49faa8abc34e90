"""A registry past its first start, made once a process and copied for each test that wants one of its own.

The first start imports the catalog, makes keys and signs: two seconds that a copy does not take.
"""

import asyncio
import atexit
import contextlib
import functools
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.postgres import cluster, fresh_database
from tests.fakes.registry import SCOPES, Registry, resumed_registry, running_registry

TOKENS_S = 36_000


@dataclass(frozen=True, slots=True)
class Template:
    """`state_dir` has the keys, and the database where it is SQLite; `database` is PostgreSQL's name of it.
    `tokens` are by role."""

    state_dir: Path
    database: str
    tokens: dict[str, str]


@functools.cache
def template(kind: str) -> Template:
    """`sqlite` or `postgresql`: nobody uses it."""
    folder = Path(tempfile.mkdtemp(prefix="registry-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = cluster().make_database() if kind == "postgresql" else ""
    state_dir = folder / "registry"

    async def first_start() -> dict[str, str]:
        async with running_registry(state_dir, database and cluster().url(database)) as running:
            people = {"admin": running.admin}
            for role, scopes in SCOPES.items():
                people[role] = await running.person(role, *scopes, expires_in_s=TOKENS_S)
            await running.parts.releases.released()
            return {role: person.token or "" for role, person in people.items()}

    # The loop of the test that asks first is none of this one's business.
    made: list[dict[str, str]] = []
    thread = threading.Thread(target=lambda: made.append(asyncio.run(first_start())))
    thread.start()
    thread.join()
    return Template(state_dir, database, made[0])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a registry has its keys and its database. `tokens` of it are by role."""

    state_dir: Path
    url: str
    tokens: dict[str, str]

    @property
    def first_root(self) -> bytes:
        return (self.state_dir / "keys" / "1.root.json").read_bytes()


@contextlib.contextmanager
def copied_place(kind: str, folder: Path) -> Iterator[Place]:
    """A copy for a process, which then has no first start to make; `folder` becomes its state folder."""
    known = template(kind)
    shutil.copytree(known.state_dir, folder)
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(fresh_database(known.database)) if known.database else ""
        url = database or f"sqlite+aiosqlite:///{folder / 'registry.db'}"
        yield Place(folder, url, known.tokens)


Copies = Callable[..., contextlib.AbstractAsyncContextManager[Registry]]
"""`copied_registry` for one kind of database and one folder: takes settings."""


@contextlib.asynccontextmanager
async def copied_registry(kind: str, folder: Path, **settings: object) -> AsyncIterator[Registry]:
    """A running copy with its state in `folder`."""
    known = await asyncio.to_thread(template, kind)
    await asyncio.to_thread(shutil.copytree, known.state_dir, folder)
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(fresh_database(known.database)) if known.database else ""
        async with resumed_registry(folder, url, known.tokens, **settings) as running:
            yield running
