"""Review: by another person, of the very content, once; and withdrawal."""

import asyncio
from typing import Any

from tests.fakes.registry import Registry
from tests.fakes.registry_template import Copies
from tests.integration.registry.publishes import (
    MODEL,
    approved,
    audited,
    catalog,
    decide,
    publish,
    published,
    settled,
)
from tests.unit.registry.samples import OTHER, file_json, option_json

ELSE = [option_json(files=[file_json(sha256="ef" * 32)])]


def served_in(document: Any, model: str = "acme/tiny") -> Any:
    return next((entry for entry in document["entries"] if entry["id"] == model), None)


async def test_an_approved_version_is_served_and_signed_when_the_answer_comes(registry: Registry) -> None:
    found = await published(registry.author, notes="first")
    revision = await settled(registry)
    answer = await decide(registry.reviewer, found, reason="looks good")
    assert answer.status == 200, answer.body
    assert (answer.json["status"], answer.json["served"]) == ("approved", True)
    assert (answer.json["decided_by"], answer.json["reason"]) == ("reviewer", "looks good")
    document = await catalog(registry)
    assert document["revision"] == revision + 1
    entry = served_in(document)
    assert (entry["version"], entry["published_by"]) == (1, "author")
    model = (await registry.reader.get(MODEL)).json
    assert (model["served_version"], model["verified"]) == (1, False)
    assert model["entry"]["display_name"] == "Tiny"
    (audit,) = await audited(registry, "version.approved")
    assert (audit["actor"], audit["subject"]) == ("reviewer", "acme/tiny@1")
    assert audit["detail"]["four_eyes"] is True
    assert audit["detail"]["content_sha256"] == found["content_sha256"]


async def test_nobody_decides_on_their_own_version_whatever_token_they_use(registry: Registry) -> None:
    found = await published(registry.author)
    second_token = await registry.person("author", "review")
    everything = await registry.person("author", "review", "admin", "publish:acme")
    for person in (second_token, everything):
        for decision in ("approve", "reject"):
            answer = await decide(person, found, decision, reason="mine")
            assert (answer.status, answer.code) == (403, "own_version")
    for person in (registry.author, registry.admin, registry.reader):
        answer = await decide(person, found)
        assert (answer.status, answer.code) == (403, "scope_missing")
    assert (await registry.author.get(f"{MODEL}/versions/1")).json["status"] == "pending"
    assert await audited(registry, "version.approved", "version.rejected") == []


async def test_an_approval_names_the_content_that_was_looked_at(registry: Registry) -> None:
    first = await published(registry.author)
    second = await published(registry.author, notes="quite another thing")
    swapped = await decide(registry.reviewer, second | {"content_sha256": first["content_sha256"]})
    assert (swapped.status, swapped.code) == (409, "content_differs")
    for digest in ("", "ab", OTHER.upper(), OTHER + "\n"):
        answer = await decide(registry.reviewer, second | {"content_sha256": digest})
        assert answer.status == 422, digest
    assert (await decide(registry.reviewer, second)).status == 200


async def test_two_decisions_at_once_have_one_winner(registry: Registry) -> None:
    reviewers = [await registry.person(f"reviewer{number}", "review") for number in range(6)]
    for _ in range(3):
        found = await published(registry.author)
        answers = await asyncio.gather(
            *(
                decide(person, found, ("approve", "reject")[index % 2], reason="because")
                for index, person in enumerate(reviewers)
            )
        )
        assert sorted(answer.status for answer in answers) == [200] + [409] * 5
        assert {answer.code for answer in answers if answer.status == 409} == {"wrong_state"}
        (winner,) = [answer for answer in answers if answer.status == 200]
        now = (await registry.author.get(f"{MODEL}/versions/{found['version']}")).json
        assert now["status"] == winner.json["status"]
        assert now["decided_by"] == winner.json["decided_by"]
    assert len(await audited(registry, "version.approved", "version.rejected")) == 3


async def test_errors_block_an_approval_and_a_rejection_says_why(registry: Registry) -> None:
    found = await published(registry.author, options=[option_json(files=[file_json(sha256=None)])])
    refused = await decide(registry.reviewer, found)
    assert (refused.status, refused.code) == (422, "blocked")
    assert refused.json["errors"][0]["pointer"] == "/options/0/files/0/sha256"
    silent = await decide(registry.reviewer, found, "reject")
    assert (silent.status, silent.json["errors"][0]["pointer"]) == (422, "/reason")
    for reason in ("\x1b[2J", "a\u202eb", " ", "x" * 2001, ""):
        assert (await decide(registry.reviewer, found, "reject", reason=reason)).status == 422
    assert (await decide(registry.reviewer, found, "reject", reason="no digest")).status == 200
    later = await decide(registry.reviewer, found)
    assert (later.status, later.code) == (409, "wrong_state")


