"""Tokens, publishers and keys over HTTP."""

from modelhubd.registry.access import parse_token
from tests.fakes.registry import Registry


async def test_everybody_is_told_who_they_are(registry: Registry) -> None:
    me = (await registry.author.get("/me")).json
    assert (me["principal"], me["scopes"]) == ("author", ["publish:acme"])
    assert (me["registry"], me["four_eyes"]) == ("registry.test", True)


async def test_a_token_is_shown_once_and_works_until_it_is_revoked(registry: Registry) -> None:
    person = await registry.person("another", "review")
    assert person.token is not None
    parsed = parse_token(person.token)
    assert parsed is not None
    listed = await registry.admin.get("/tokens?limit=200")
    assert parsed[1].encode() not in listed.body
    assert parsed[0] in {token["id"] for token in listed.json["items"]}
    assert (await person.get("/me")).status == 200
    assert (await registry.admin.delete(f"/tokens/{parsed[0]}")).status == 204
    refused = await person.get("/me")
    assert (refused.status, refused.code) == (401, "unauthenticated")
    assert refused.headers["WWW-Authenticate"] == "Bearer"
