"""People who publish, approve and flip at once, and note what they were told."""

import asyncio
import contextlib
import dataclasses
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp

from modelhubd.registry.accounts.service import make_admin
from modelhubd.registry.database import Database
from modelhubd.registry.opening import now
from tests.fakes.registry import SCOPES, Answered, Person
from tests.unit.registry.samples import publish_json

MODELS = ("acme/one", "acme/two", "acme/three")
KNOWN = {200, 201, 204, 404, 409, 422, 503}
"""404: not served yet; 409: somebody was first; 422: a key whose first answer was lost."""


@dataclass(kw_only=True)
class Told:
    """What was answered, and so must be true for ever."""

    published: set[tuple[str, int]] = field(default_factory=set)
    approved: set[tuple[str, int]] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    flipped: int = 0
    lost: int = 0
    """Requests without an answer."""
    unclear: list[str] = field(default_factory=list)
    """Answers that nobody should get."""

    def saw(self, answer: Answered) -> Answered:
        self.statuses[answer.status] += 1
        if answer.status not in KNOWN:
            self.unclear.append(f"{answer.status} {answer.body[:300]!r}")
        if answer.status == 503 and "Retry-After" not in answer.headers:
            self.unclear.append("503 without Retry-After")
        return answer


@dataclass(frozen=True, kw_only=True)
class People:
    author: Person
    reviewer: Person
    admin: Person

    def at(self, url: str) -> "People":
        """The same people, who ask another process."""
        moved = (dataclasses.replace(one, url=url) for one in (self.author, self.reviewer, self.admin))
        return People(**dict(zip(("author", "reviewer", "admin"), moved, strict=True)))


async def people(
    database_url: str, url: str, session: aiohttp.ClientSession, at: datetime | None = None
) -> People:
    """Tokens, and the publisher and template that `load` needs."""
    async with Database.open(database_url) as database:
        made = await make_admin(database, "admin", at or now())
    admin = Person(url=url, token=made.token, session=session)
    assert (await admin.post("/publishers", {"name": "acme"})).status in (201, 409)
    found = {}
    for role in ("author", "reviewer"):
        wanted = {"principal": role, "scopes": SCOPES[role], "expires_in_s": 3600}
        found[role] = dataclasses.replace(admin, token=(await admin.post("/tokens", wanted)).json["token"])
    template = {"name": "All", "models": list(MODELS)}
    assert (await admin.put("/templates/all", template)).status in (200, 201)
    return People(admin=admin, **found)


async def load(who: Sequence[People], told: Told, until: asyncio.Event) -> None:
    """Two publishers, two reviewers and two who flip, each asking one process after the other."""
    await asyncio.gather(
        *(_publish(who, told, until, f"{number}") for number in range(2)),
        *(_review(who, told, until) for _ in range(2)),
        *(_flip(who, told, until) for _ in range(2)),
    )


async def _publish(who: Sequence[People], told: Told, until: asyncio.Event, name: str) -> None:
    for count, (model, asked) in enumerate(zip(itertools.cycle(MODELS), itertools.cycle(who), strict=False)):
        if until.is_set():
            return
        async with _bad_luck(told):
            entry = publish_json(description=f"A text of {name}, number {count}.")
            answer = told.saw(
                await asked.author.post(f"/models/{model}/versions", entry, key=f"{name}-{count}")
            )
            if answer.status == 201:
                told.published.add((model, answer.json["version"]))


async def _review(who: Sequence[People], told: Told, until: asyncio.Event) -> None:
    for asked in itertools.cycle(who):
        if until.is_set():
            return
        async with _bad_luck(told):
            queue = told.saw(await asked.reviewer.get("/reviews?limit=3"))
            for review in queue.json["items"] if queue.status == 200 else ():
                found = review["version"]
                wanted = {"decision": "approve", "content_sha256": found["content_sha256"]}
                place = f"/models/{found['model']}/versions/{found['version']}/decision"
                if told.saw(await asked.reviewer.post(place, wanted)).status == 200:
                    told.approved.add((found["model"], found["version"]))


async def _flip(who: Sequence[People], told: Told, until: asyncio.Event) -> None:
    for model, asked in zip(itertools.cycle(MODELS), itertools.cycle(who), strict=False):
        for method in ("PUT", "DELETE"):
            if until.is_set():
                return
            async with _bad_luck(told):
                answer = told.saw(await asked.admin.ask(method, f"/models/{model}/verification"))
                told.flipped += answer.status == 200 and bool(answer.json["changed"])


@contextlib.asynccontextmanager
async def _bad_luck(told: Told):  # type: ignore[no-untyped-def]
    try:
        async with asyncio.timeout(30):
            yield
    except (aiohttp.ClientError, TimeoutError):
        told.lost += 1
        await asyncio.sleep(0.25)