async def test_where_digests_are_not_required_their_lack_is_a_warning(
    copies: Copies,
) -> None:
    settings: dict[str, Any] = {"require_digest": False, "allow_origins": ("http://10.0.0.7:9000",)}
    async with copies(**settings) as registry:
        files = [file_json(sha256=None, urls=["http://10.0.0.7:9000/x"])]
        found = await published(registry.author, options=[option_json(files=files)])
        assert [(issue["code"], issue["severity"]) for issue in found["issues"]] == [
            ("missing_digest", "warning")
        ]
        assert (await decide(registry.reviewer, found)).status == 200


async def test_without_four_eyes_ones_own_approval_is_audited_as_such(
    copies: Copies,
) -> None:
    async with copies(four_eyes=False) as registry:
        alone = await registry.person("author", "review", "publish:acme")
        own = await published(alone)
        assert (await decide(alone, own)).status == 200
        other = await published(registry.second_author)
        assert (await decide(alone, other)).status == 200
        assert [entry["detail"]["four_eyes"] for entry in await audited(registry, "version.approved")] == [
            False,
            True,
        ]


async def test_a_lower_version_that_is_approved_later_does_not_replace_a_higher_one(
    registry: Registry,
) -> None:
    first = await published(registry.author)
    second = await published(registry.author)
    assert (await decide(registry.reviewer, second)).status == 200
    late = await decide(registry.reviewer, first)
    assert (late.status, late.json["served"]) == (200, False)
    model = (await registry.reader.get(MODEL)).json
    assert (model["served_version"], model["last_version"]) == (2, 2)
    assert served_in(await catalog(registry))["version"] == 2


async def test_the_queue_shows_what_each_version_would_change(registry: Registry) -> None:
    await approved(registry, tags=["old"])
    options = [option_json("new"), option_json(files=[file_json(sha256=OTHER)])]
    await published(registry.author, tags=["new"], options=options, notes="second")
    await published(registry.second_author, "globex/first", capabilities=["telepathy"], options=ELSE)
    await published(registry.author, options=[option_json(files=[file_json(urls=[])])])
    queue = (await registry.reviewer.get("/reviews?status=pending")).json
    assert queue["total"] == 3
    change, first, blocked = queue["items"]
    assert (change["served_version"], change["version"]["version"], change["blocked"]) == (1, 2, False)
    found = {one["pointer"]: (one["before"], one["after"]) for one in change["changes"]}
    assert found["/tags"] == (["old"], ["new"])
    assert found["/notes"] == (None, "second")
    assert found["/options/1/files/0/sha256"][1] == OTHER
    assert found["/options/0"][1]["id"] == "new"
    assert len(found) == 4
    assert (first["version"]["model"], first["served_version"]) == ("globex/first", None)
    assert [issue["code"] for issue in first["issues"]] == ["unknown_capability"]
    assert {one["before"] for one in first["changes"]} == {None}
    assert blocked["blocked"]
    pages, after = [], ""
    while True:
        page = (await registry.reviewer.get(f"/reviews?limit=1{after}")).json
        pages += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert pages == queue["items"]
    assert (await registry.reviewer.get("/reviews?status=approved&limit=50")).json["total"] > 100
    for bad in ("after=WyIAIiwieCIsMV0", "after=x", "limit=51", "status=served"):
        assert (await registry.reviewer.get(f"/reviews?{bad}")).status == 422, bad


async def test_what_changes_nothing_is_noticed(registry: Registry) -> None:
    await approved(registry)
    same = await published(registry.author)
    assert [issue["code"] for issue in same["issues"]] == ["unchanged"]
    (review,) = (await registry.reviewer.get("/reviews")).json["items"]
    assert review["changes"] == []


async def withdraw(registry: Registry, number: int, reason: str = "unsafe") -> Any:
    answer = await registry.admin.post(f"{MODEL}/versions/{number}/withdraw", {"reason": reason})
    assert answer.status == 200, answer.body
    return answer.json


