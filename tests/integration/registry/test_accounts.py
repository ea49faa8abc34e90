"""Tokens, publishers and keys over HTTP."""

import asyncio
import logging
from typing import Any

import pytest
import sqlalchemy as sa

from modelhubd.registry.access import parse_token, sha256_of
from modelhubd.registry.accounts.store import revoke_token
from modelhubd.registry.database import Database
from modelhubd.registry.opening import now
from modelhubd.registry.schema import metadata, token
from modelhubd.trust.signing import key_id
from modelhubd.wire.base import rfc3339
from tests.fakes.registry import Answered, Person, Registry

PUBLIC = "ab" * 32


async def acts(registry: Registry, **only: str) -> list[tuple[str, str, str]]:
    """(actor, action, subject) of the audit log."""
    query = "".join(f"&{name}={value}" for name, value in only.items())
    page = (await registry.admin.get(f"/audit?limit=200{query}")).json
    return [(entry["actor"], entry["action"], entry["subject"]) for entry in page["items"]]


async def revision(registry: Registry) -> int:
    return int((await registry.reader.get("/catalog")).json["revision"])


async def revision_now(registry: Registry) -> int:
    await registry.parts.releases.released()
    return await revision(registry)


def id_of(person: Person) -> str:
    found = parse_token(str(person.token))
    assert found is not None
    return found[0]


async def test_everybody_is_told_who_they_are(registry: Registry) -> None:
    me = (await registry.author.get("/me")).json
    assert (me["principal"], me["scopes"]) == ("author", ["publish:acme"])
    assert (me["registry"], me["four_eyes"]) == ("registry.test", True)


async def test_a_token_is_shown_once_and_works_until_it_is_revoked(registry: Registry) -> None:
    person = await registry.person("another", "review")
    assert (await person.get("/me")).status == 200
    assert (await registry.admin.delete(f"/tokens/{id_of(person)}")).status == 204
    refused = await person.get("/me")
    assert (refused.status, refused.code) == (401, "unauthenticated")
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert (await registry.admin.delete(f"/tokens/{id_of(person)}")).status == 204
    told = await acts(registry, subject=id_of(person))
    assert told == [("admin", "token.created", id_of(person)), ("admin", "token.revoked", id_of(person))]


async def test_a_token_that_somebody_else_revokes_is_refused_from_the_next_request_on(
    registry: Registry,
) -> None:
    """Another process, as one of several on PostgreSQL or a command beside the service on SQLite."""
    person = await registry.person("another", "review")
    assert (await person.get("/me")).status == 200
    async with Database.open(registry.parts.config.database_url) as other:
        async with other.changing() as connection:
            await revoke_token(connection, id_of(person), rfc3339(now()))
            assert (await person.get("/me")).status == 200  # not committed yet
        refused = await person.get("/me")
        assert (refused.status, refused.code) == (401, "unauthenticated")
        later = await registry.person("later", "review")
        async with other.reading() as connection:
            assert (await later.get("/me")).status == 200
            await connection.execute(sa.select(token))
        assert (await later.get("/me")).status == 200


