"""Verification and badges: derived, never stored, right at every moment."""

import asyncio
import itertools
from typing import Any

import sqlalchemy as sa

from modelhubd.registry.templates.compliance import is_compliant
from tests.fakes.registry import Person, Registry
from tests.integration.registry.publishes import (
    MODEL,
    approved,
    audited,
    catalog,
    decide,
    patiently,
    published,
    settled,
)

BOTH = ("acme/tiny", "acme/small")
FLIPS = 200


async def put_template(registry: Registry, ident: str, *models: str) -> Any:
    answer = await registry.admin.put(f"/templates/{ident}", {"name": ident.title(), "models": models})
    assert answer.status == 200, answer.body
    return answer.json


async def verify(person: Person, model: str, wanted: bool = True) -> Any:
    answer = await patiently(person, "PUT" if wanted else "DELETE", f"/models/{model}/verification")
    assert answer.status == 200, answer.body
    return answer.json


async def test_a_badge_moves_in_the_same_instant_as_the_toggle(registry: Registry) -> None:
    for model in BOTH:
        await approved(registry, model)
    await put_template(registry, "both", *BOTH)
    await put_template(registry, "one", "acme/tiny")
    await put_template(registry, "absent", "acme/tiny", "acme/nowhere")
    first = await verify(registry.admin, "acme/tiny")
    assert first == {
        "changed": True, "verified": True,
        "templates": [
            {"id": "absent", "compliant": False}, {"id": "both", "compliant": False},
            {"id": "one", "compliant": True},
        ],
    }  # fmt: skip
    second = await verify(registry.admin, "acme/small")
    assert second["templates"] == [{"id": "both", "compliant": True}]
    compliance = (await registry.reader.get("/templates/both/compliance")).json
    assert compliance == {"id": "both", "compliant": True, "verified": sorted(BOTH), "unverified": []}
    absent = (await registry.reader.get("/templates/absent/compliance")).json
    assert absent["unverified"] == ["acme/nowhere"]
    document = await catalog(registry)
    assert {entry["id"] for entry in document["entries"] if entry.get("verified")} == set(BOTH)
    gone = await verify(registry.admin, "acme/tiny", False)
    assert (gone["changed"], gone["verified"]) == (True, False)
    assert {one["id"]: one["compliant"] for one in gone["templates"]} == {
        "absent": False, "both": False, "one": False,
    }  # fmt: skip
    assert [(entry["action"], entry["subject"]) for entry in await audited(
        registry, "model.verified", "model.unverified"
    )] == [("model.verified", "acme/tiny"), ("model.verified", "acme/small"),
           ("model.unverified", "acme/tiny")]  # fmt: skip


async def test_doing_it_again_changes_nothing_and_signs_nothing(registry: Registry) -> None:
    await approved(registry)
    await verify(registry.admin, "acme/tiny")
    revision = await settled(registry)
    assert (await verify(registry.admin, "acme/tiny"))["changed"] is False
    await verify(registry.admin, "acme/tiny", False)
    assert (await verify(registry.admin, "acme/tiny", False))["changed"] is False
    assert (await catalog(registry))["revision"] == revision + 1
    assert len(await audited(registry, "model.verified", "model.unverified")) == 2


async def test_only_who_may_verify_does_and_only_what_is_served(registry: Registry) -> None:
    await published(registry.author)
    verifier = await registry.person("verifier", "verify")
    for person in (registry.author, registry.reviewer, registry.reader):
        for method in ("PUT", "DELETE"):
            answer = await person.ask(method, f"{MODEL}/verification")
            assert (answer.status, answer.code) == (403, "scope_missing")
    waiting = await registry.admin.put(f"{MODEL}/verification")
    assert (waiting.status, waiting.code) == (409, "not_served")
    assert (await registry.admin.put("/models/acme/nowhere/verification")).status == 404
    assert (await decide(registry.reviewer, {"version": 1, **await pending(registry)})).status == 200
    assert (await verify(verifier, "acme/tiny"))["changed"]
    withdrawn = await registry.admin.post(f"{MODEL}/versions/1/withdraw", {"reason": "x"})
    assert withdrawn.status == 200
    assert (await registry.admin.put(f"{MODEL}/verification")).code == "not_served"
    assert (await verify(verifier, "acme/tiny", False))["changed"] is False


async def pending(registry: Registry) -> dict[str, Any]:
    version = (await registry.reviewer.get(f"{MODEL}/versions/1")).json
    return {"content_sha256": version["content_sha256"]}


async def test_verification_survives_a_new_version_and_says_so(registry: Registry) -> None:
    await approved(registry)
    await put_template(registry, "one", "acme/tiny")
    await verify(registry.admin, "acme/tiny")
    await approved(registry)
    model = (await registry.reader.get(MODEL)).json
    assert (model["served_version"], model["verified"], model["verified_by"]) == (2, True, "admin")
    assert model["templates"] == ["one"]
    assert (await registry.reader.get("/templates/one")).json["compliant"]
    (carried,) = await audited(registry, "model.verification_carried")
    assert carried["detail"] == {"from": 1, "to": 2}


