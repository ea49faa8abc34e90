"""What tests of the registry publish, approve and look at."""

import asyncio
import itertools
from typing import Any

from tests.fakes.registry import Answered, Person, Registry
from tests.unit.registry.samples import publish_json

MODEL = "/models/acme/tiny"
PATIENCE = 30
_KEYS = itertools.count()


async def patiently(
    person: Person, method: str, path: str, body: Any = None, *, key: str | None = None
) -> Answered:
    """As a client that asks again while the registry says that it is too busy."""
    for _ in range(PATIENCE):
        answer = await person.ask(method, path, body, key=key)
        if answer.status not in (429, 503):
            break
        await asyncio.sleep(float(answer.headers["Retry-After"]))
    return answer


async def publish(person: Person, model: str = "acme/tiny", **more: Any) -> Answered:
    """The answer to a publish under a new key."""
    path = f"/models/{model}/versions"
    return await patiently(person, "POST", path, publish_json(**more), key=f"key-{next(_KEYS)}")


async def published(person: Person, model: str = "acme/tiny", **more: Any) -> Any:
    """A `Published`."""
    answer = await publish(person, model, **more)
    assert answer.status == 201, answer.body
    return answer.json


async def decide(
    person: Person, found: Any, decision: str = "approve", model: str = "acme/tiny", **more: Any
) -> Answered:
    """The answer to a decision on what `published` gave."""
    asked = {"decision": decision, "content_sha256": found["content_sha256"]} | more
    return await patiently(person, "POST", f"/models/{model}/versions/{found['version']}/decision", asked)


async def approved(registry: Registry, model: str = "acme/tiny", **more: Any) -> Any:
    """A `Published` that is approved."""
    author = registry.author if model.startswith("acme/") else registry.second_author
    found = await published(author, model, **more)
    answer = await decide(registry.reviewer, found, model=model)
    assert answer.status == 200, answer.body
    return found


async def audited(registry: Registry, *actions: str) -> list[Any]:
    """Entries of the audit log with these actions, oldest first."""
    found: list[Any] = []
    after = ""
    while True:
        page = await registry.admin.get(f"/audit?limit=200{after}")
        assert page.status == 200, page.body
        found += [entry for entry in page.json["items"] if not actions or entry["action"] in actions]
        if page.json["next"] is None:
            return found
        after = f"&after={page.json['next']}"


async def catalog(registry: Registry) -> Any:
    """The signed document as it is served now."""
    answer = await registry.reader.get("/catalog")
    assert answer.status == 200, answer.body
    return answer.json


async def settled(registry: Registry) -> int:
    """The revision that is served once everything is signed."""
    await registry.parts.releases.released()
    revision: int = (await catalog(registry))["revision"]
    return revision