async def test_a_withdrawn_version_makes_way_for_the_next_approved_one_and_then_for_a_tombstone(
    registry: Registry,
) -> None:
    await approved(registry)
    await decide(registry.reviewer, await published(registry.author), "reject", reason="no")
    await approved(registry)
    await registry.admin.put(f"{MODEL}/verification")
    gone = await withdraw(registry, 3)
    assert (gone["status"], gone["withdrawn_by"], gone["withdraw_reason"]) == ("withdrawn", "admin", "unsafe")
    model = (await registry.reader.get(MODEL)).json
    assert (model["served_version"], model["verified"], model.get("tombstone")) == (1, False, None)
    document = await catalog(registry)
    assert served_in(document)["version"] == 1
    assert document["tombstones"] == []
    await withdraw(registry, 1, "the last one")
    model = (await registry.reader.get(MODEL)).json
    assert (model["served_version"], model["entry"]) == (None, None)
    assert model["tombstone"]["reason"] == "the last one"
    document = await catalog(registry)
    assert served_in(document) is None
    assert [(one["id"], one["reason"]) for one in document["tombstones"]] == [("acme/tiny", "the last one")]
    assert [(entry["action"], entry["subject"]) for entry in await audited(
        registry, "version.withdrawn", "model.unverified"
    )] == [
        ("model.unverified", "acme/tiny"), ("version.withdrawn", "acme/tiny@3"),
        ("version.withdrawn", "acme/tiny@1"),
    ]  # fmt: skip
    again = await registry.admin.post(f"{MODEL}/versions/1/withdraw", {"reason": "x"})
    assert (again.status, again.code) == (409, "wrong_state")
    await approved(registry)
    document = await catalog(registry)
    assert (served_in(document)["version"], document["tombstones"]) == (4, [])


async def test_withdrawing_a_version_that_is_not_served_changes_nothing_else(registry: Registry) -> None:
    await approved(registry)
    await approved(registry)
    await registry.admin.put(f"{MODEL}/verification")
    await withdraw(registry, 1)
    model = (await registry.reader.get(MODEL)).json
    assert (model["served_version"], model["verified"]) == (2, True)
    assert await audited(registry, "model.unverified") == []


async def test_only_an_administrator_withdraws_and_only_what_was_approved(registry: Registry) -> None:
    await published(registry.author)
    for person in (registry.author, registry.reviewer, registry.reader):
        answer = await person.post(f"{MODEL}/versions/1/withdraw", {"reason": "x"})
        assert (answer.status, answer.code) == (403, "scope_missing")
    pending = await registry.admin.post(f"{MODEL}/versions/1/withdraw", {"reason": "x"})
    assert (pending.status, pending.code) == (409, "wrong_state")
    for body in ({}, {"reason": ""}, {"reason": "\x1b[1m"}, {"reason": "x", "more": 1}):
        assert (await registry.admin.post(f"{MODEL}/versions/1/withdraw", body)).status == 422
    absent = await registry.admin.post(f"{MODEL}/versions/9/withdraw", {"reason": "x"})
    assert absent.status == 404
    assert (await publish(registry.author)).status == 201


async def test_a_change_that_cannot_be_audited_does_not_happen(registry: Registry, monkeypatch: Any) -> None:
    await approved(registry)
    found = await published(registry.author)

    async def broken(*_: Any, **__: Any) -> int:
        raise RuntimeError("the log is full")

    monkeypatch.setattr("modelhubd.registry.audit.service.append", broken)
    attempts = [
        await publish(registry.author),
        await decide(registry.reviewer, found),
        await registry.author.post(f"{MODEL}/versions/2/cancel"),
        await registry.admin.post(f"{MODEL}/versions/1/withdraw", {"reason": "x"}),
        await registry.admin.put(f"{MODEL}/verification"),
        await registry.admin.put("/templates/one", {"name": "One", "models": ["acme/tiny"]}),
        await registry.admin.post(f"{MODEL}/counters/reset"),
    ]
    monkeypatch.undo()
    assert {answer.status for answer in attempts} == {500}
    model = (await registry.author.get(MODEL)).json
    assert (model["last_version"], model["served_version"], model["verified"]) == (2, 1, False)
    assert (await registry.author.get(f"{MODEL}/versions/2")).json["status"] == "pending"
    assert (await registry.reader.get("/templates")).json["total"] == 0
