"""Publishing: taken whole or refused, numbered densely, seen only by whom it concerns."""

import asyncio
import json
from typing import Any

from modelhubd.entries.fields import MANAGED
from tests.fakes.registry import Registry
from tests.integration.registry.publishes import (
    MODEL,
    approved,
    audited,
    decide,
    patiently,
    publish,
    published,
)
from tests.unit.registry.samples import OTHER, file_json, option_json, publish_json

AT_ONCE = 50


async def test_a_publish_waits_for_review_with_its_issues(registry: Registry) -> None:
    answer = await publish(registry.author, capabilities=["telepathy"], notes="first")
    assert answer.status == 201
    found = answer.json
    assert (found["version"], found["status"]) == (1, "pending")
    assert [(issue["code"], issue["pointer"]) for issue in found["issues"]] == [
        ("unknown_capability", "/capabilities/0")
    ]
    version = (await registry.author.get(f"{MODEL}/versions/1")).json
    assert version["content_sha256"] == found["content_sha256"]
    assert (version["published_by"], version["notes"], version["issues"]) == ("author", "first", 1)
    assert version["entry"]["display_name"] == "Tiny"
    assert version["entry"]["published_by"] == "author"
    assert not version["served"]
    issues = await registry.reviewer.get(f"{MODEL}/versions/1/issues")
    assert issues.json == found["issues"]
    (entry,) = await audited(registry, "version.published")
    assert (entry["actor"], entry["subject"]) == ("author", "acme/tiny@1")
    assert entry["detail"]["content_sha256"] == found["content_sha256"]
    assert (await registry.reader.get("/catalog")).json["revision"] >= 1


async def test_what_is_wrong_with_a_publish_is_told_and_nothing_is_kept(registry: Registry) -> None:
    for field in sorted(MANAGED):
        answer = await registry.author.post(f"{MODEL}/versions", publish_json() | {field: 1}, key="k")
        assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, f"/{field}"), answer.body
    faults: list[tuple[Any, int]] = [
        (publish_json(surprise=1), 422), (publish_json(id="acme/other"), 422), ([], 422), (b"{", 400),
        (publish_json(options=[]), 422), (b" " * (256 * 1024 + 1), 413),
    ]  # fmt: skip
    for body, status in faults:
        answer = await registry.author.post(f"{MODEL}/versions", body, key="k")
        assert answer.status == status, answer.body
    missing = await registry.author.post(f"{MODEL}/versions", publish_json())
    assert (missing.status, missing.code) == (400, "idempotency_key_missing")
    other = await registry.author.ask(
        "POST", f"{MODEL}/versions", publish_json(), key="k", headers={"Content-Type": "text/plain"}
    )
    assert other.status == 415
    assert (await registry.author.get(MODEL)).status == 404
    assert await audited(registry, "version.published") == []
    assert (await published(registry.author))["version"] == 1


async def test_nobody_publishes_under_anothers_name(registry: Registry) -> None:
    for model in ("globex/tiny", "qwen/qwen3-4b", "acme2/tiny", "acm/tiny"):
        answer = await publish(registry.author, model)
        assert (answer.status, answer.code) == (403, "scope_missing"), model
    for person in (registry.reader, registry.reviewer, registry.admin, registry.anybody):
        answer = await publish(person)
        assert answer.status == (401 if person is registry.anybody else 403)
    for model in ("acme/Tiny", "acme/tiny%0A", "acme/..", "acme/%D1%82iny", "acme/ti%E2%80%8Bny", "acme/-x"):
        answer = await publish(registry.author, model)
        assert answer.status in (404, 422), model
    nobody = await registry.person("stranger", "publish:nowhere")
    assert (await publish(nobody, "nowhere/tiny")).status == 404


async def test_a_suspended_publisher_publishes_nothing_and_nothing_of_its_is_approved(
    registry: Registry,
) -> None:
    found = await published(registry.author)
    wanted = {"status": "suspended", "reason": "left"}
    assert (await registry.admin.patch("/publishers/acme", wanted)).status == 200
    answer = await publish(registry.author)
    assert (answer.status, answer.code) == (403, "publisher_suspended")
    refused = await decide(registry.reviewer, found)
    assert (refused.status, refused.code) == (409, "publisher_suspended")
    assert (await decide(registry.reviewer, found, "reject", reason="suspended")).status == 200
    assert (await registry.admin.patch("/publishers/acme", wanted | {"status": "active"})).status == 200
    assert (await publish(registry.author)).status == 201


