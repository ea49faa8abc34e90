"""A registry that runs inside the test, and people with tokens of it."""

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from modelhubd.registry.access import OPERATOR
from modelhubd.registry.accounts.service import make_admin
from modelhubd.registry.app import Running, running
from modelhubd.registry.config import RegistryConfig
from modelhubd.registry.opening import now
from modelhubd.registry.parts import Parts
from modelhubd.registry.routes import PREFIX

SCOPES: dict[str, tuple[str, ...]] = {
    "author": ("publish:acme",),
    "second_author": ("publish:acme", "publish:globex"),
    "reviewer": ("review",),
    "reader": ("read",),
}
"""Principals and what their tokens may do; `admin` has `admin`."""
PUBLISHERS = ("acme", "globex")


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """Of a problem."""
        return str(self.json["code"])


@dataclass(frozen=True, kw_only=True)
class Person:
    """Asks in the name of a token; `token` None asks without one."""

    url: str
    token: str | None
    session: aiohttp.ClientSession

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """`path` is below `/api/v1`, or whole where it begins so; `key` is an `Idempotency-Key`."""
        sent = dict(headers or {})
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if key is not None:
            sent["Idempotency-Key"] = key
        data = None if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        url = self.url + (path if path.startswith(PREFIX) else PREFIX + path)
        async with self.session.request(method, url, data=data, headers=sent) as answer:
            return Answered(status=answer.status, headers=answer.headers.copy(), body=await answer.read())

    async def get(self, path: str, **rest: Any) -> Answered:
        return await self.ask("GET", path, **rest)

    async def post(self, path: str, body: Any = None, **rest: Any) -> Answered:
        return await self.ask("POST", path, body, **rest)

    async def put(self, path: str, body: Any = None, **rest: Any) -> Answered:
        return await self.ask("PUT", path, body, **rest)

    async def patch(self, path: str, body: Any = None, **rest: Any) -> Answered:
        return await self.ask("PATCH", path, body, **rest)

    async def delete(self, path: str, **rest: Any) -> Answered:
        return await self.ask("DELETE", path, **rest)


@dataclass(frozen=True, kw_only=True)
class Registry:
    """A running one; each role is a principal of that name with one token. `parts` is its inside."""

    url: str
    parts: Parts
    anybody: Person
    admin: Person
    author: Person
    second_author: Person
    reviewer: Person
    reader: Person

    async def person(self, principal: str, *scopes: str, expires_in_s: int = 3600) -> Person:
        """A further token."""
        return await _person(self.admin, principal, scopes, expires_in_s)


async def _person(admin: Person, principal: str, scopes: tuple[str, ...], expires_in_s: int) -> Person:
    wanted = {"principal": principal, "scopes": scopes, "expires_in_s": expires_in_s}
    made = await admin.post("/tokens", wanted)
    assert made.status == 201, made.body
    return dataclasses.replace(admin, token=made.json["token"])


@contextlib.asynccontextmanager
async def running_registry(
    state_dir: Path,
    database: str = "",
    clock: Callable[[], datetime] = now,
    **settings: Any,
) -> AsyncIterator[Registry]:
    """A registry on a free port; its first start unless `state_dir` and `database` have had one. Every role
    has a token, and the publishers of `PUBLISHERS` are there."""
    async with _answering(state_dir, database, clock, settings) as (found, anybody):
        made = await make_admin(found.parts.database, "admin", clock())
        assert made.info.created_by == OPERATOR
        admin = dataclasses.replace(anybody, token=made.token)
        for name in PUBLISHERS:
            known = await admin.post("/publishers", {"name": name})
            assert known.status in (201, 409), known.body
        people = {role: await _person(admin, role, scopes, 3600) for role, scopes in SCOPES.items()}
        yield Registry(url=found.url, parts=found.parts, anybody=anybody, admin=admin, **people)


@contextlib.asynccontextmanager
async def resumed_registry(
    state_dir: Path, database: str, tokens: Mapping[str, str], **settings: Any
) -> AsyncIterator[Registry]:
    """One that has had its first start with `running_registry` elsewhere; `tokens` are by role."""
    async with _answering(state_dir, database, now, settings) as (found, anybody):
        people = {role: dataclasses.replace(anybody, token=token) for role, token in tokens.items()}
        yield Registry(url=found.url, parts=found.parts, anybody=anybody, **people)


@contextlib.asynccontextmanager
async def _answering(
    state_dir: Path, database: str, clock: Callable[[], datetime], settings: Mapping[str, Any]
) -> AsyncIterator[tuple[Running, Person]]:
    config = RegistryConfig(
        state_dir=state_dir,
        database=database,
        port=0,
        **{"name": "registry.test", "connections": 5, **settings},
    )
    async with running(config, clock) as found, aiohttp.ClientSession() as session:
        yield found, Person(url=found.url, token=None, session=session)
