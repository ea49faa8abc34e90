"""What is noticed about a version: in the publish's own transaction, and once more when it is reviewed."""

import asyncio
from typing import Any

import msgspec
import pytest

from modelhubd.entries.content import content_sha256
from modelhubd.entries.rules import with_sums
from modelhubd.registry.versions import store
from modelhubd.trust.signing import key_id, new_key
from modelhubd.trust.statements import sign_version
from tests.fakes.registry import Registry
from tests.integration.registry.publishes import MODEL, audited, decide, patiently, publish, published
from tests.integration.registry.statements import said_in
from tests.unit.registry.samples import OTHER, entry, file_json, option_json


def codes(issues: Any) -> list[str]:
    return sorted({issue["code"] for issue in issues})


async def test_of_many_publishes_of_the_same_weights_at_once_only_the_first_notices_nothing(
    registry: Registry,
) -> None:
    names = [f"acme/very-own-{letter * 3}" for letter in "abcdef"]
    answers = await asyncio.gather(*(publish(registry.author, name) for name in names))
    noticed = [codes(answer.json["issues"]) for answer in answers]
    assert sorted(noticed) == [[], *[["duplicate_digest"]] * 5]
    alike = ["acme/rnodel", "acme/model", "acme/m-o-d-e-l"]
    answers = await asyncio.gather(*(publish(registry.author, name) for name in alike))
    noticed = [codes(answer.json["issues"]) for answer in answers]
    assert sum("lookalike_name" in found for found in noticed) == 2


async def test_reviewers_see_what_publishers_must_not_know_of_each_other(registry: Registry) -> None:
    mine = await published(registry.author, "acme/secret")
    theirs = await published(registry.second_author, "globex/secret")
    assert (mine["issues"], theirs["issues"]) == ([], [])
    queue = {one["version"]["model"]: one for one in (await registry.reviewer.get("/reviews")).json["items"]}
    for model, other in (("acme/secret", "globex/secret"), ("globex/secret", "acme/secret")):
        assert codes(queue[model]["issues"]) == ["duplicate_digest", "lookalike_name"]
        assert all(other in issue["message"] for issue in queue[model]["issues"])
        assert not queue[model]["blocked"]
        alone = await registry.reviewer.get(f"/models/{model}/versions/1/review")
        assert alone.json == queue[model]
    for person in (registry.author, registry.reviewer):
        assert (await person.get("/models/acme/secret/versions/1/issues")).json == []


async def test_what_has_come_up_since_the_publish_blocks_the_approval_and_stays(registry: Registry) -> None:
    private, public = new_key()
    added = await registry.admin.post("/publishers/acme/keys", {"public_key": public.hex()})
    assert added.status == 201, added.body
    envelope = sign_version("acme/tiny", "acme", content_sha256(with_sums(entry()), None), private)
    found = await published(registry.author, envelopes=[msgspec.to_builtins(envelope)])
    assert found["issues"] == []
    assert (await registry.admin.delete(f"/publishers/acme/keys/{key_id(public)}")).status == 204
    (review,) = (await registry.reviewer.get("/reviews")).json["items"]
    assert (review["blocked"], codes(review["issues"])) == (True, ["bad_signature"])
    assert (await registry.reviewer.get(f"{MODEL}/versions/1/review")).json == review
    for _ in range(2):
        refused = await decide(registry.reviewer, found)
        assert (refused.status, refused.code) == (422, "blocked")
        assert refused.json["errors"][0]["pointer"] == "/envelopes"
    recorded = (await registry.author.get(f"{MODEL}/versions/1/issues")).json
    assert codes(recorded) == ["bad_signature"]
    (entry_of_it,) = await audited(registry, "version.blocked")
    assert entry_of_it["actor"] == "reviewer"
    assert entry_of_it["subject"] == "acme/tiny@1"
    assert entry_of_it["detail"]["issues"] == ["bad_signature"]
    assert (await registry.author.get(f"{MODEL}/versions/1")).json["status"] == "pending"
    assert (await decide(registry.reviewer, found, "reject", reason="the key is revoked")).status == 200


async def test_a_long_queue_asks_the_database_as_little_as_a_short_one(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    for names in ("ab", "cdefghij"):
        for letter in names:
            file = file_json(sha256=letter * 64 if letter in "abcdef" else OTHER)
            options = [option_json(files=[file])]
            await published(registry.author, f"acme/very-own-{letter * 3}", options=options)
        with said_in(registry.parts.database) as transactions:
            queue = (await registry.reviewer.get("/reviews")).json
        asked.append(max(len(statements) for statements in transactions))
    assert queue["total"] == 10
    assert asked[0] == asked[1]
    shared = {one["version"]["model"] for one in queue["items"] if "duplicate_digest" in codes(one["issues"])}
    assert shared == {f"acme/very-own-{letter * 3}" for letter in "ghij"}
    with monkeypatch.context() as patch:
        patch.setattr(store, "ASKED_MAX", 3)
        assert (await registry.reviewer.get("/reviews")).json == queue


async def test_models_are_found_by_their_names_tags_and_publishers(registry: Registry) -> None:
    made = await registry.admin.post("/publishers", {"name": "desert", "display_name": "Wile E. Coyote"})
    assert made.status == 201, made.body
    author = await registry.person("coyote", "publish:desert")
    found = await published(author, "desert/tiny", display_name="Straße Runner", tags=["beep-beep"])
    assert (await decide(registry.reviewer, found, model="desert/tiny")).status == 200
    await published(author, "desert/tiny", display_name="Still secret", tags=["hush"])

    async def ids(person: Any, q: str) -> list[str]:
        answer = await patiently(person, "GET", f"/models?q={q}")
        assert answer.status == 200, answer.body
        return [model["id"] for model in answer.json["items"]]

    for q in ("straSSE", "RUNNER", "beep-", "coyote", "wile%20e.", "ert/ti"):
        assert await ids(registry.reader, q) == ["desert/tiny"], q
    for q in ("secret", "hush"):
        assert await ids(registry.reader, q) == []
        assert await ids(author, q) == await ids(registry.reviewer, q) == ["desert/tiny"]
    for q in ("%25", "_", "small%20model", "options"):
        assert "desert/tiny" not in await ids(registry.reader, q), q