async def test_a_secret_is_in_no_table_log_or_later_answer(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        person = await registry.person("another", "review")
        text = str(person.token)
        parsed = parse_token(text)
        assert parsed is not None
        secret = parsed[1]
        answers = [await person.get("/me"), await registry.admin.get("/tokens?limit=200")]
        answers.append(await registry.admin.get("/audit?limit=200"))
        answers.append(await registry.anybody.get("/metrics"))
    assert all(secret.encode() not in answer.body for answer in answers)
    assert secret not in caplog.text
    async with registry.parts.database.reading() as connection:
        for table in metadata.tables.values():
            assert secret not in str((await connection.execute(sa.select(table))).all()), table.name
        kept = await connection.scalar(sa.select(token.c.secret_sha256).where(token.c.id == parsed[0]))
    assert kept == sha256_of(secret)


async def test_people_see_and_revoke_their_own_tokens_only(registry: Registry) -> None:
    mine = (await registry.author.get("/tokens")).json["items"]
    assert {one["principal"] for one in mine} == {"author"}
    refused = await registry.author.delete(f"/tokens/{id_of(registry.reviewer)}")
    unknown = await registry.author.delete("/tokens/none")
    assert (refused.status, refused.code) == (unknown.status, unknown.code) == (404, "not_found")
    assert (await registry.reviewer.get("/me")).status == 200
    assert (await registry.author.delete(f"/tokens/{id_of(registry.author)}")).status == 204
    assert (await registry.author.get("/me")).status == 401


async def test_one_makes_oneself_a_token_that_can_do_and_last_no_more(registry: Registry) -> None:
    async def wanted(principal: str, *scopes: str, expires_in_s: int = 60) -> Answered:
        return await registry.author.post(
            "/tokens", {"principal": principal, "scopes": scopes, "expires_in_s": expires_in_s}
        )

    assert (await wanted("author", "read", "publish:acme")).status == 201
    for principal, scope in (
        ("author", "review"), ("author", "admin"), ("author", "verify"), ("author", "publish:globex"),
        ("reviewer", "read"), ("unknown", "read"),
    ):  # fmt: skip
        refused = await wanted(principal, scope)
        assert (refused.status, refused.code) == (403, "scope_missing"), (principal, scope)
    longer = (await wanted("author", "read", expires_in_s=366 * 86400)).json["info"]
    assert longer["expires_at"] == (await registry.author.get("/me")).json["expires_at"]
    assert longer["created_by"] == "author"


async def test_nobody_gets_a_token_of_another_kind_of_name_scope_or_end(sqlite_registry: Registry) -> None:
    good: dict[str, Any] = {"principal": "a", "scopes": ["read"], "expires_in_s": 60}
    names = ("seed", "registry", "operator", "Author", "a b", "ａuthor", "-a", "")
    scopes = ("", "root", "publish:", "publish:*", "publish:a/b", "publish:a..b", "ADMIN")
    ends = (0, 59, -1, 367 * 86400, "60")
    wrong = [("/principal", good | {"principal": name}) for name in names]
    wrong += [("/scopes/1", good | {"scopes": ["read", scope]}) for scope in scopes]
    wrong += [("/expires_in_s", good | {"expires_in_s": end}) for end in ends]
    wrong += [("/expires_in_s", {"principal": "a", "scopes": ["read"]})]
    for pointer, wanted in wrong:
        refused = await sqlite_registry.admin.post("/tokens", wanted)
        assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, pointer), wanted
    assert (await sqlite_registry.admin.post("/tokens", good)).status == 201


async def test_the_hour_of_a_tokens_last_use_is_noted(registry: Registry) -> None:
    await registry.reader.get("/me")
    for _ in range(100):
        listed = (await registry.admin.get("/tokens?limit=200")).json["items"]
        used = {one["id"]: one["last_used_at"] for one in listed}[id_of(registry.reader)]
        if used is not None:
            break
        await asyncio.sleep(0.05)
    assert used.endswith(":00:00.000Z")