async def test_a_model_of_the_seed_goes_on_with_its_publisher(registry: Registry) -> None:
    person = await registry.person("maker", "publish:qwen")
    found = await published(person, "qwen/qwen3-4b")
    assert found["version"] == 2
    assert "license_changed" in {issue["code"] for issue in found["issues"]}
    assert (await decide(registry.reviewer, found, model="qwen/qwen3-4b")).status == 200
    model = (await registry.reader.get("/models/qwen/qwen3-4b")).json
    assert (model["served_version"], model["last_version"]) == (2, 2)
    first = (await registry.reader.get("/models/qwen/qwen3-4b/versions/1")).json
    assert (first["published_by"], first["status"]) == ("seed", "approved")


async def test_weights_of_another_model_are_noticed_also_those_of_the_seed(registry: Registry) -> None:
    seeded = (await registry.reader.get("/models/qwen/qwen3-4b")).json["entry"]
    file = next(one for one in seeded["options"][0]["files"] if one["role"] == "model")
    options = [option_json(files=[file_json(sha256=file["sha256"], size_bytes=file["size_bytes"])])]
    found = await published(registry.author, options=options)
    (issue,) = [one for one in found["issues"] if one["code"] == "duplicate_digest"]
    assert "qwen/qwen3-4b" in issue["message"]
    again = await published(registry.author, "acme/other", options=options)
    assert "duplicate_digest" in {one["code"] for one in again["issues"]}
    mine = await published(registry.author, options=[option_json(files=[file_json(sha256=OTHER)])])
    assert mine["issues"] == []


async def test_issues_tell_a_publisher_nothing_of_anothers_unapproved_models(registry: Registry) -> None:
    await published(registry.second_author, "globex/secret")
    found = await published(registry.author, "acme/secret")
    assert found["issues"] == []
    await decide(registry.reviewer, {**found, "version": 1}, model="acme/secret")
    after = await published(registry.second_author, "globex/secret")
    assert {issue["code"] for issue in after["issues"]} == {"duplicate_digest", "lookalike_name"}


async def test_the_same_key_gets_the_first_answer_and_publishes_once(registry: Registry) -> None:
    first = await registry.author.post(f"{MODEL}/versions", publish_json(), key="one key")
    again = await registry.author.post(f"{MODEL}/versions", publish_json(), key="one key")
    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    other = await registry.author.post(f"{MODEL}/versions", publish_json(tags=["x"]), key="one key")
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    elsewhere = await registry.author.post("/models/acme/other/versions", publish_json(), key="one key")
    assert (elsewhere.status, elsewhere.code) == (422, "idempotency_key_reused")
    theirs = await registry.second_author.post(f"{MODEL}/versions", publish_json(), key="one key")
    assert (theirs.status, theirs.json["version"]) == (201, 2)
    assert len(await audited(registry, "version.published")) == 2


async def test_the_same_publish_many_times_at_once_is_one(registry: Registry) -> None:
    answers = await asyncio.gather(
        *(
            patiently(registry.author, "POST", f"{MODEL}/versions", publish_json(), key="k")
            for _ in range(AT_ONCE)
        )
    )
    assert {answer.body for answer in answers} == {answers[0].body}
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert len(await audited(registry, "version.published")) == 1


