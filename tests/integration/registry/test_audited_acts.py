"""Every route that changes something leaves exactly one entry for each thing it did."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from modelhubd.registry.portable.service import check_log
from modelhubd.registry.routes import PREFIX, ROUTES
from tests.fakes.registry import Answered, Registry
from tests.integration.registry.publishes import audited, decide, publish
from tests.integration.registry.statements import said_in
from tests.unit.registry.samples import publish_json

MODEL = "/models/{publisher}/{name}"
VERSION = MODEL + "/versions/{version}"
Step = tuple[str, str, Callable[[], Awaitable[Answered]], list[tuple[str, str, str]]]


async def test_every_act_is_audited_once(registry: Registry) -> None:
    """A story that goes through every route; each step says which (action, actor, subject) it leaves."""
    admin, author, reviewer = registry.admin, registry.author, registry.reviewer
    found: dict[str, Any] = {}

    async def published(version: int, key: str) -> Answered:
        text = f"number {version}"
        answer = await author.post("/models/acme/tiny/versions", publish_json(description=text), key=key)
        found[str(version)] = answer.json
        return answer

    def token() -> Awaitable[Answered]:
        wanted = {"principal": "newcomer", "scopes": ["read"], "expires_in_s": 3600}
        return admin.post("/tokens", wanted)

    async def kept(step: Awaitable[Answered], name: str) -> Answered:
        found[name] = (answer := await step).json
        return answer

    key = {"public_key": "ab" * 32}
    reason = {"reason": "a test"}
    template = {"name": "T", "models": ["acme/tiny"]}
    acme_keys = "/publishers/acme/keys"
    tiny = "/models/acme/tiny"
    suspended, active = {"status": "suspended", **reason}, {"status": "active", **reason}
    v1, v2, v3, v4 = (f"acme/tiny@{number}" for number in range(1, 5))
    story: list[Step] = [
        ("POST", "/publishers", lambda: admin.post("/publishers", {"name": "new"}),
         [("publisher.created", "admin", "new")]),
        ("PATCH", "/publishers/{publisher}", lambda: admin.patch("/publishers/new", suspended),
         [("publisher.suspended", "admin", "new")]),
        ("PATCH", "/publishers/{publisher}", lambda: admin.patch("/publishers/new", active),
         [("publisher.activated", "admin", "new")]),
        ("POST", "/publishers/{publisher}/keys", lambda: kept(admin.post(acme_keys, key), "key"),
         [("publisher_key.added", "admin", "acme")]),
        ("DELETE", "/publishers/{publisher}/keys/{key_id}",
         lambda: admin.delete(f"/publishers/acme/keys/{found['key']['key_id']}"),
         [("publisher_key.revoked", "admin", "acme")]),
        ("POST", "/tokens", lambda: kept(token(), "token"), [("token.created", "admin", "")]),
        ("DELETE", "/tokens/{id}", lambda: admin.delete(f"/tokens/{found['token']['info']['id']}"),
         [("token.revoked", "admin", "")]),
        ("POST", MODEL + "/versions", lambda: published(1, "one"), [("version.published", "author", v1)]),
        ("POST", MODEL + "/versions", lambda: published(1, "one"), []),  # the same request again
        ("POST", VERSION + "/decision", lambda: decide(reviewer, found["1"]),
         [("version.approved", "reviewer", v1)]),
        ("PUT", MODEL + "/verification", lambda: admin.put(tiny + "/verification"),
         [("model.verified", "admin", "acme/tiny")]),
        ("PUT", MODEL + "/verification", lambda: admin.put(tiny + "/verification"), []),
        ("POST", MODEL + "/versions", lambda: published(2, "two"), [("version.published", "author", v2)]),
        ("POST", VERSION + "/decision", lambda: decide(reviewer, found["2"]),
         [("version.approved", "reviewer", v2),
          ("model.verification_carried", "reviewer", "acme/tiny")]),
        ("DELETE", MODEL + "/verification", lambda: admin.delete(tiny + "/verification"),
         [("model.unverified", "admin", "acme/tiny")]),
        ("POST", MODEL + "/versions", lambda: published(3, "three"), [("version.published", "author", v3)]),
        ("POST", VERSION + "/decision", lambda: decide(reviewer, found["3"], "reject", reason="no"),
         [("version.rejected", "reviewer", v3)]),
        ("POST", MODEL + "/versions", lambda: published(4, "four"), [("version.published", "author", v4)]),
        ("POST", VERSION + "/cancel", lambda: author.post(tiny + "/versions/4/cancel"),
         [("version.cancelled", "author", v4)]),
        ("PUT", "/templates/{id}", lambda: admin.put("/templates/t", template),
         [("template.put", "admin", "t")]),
        ("DELETE", "/templates/{id}", lambda: admin.delete("/templates/t"),
         [("template.deleted", "admin", "t")]),
        ("POST", MODEL + "/downloads", lambda: registry.reader.post(tiny + "/downloads"), []),
        ("PUT", MODEL + "/star", lambda: registry.reader.put(tiny + "/star"), []),
        ("DELETE", MODEL + "/star", lambda: registry.reader.delete(tiny + "/star"), []),
        ("POST", MODEL + "/counters/reset", lambda: admin.post(tiny + "/counters/reset"),
         [("model.counters_reset", "admin", "acme/tiny")]),
        ("POST", VERSION + "/withdraw", lambda: admin.post(tiny + "/versions/2/withdraw", reason),
         [("version.withdrawn", "admin", v2)]),
    ]  # fmt: skip
    seen = len(await audited(registry))
    with said_in(registry.parts.database) as transactions:
        for method, path, act, expected in story:
            answer = await act()
            assert answer.status < 300, (method, path, answer.body)
            log = await audited(registry)
            left = [(entry["action"], entry["actor"], entry["subject"]) for entry in log[seen:]]
            wanted = [
                (action, actor, subject or left[at][2])
                for at, (action, actor, subject) in enumerate(expected)
            ]
            assert left == wanted, (method, path)
            seen = len(log)
        await registry.parts.reports.written()
        await registry.parts.releases.released()
    whatever_changes_holds_the_head_row_first(transactions)
    walked = {(method, path) for method, path, _, _ in story}
    changing = {(route.method, route.path) for route in ROUTES if route.method not in ("GET", "HEAD")}
    assert changing == walked, f"a route under {PREFIX} that this story leaves out, or one that is gone"
    assert (await check_log(registry.parts.database)).audit_size == seen


COUNTED = {"counter", "star", "report", "token", "idempotency"}
"""Tables of what is only counted or noted (of a token its last use, of a report its key): never under the
head row's lock, except where an act that is audited sets them."""
WRITES = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)")