async def test_tokens_are_listed_in_pages(registry: Registry) -> None:
    whole = (await registry.admin.get("/tokens?limit=200")).json
    found, after = [], ""
    while True:
        page = (await registry.admin.get(f"/tokens?limit=2{after}")).json
        found += page["items"]
        assert page["total"] == whole["total"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert found == whole["items"]


async def test_a_publisher_is_made_suspended_and_activated(registry: Registry) -> None:
    before = await revision_now(registry)
    made = await registry.admin.post("/publishers", {"name": "initech", "display_name": "Initech"})
    assert (made.status, made.json["status"], made.json["keys"]) == (201, "active", [])
    again = await registry.admin.post("/publishers", {"name": "initech"})
    assert (again.status, again.code) == (409, "publisher_exists")
    assert await revision_now(registry) == before + 1
    change = {"status": "suspended", "reason": "left the organisation"}
    changed = await registry.admin.patch("/publishers/initech", change)
    assert (changed.status, changed.json["status"]) == (200, "suspended")
    assert (await registry.admin.patch("/publishers/initech", change)).status == 200
    assert await revision_now(registry) == before + 2
    back = await registry.admin.patch("/publishers/initech", {"status": "active", "reason": "is back"})
    assert (back.json["status"], await revision_now(registry)) == ("active", before + 3)
    assert await acts(registry, subject="initech") == [
        ("admin", "publisher.created", "initech"),
        ("admin", "publisher.suspended", "initech"),
        ("admin", "publisher.activated", "initech"),
    ]
    assert (await registry.reader.get("/publishers/initech")).json == back.json
    assert (await registry.reader.get("/publishers/none")).status == 404
    names = [one["name"] for one in (await registry.reader.get("/publishers?limit=200")).json["items"]]
    assert {"acme", "globex", "initech", "qwen"} <= set(names)
    assert names == sorted(names)


async def test_a_publishers_name_can_begin_a_models_id(sqlite_registry: Registry) -> None:
    for name in ("A", "a/b", "a..b", "", "-a", "a" * 65, "a\n", "hf.acme", "url.x.org"):
        refused = await sqlite_registry.admin.post("/publishers", {"name": name})
        assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/name"), name


async def test_a_publishers_key_is_added_read_and_revoked_for_good(registry: Registry) -> None:
    before = await revision_now(registry)
    added = await registry.admin.post("/publishers/acme/keys", {"public_key": PUBLIC})
    name = key_id(bytes.fromhex(PUBLIC))
    assert (added.status, added.json["key_id"]) == (201, name)
    for person in (registry.author, registry.admin):
        assert [one["key_id"] for one in (await person.get("/publishers/acme/keys")).json["items"]] == [name]
    for person in (registry.reader, registry.reviewer):
        assert (await person.get("/publishers/acme/keys")).status == 403
    again = await registry.admin.post("/publishers/acme/keys", {"public_key": PUBLIC})
    assert (again.status, again.code) == (409, "key_exists")
    assert (await registry.admin.delete(f"/publishers/acme/keys/{name}")).status == 204
    assert (await registry.admin.delete(f"/publishers/acme/keys/{name}")).status == 204
    (kept,) = (await registry.admin.get("/publishers/acme/keys")).json["items"]
    assert kept["revoked_at"] is not None
    again = await registry.admin.post("/publishers/acme/keys", {"public_key": PUBLIC})
    assert (again.status, again.code) == (409, "key_exists")
    assert (await registry.admin.delete("/publishers/acme/keys/none")).status == 404
    assert (await registry.admin.post("/publishers/none/keys", {"public_key": PUBLIC})).status == 404
    assert await revision_now(registry) == before + 2
    assert [act[1] for act in await acts(registry, subject="acme")] == [
        "publisher.created", "publisher_key.added", "publisher_key.revoked",
    ]  # fmt: skip
    listed = (await registry.reader.get("/catalog")).json["publishers"]
    (shown,) = next(one for one in listed if one["name"] == "acme")["keys"]
    assert (shown["key_id"], shown["revoked_at"]) == (name, kept["revoked_at"])


async def test_two_administrators_at_once_make_one_publisher(registry: Registry) -> None:
    answers = await asyncio.gather(
        *(registry.admin.post("/publishers", {"name": "initech"}) for _ in range(8))
    )
    assert sorted(answer.status for answer in answers) == [201] + [409] * 7
    assert len(await acts(registry, subject="initech")) == 1


async def test_what_cannot_be_audited_is_not_done(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with registry.parts.database.changing() as connection:
        await connection.exec_driver_sql("ALTER TABLE audit RENAME TO audit_away")
    try:
        for answer in (
            await registry.admin.post("/publishers", {"name": "initech"}),
            await registry.admin.post("/publishers/acme/keys", {"public_key": PUBLIC}),
            await registry.admin.delete(f"/tokens/{id_of(registry.reader)}"),
            await registry.admin.post("/tokens", {"principal": "x", "scopes": ["read"], "expires_in_s": 60}),
        ):
            assert answer.status == 500
            assert b"audit" not in answer.body
    finally:
        async with registry.parts.database.changing() as connection:
            await connection.exec_driver_sql("ALTER TABLE audit_away RENAME TO audit")
    assert (await registry.reader.get("/publishers/initech")).status == 404
    assert (await registry.author.get("/publishers/acme/keys")).json["items"] == []
    assert "x" not in {
        one["principal"] for one in (await registry.admin.get("/tokens?limit=200")).json["items"]
    }


async def test_the_first_start_serves_the_floor_and_says_so_in_one_entry(registry: Registry) -> None:
    first = (await registry.admin.get("/audit?limit=1")).json["items"][0]
    assert (first["actor"], first["action"], first["seq"]) == ("registry", "seed.imported", 0)
    served = (await registry.reader.get("/catalog")).json["entries"]
    assert first["detail"]["count"] == len(served) >= 100
    assert first["detail"]["skipped"] == []
    assert {entry["published_by"] for entry in served} == {"seed"}