async def test_fifty_publishes_at_once_are_numbered_without_a_gap(registry: Registry) -> None:
    models = ("acme/tiny", "acme/small")
    answers = await asyncio.gather(
        *(publish(registry.author, models[index % 2], notes=f"n{index}") for index in range(AT_ONCE))
    )
    assert {answer.status for answer in answers} == {201}
    for model in models:
        listed = (await registry.author.get(f"/models/{model}/versions?limit=200")).json
        assert [one["version"] for one in listed["items"]] == list(range(AT_ONCE // 2, 0, -1))
    entries = await audited(registry, "version.published")
    assert [entry["seq"] for entry in entries] == sorted(entry["seq"] for entry in entries)
    assert {entry["subject"] for entry in entries} == {
        f"{model}@{number}" for model in models for number in range(1, AT_ONCE // 2 + 1)
    }


async def test_a_number_is_never_given_twice_whatever_became_of_it(registry: Registry) -> None:
    first = await published(registry.author)
    assert (await registry.author.post(f"{MODEL}/versions/1/cancel")).status == 200
    second = await published(registry.author)
    assert (await decide(registry.reviewer, second, "reject", reason="no")).status == 200
    third = await published(registry.author)
    assert (await decide(registry.reviewer, third)).status == 200
    gone = await registry.admin.post(f"{MODEL}/versions/3/withdraw", {"reason": "bad"})
    assert gone.status == 200
    fourth = await published(registry.author)
    assert [found["version"] for found in (first, second, third, fourth)] == [1, 2, 3, 4]


async def test_who_publishes_may_cancel_while_nobody_has_decided(registry: Registry) -> None:
    await published(registry.author)
    await published(registry.author)
    stranger = await registry.person("stranger", "publish:globex")
    assert (await stranger.post(f"{MODEL}/versions/1/cancel")).status == 403
    assert (await registry.reviewer.post(f"{MODEL}/versions/1/cancel")).status == 403
    cancelled = await registry.author.post(f"{MODEL}/versions/1/cancel")
    assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
    other = await registry.second_author.post(f"{MODEL}/versions/2/cancel")
    assert (other.status, other.json["decided_by"]) == (200, "second_author")
    again = await registry.author.post(f"{MODEL}/versions/1/cancel")
    assert (again.status, again.code) == (409, "wrong_state")
    assert [entry["actor"] for entry in await audited(registry, "version.cancelled")] == [
        "author", "second_author",
    ]  # fmt: skip
    found = await approved(registry)
    assert (await registry.author.post(f"{MODEL}/versions/{found['version']}/cancel")).status == 409


UNSEEN = ("pending", "rejected", "cancelled")


async def test_versions_that_were_never_approved_are_as_if_they_were_not_there(registry: Registry) -> None:
    await published(registry.author)
    await decide(registry.reviewer, await published(registry.author), "reject", reason="no")
    await published(registry.author)
    assert (await registry.author.post(f"{MODEL}/versions/3/cancel")).status == 200
    stranger = await registry.person("stranger", "publish:globex", "verify")
    for person in (registry.reader, stranger):
        for number in (1, 2, 3):
            for suffix in ("", "/issues"):
                hidden = await person.get(f"{MODEL}/versions/{number}{suffix}")
                absent = await person.get(f"{MODEL}/versions/99{suffix}")
                assert hidden.status == 404
                assert hidden.body == absent.body
        for path in (MODEL, f"{MODEL}/versions"):
            hidden, absent = await person.get(path), await person.get(path.replace("tiny", "nope"))
            assert hidden.status == 404
            assert hidden.body.replace(b"tiny", b"nope") == absent.body
        listed = (await person.get("/models?limit=200")).json
        assert "acme/tiny" not in {model["id"] for model in listed["items"]}
        assert (await person.get("/models?q=tiny&status=pending&status=rejected")).json["total"] == 0
        assert (await person.get("/reviews")).status == 403
        for method, path in (
            ("PUT", f"{MODEL}/star"), ("POST", f"{MODEL}/downloads"), ("DELETE", f"{MODEL}/star"),
        ):  # fmt: skip
            assert (await person.ask(method, path)).status == 404
    assert (await stranger.put(f"{MODEL}/verification")).status == 404
    for person in (registry.author, registry.reviewer, registry.admin):
        listed = (await person.get(f"{MODEL}/versions")).json
        assert {one["status"] for one in listed["items"]} == set(UNSEEN)
        assert (await person.get(f"{MODEL}/versions/1")).status == 200
        assert (await person.get(MODEL)).json["last_version"] == 3


async def test_readers_see_of_a_served_model_only_what_was_approved(registry: Registry) -> None:
    await approved(registry)
    await published(registry.author, notes="secret")
    model = (await registry.reader.get(MODEL)).json
    assert (model["last_version"], model["served_version"]) == (1, 1)
    listed = (await registry.reader.get(f"{MODEL}/versions")).json
    assert (listed["total"], [one["version"] for one in listed["items"]]) == (1, [1])
    assert b"secret" not in (await registry.reader.get(f"{MODEL}/versions")).body
    assert (await registry.reader.get("/models?q=tiny&status=pending")).json["total"] == 0
    assert (await registry.author.get("/models?q=tiny&status=pending")).json["total"] == 1


async def test_what_is_published_cannot_be_edited(registry: Registry) -> None:
    await approved(registry)
    for method in ("PUT", "PATCH", "DELETE"):
        for path in (MODEL, f"{MODEL}/versions/1", f"{MODEL}/versions"):
            answer = await registry.admin.ask(method, path, {})
            assert answer.status == 405, (method, path)


async def test_models_and_versions_are_listed_page_by_page(registry: Registry) -> None:
    for _ in range(5):
        await published(registry.author)
    numbers, after = [], ""
    while True:
        page = (await registry.author.get(f"{MODEL}/versions?limit=2{after}")).json
        assert page["total"] == 5
        numbers += [one["version"] for one in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert numbers == [5, 4, 3, 2, 1]
    ids, after = [], ""
    while True:
        page = (await registry.author.get(f"/models?limit=40{after}")).json
        ids += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert ids == sorted(ids)
    assert len(ids) == len(set(ids)) == page["total"]
    assert "acme/tiny" in ids
    only = (await registry.author.get("/models?publisher=acme&publisher=qwen&q=E/TINY")).json
    assert [one["id"] for one in only["items"]] == ["acme/tiny"]
    assert (await registry.author.get("/models?q=%25")).json["total"] == 0
    assert (await registry.author.get("/models?q=_iny")).json["total"] == 0


async def test_a_query_that_cannot_be_is_refused(registry: Registry) -> None:
    await published(registry.author)
    for path in (
        "/models?q=%00", "/models?publisher=%00", "/models?after=WyIAIl0", "/models?after=bm8",
        f"{MODEL}/versions?after=W10", f"{MODEL}/versions?after=Wzk5OTk5OTk5OTk5OTk5OTk5OTld",
        "/models?status=served", "/models?limit=0", "/models?verified=perhaps",
    ):  # fmt: skip
        answer = await registry.author.get(path)
        assert answer.status == 422, (path, answer.body)
        assert answer.json["errors"][0]["pointer"].startswith("?")


async def test_a_version_that_is_no_number_is_not_there(registry: Registry) -> None:
    await approved(registry)
    for number in ("0", "-1", "01", "1.0", "x", "%00", "9" * 40, "1%0A", "²"):
        assert (await registry.admin.get(f"{MODEL}/versions/{number}")).status == 404, number
    for ident in ("acme/%00", "%00/x", "acme/TINY", "acme/tiny%20"):
        assert (await registry.admin.get(f"/models/{ident}")).status == 404, ident


TEXTS = ("\x1b[31mred", "a\u202eb", "a\u2066b", "a\u200bb", "a\x00b", "a\x07b", "a\u2028b", "\ud800")


async def test_hidden_characters_are_refused_in_every_text(registry: Registry) -> None:
    places: dict[str, Any] = {
        "/display_name": lambda text: {"display_name": text},
        "/description": lambda text: {"description": text},
        "/notes": lambda text: {"notes": text},
        "/base_model": lambda text: {"base_model": text},
        "/homepage": lambda text: {"homepage": "https://example.com/" + text},
        "/license/name": lambda text: {"license": {"spdx": "MIT", "name": text}},
        "/license/url": lambda text: {"license": {"spdx": "MIT", "url": "https://example.com/" + text}},
        "/tags/0": lambda text: {"tags": [text]},
        "/capabilities/0": lambda text: {"capabilities": [text]},
        "/architecture/family": lambda text: {"architecture": {"family": text}},
        "/requires/daemon": lambda text: {"requires": {"daemon": text}},
        "/requires/app/x": lambda text: {"requires": {"app": {"x": text}}},
        "/options/0/quantizer": lambda text: {"options": [option_json(quantizer=text)]},
        "/options/0/files/0/urls/0": lambda text: {"options": [option_json(files=[file_json(urls=[text])])]},
        "/options/0/files/0/name": lambda text: {"options": [option_json(files=[file_json(text)])]},
        "/options/0/id": lambda text: {"options": [option_json(text)]},
    }
    for pointer, place in places.items():
        for text in TEXTS:
            body = json.dumps(publish_json(**place(text))).encode()
            answer = await registry.author.post(f"{MODEL}/versions", body, key="k")
            assert answer.status == 422, (pointer, text)
            assert answer.json["errors"][0]["pointer"] == pointer
    for markup in ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>"):
        found = await published(registry.author, description=markup)
        assert [(one["code"], one["severity"]) for one in found["issues"]] == [("suspicious_text", "error")]
        assert (await decide(registry.reviewer, found)).code == "blocked"


NAMES = (
    "../x.gguf", "/etc/x.gguf", "C:\\x.gguf", "C:/x.gguf", "a\\b.gguf", "nul.gguf", "COM1.gguf", "-x.gguf",
    ".x.gguf", "x.gguf.", "x.gguf ", "a//b.gguf", "a/../b.gguf", "x.pkl", "x.py", "x.sh", "x.zip", "x.bin",
    "x.gguf\n", "", "x" * 300 + ".gguf", "a/b/c/d/e.gguf", "х.gguf",
)  # fmt: skip


async def test_file_names_and_option_ids_that_could_do_harm_are_refused(registry: Registry) -> None:
    for name in NAMES:
        answer = await publish(registry.author, options=[option_json(files=[file_json(name)])])
        assert answer.status == 422, name
        assert answer.json["errors"][0]["pointer"] == "/options/0/files/0/name"
    for twins in (("a.gguf", "A.gguf"), ("a/b.gguf", "A/c.gguf"), ("x.gguf", "x.gguf/y.gguf")):
        files = [file_json(twins[0]), file_json(twins[1], role="shard", sha256=OTHER)]
        answer = await publish(registry.author, options=[option_json(files=files)])
        assert answer.status == 422, twins
    for ident in ("../x", "A", "x/y", "x y", "-x", "", "x" * 65, "x..y", "x\n"):
        answer = await publish(registry.author, options=[option_json(ident)])
        assert answer.status == 422, ident