def whatever_changes_holds_the_head_row_first(transactions: list[list[str]]) -> None:
    changing = noting = 0
    for statements in transactions:
        written = {found[1] for text in statements if (found := WRITES.match(text)) is not None}
        if not written:
            continue
        first = next(text for text in statements if text != "BEGIN IMMEDIATE")
        holds = first.startswith("SELECT hub_head.id") and (
            "BEGIN IMMEDIATE" in statements or first.rstrip().endswith("FOR UPDATE")
        )
        changing += holds
        noting += not holds
        assert holds or written <= COUNTED, statements
        assert not holds or written - COUNTED, statements
    assert changing > 20
    assert noting >= 3


async def test_what_is_refused_leaves_nothing(registry: Registry) -> None:
    before = len(await audited(registry))
    answers = [
        await registry.author.post("/publishers", {"name": "new"}),
        await registry.admin.post("/publishers", {"name": "acme"}),
        await registry.admin.post("/publishers", {"name": "Not A Name"}),
        await publish(registry.author, "globex/tiny"),
        await registry.reader.put("/models/acme/tiny/verification"),
        await registry.admin.put("/models/acme/none/verification"),
        await registry.admin.delete("/templates/none"),
        await registry.admin.delete("/tokens/none"),
    ]
    assert [answer.status for answer in answers if answer.status < 400] == []
    assert len(await audited(registry)) == before