async def test_withdrawing_a_verified_model_moves_its_badges_in_the_same_instant(registry: Registry) -> None:
    await approved(registry)
    await put_template(registry, "one", "acme/tiny")
    await verify(registry.admin, "acme/tiny")
    assert (await registry.reader.get("/templates/one")).json["compliant"]
    answer = await registry.admin.post(f"{MODEL}/versions/1/withdraw", {"reason": "x"})
    assert answer.status == 200
    template = (await registry.reader.get("/templates/one")).json
    assert (template["compliant"], template["unverified"]) == (False, ["acme/tiny"])
    document = await catalog(registry)
    assert [one["id"] for one in document["tombstones"]] == ["acme/tiny"]


async def test_two_hundred_flips_at_once_leave_every_badge_as_the_view_has_it(registry: Registry) -> None:
    for model in BOTH:
        await approved(registry, model)
    await put_template(registry, "both", *BOTH)
    people = [await registry.person(f"verifier{number}", "verify") for number in range(4)]
    done = asyncio.Event()
    watched = asyncio.ensure_future(watch(registry, done))
    gate = asyncio.Semaphore(40)

    async def flip(index: int) -> None:
        async with gate:
            answer = await verify(people[index % 4], BOTH[index % 2], wanted=index % 3 != 0)
            assert [one["id"] for one in answer["templates"]] == ["both"]

    await asyncio.gather(*(flip(index) for index in range(FLIPS)))
    done.set()
    assert await watched > 0
    for wanted in (True, False):
        answers = await asyncio.gather(*(verify(people[index], model, wanted)
                                         for index, model in enumerate(BOTH)))  # fmt: skip
        assert (await registry.reader.get("/templates/both")).json["compliant"] is wanted
        if wanted:
            assert any(answer["templates"][0]["compliant"] for answer in answers)
    entries = await audited(registry, "model.verified", "model.unverified")
    for model in BOTH:
        acts = [entry["action"] for entry in entries if entry["subject"] == model]
        assert acts[0] == "model.verified"
        assert all(before != after for before, after in itertools.pairwise(acts))


async def watch(registry: Registry, done: asyncio.Event) -> int:
    """Look at one moment after another until it is done; how often."""
    looked = 0
    while not done.is_set():
        async with registry.parts.database.reading() as connection:
            verified = set((await connection.execute(sa.text("SELECT model FROM verification"))).scalars())
            badge = (
                await connection.execute(
                    sa.text("SELECT compliant FROM template_compliance WHERE template = 'both'")
                )
            ).scalar_one()
        assert bool(badge) == is_compliant(BOTH, verified)
        shown = (await registry.reader.get("/templates/both")).json
        assert shown["compliant"] == (shown["unverified"] == [])
        looked += 1
    return looked


async def test_templates_are_put_listed_and_forgotten(registry: Registry) -> None:
    revision = await settled(registry)
    made = await put_template(registry, "summaries", "qwen/qwen3-4b", "acme/nowhere")
    assert made["models"] == ["acme/nowhere", "qwen/qwen3-4b"]
    assert (made["compliant"], made["updated_by"]) == (False, "admin")
    again = await put_template(registry, "summaries", "acme/nowhere", "qwen/qwen3-4b")
    assert again == made
    changed = await registry.admin.put(
        "/templates/summaries", {"name": "Other", "description": "a\nb", "models": ["qwen/qwen3-4b"]}
    )
    assert (changed.json["name"], changed.json["models"]) == ("Other", ["qwen/qwen3-4b"])
    assert (await catalog(registry))["revision"] == revision + 2
    assert [one["id"] for one in (await catalog(registry))["templates"]] == ["summaries"]
    for number in range(3):
        await put_template(registry, f"t{number}", "qwen/qwen3-4b")
    ids, after = [], ""
    while True:
        page = (await registry.reader.get(f"/templates?limit=3{after}")).json
        ids += [one["id"] for one in page["items"]]
        assert page["total"] == 4
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert ids == ["summaries", "t0", "t1", "t2"]
    assert (await registry.admin.delete("/templates/summaries")).status == 204
    assert (await registry.admin.delete("/templates/summaries")).status == 404
    assert (await registry.reader.get("/templates/summaries")).status == 404
    assert (await registry.reader.get("/templates/summaries/compliance")).status == 404
    assert (await registry.reader.get("/templates?after=WyIAIl0")).status == 422
    assert [entry["action"] for entry in await audited(registry, "template.put", "template.deleted")] == [
        *["template.put"] * 5, "template.deleted",
    ]  # fmt: skip


async def test_a_template_that_cannot_be_is_refused(registry: Registry) -> None:
    good = {"name": "One", "models": ["qwen/qwen3-4b"]}
    for ident in ("A", "-x", "x" * 65, "x%0A", "%00", "x%20y"):
        assert (await registry.admin.put(f"/templates/{ident}", good)).status == 422, ident
        assert (await registry.admin.get(f"/templates/{ident}")).status == 404, ident
        assert (await registry.admin.delete(f"/templates/{ident}")).status == 404, ident
    faults: list[dict[str, Any]] = [
        {"name": ""}, {"name": "\x1b[1m"}, {"description": "a\u202eb"}, {"models": []},
        {"models": ["x"]}, {"models": ["a/b", "a/b"]}, {"compliant": True}, {"models": ["a/b"] * 257},
    ]  # fmt: skip
    for fault in faults:
        assert (await registry.admin.put("/templates/x", good | fault)).status == 422, fault
    for person in (registry.author, registry.reviewer, registry.reader):
        assert (await person.put("/templates/x", good)).status == 403
        assert (await person.delete("/templates/x")).status == 403
