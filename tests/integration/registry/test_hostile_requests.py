"""What no well-meaning client sends."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from modelhubd.registry import app
from modelhubd.registry.access import SECRET_LENGTH, checksum, new_secret, parse_token
from modelhubd.registry.application import SECURITY_HEADERS
from modelhubd.registry.routing import BODY_BYTES, PUBLISH_BYTES
from modelhubd.web import bodies
from tests.fakes.registry import Registry, running_registry
from tests.fakes.registry_template import Copies

TOKEN = {"principal": "author", "scopes": ["read"], "expires_in_s": 60}


async def raw(registry: Registry, request: bytes, *, within_s: float = 20.0) -> tuple[bytes, bytes]:
    """(head, body) of what is answered until the connection ends."""
    address = urlsplit(registry.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(request)
        async with asyncio.timeout(within_s):
            answer = await reader.read()
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


async def test_what_is_no_request_is_answered_with_a_problem(sqlite_registry: Registry) -> None:
    for request_bytes in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 1000 + b"\r\n",
    ):
        head, body = await raw(sqlite_registry, request_bytes)
        assert head.startswith(b"HTTP/1.0 400 "), (request_bytes[:80], head)
        assert b"application/problem+json" in head
        for name, value in SECURITY_HEADERS.items():
            assert f"{name}: {value}".encode() in head
        assert json.loads(body)["code"] == "unreadable_request"


async def test_an_expectation_that_nobody_knows_is_a_problem_too(sqlite_registry: Registry) -> None:
    head, body = await raw(
        sqlite_registry,
        b"POST /api/v1/tokens HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 0\r\n"
        b"Connection: close\r\n\r\n",
    )
    assert head.startswith(b"HTTP/1.1 417 ")
    assert json.loads(body)["status"] == 417


async def test_a_slow_head_is_cut_off(monkeypatch: pytest.MonkeyPatch, copies: Copies) -> None:
    monkeypatch.setattr(app, "HEAD_S", 0.5)
    async with copies() as registry:
        for sent in (b"", b"GET /api/v1/health HT"):
            assert await raw(registry, sent) == (b"", b"")
        assert (await registry.anybody.get("/health")).status == 200


async def test_a_slow_body_is_cut_off(monkeypatch: pytest.MonkeyPatch, copies: Copies) -> None:
    monkeypatch.setattr(bodies, "BODY_S", 0.5)
    async with copies(drain_s=0.5) as registry:
        head, body = await raw(
            registry,
            b"POST /api/v1/tokens HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000\r\nAuthorization: Bearer "
            + str(registry.admin.token).encode()
            + b'\r\n\r\n{"princ',
        )
        assert head.startswith(b"HTTP/1.1 400 ")
        assert json.loads(body)["code"] == "body_too_slow"


async def test_bodies_are_bounded_by_their_route(registry: Registry) -> None:
    large = json.dumps({**TOKEN, "note": "x" * BODY_BYTES}).encode()
    refused = await registry.admin.post("/tokens", large)
    assert (refused.status, refused.code) == (413, "too_large")
    head, body = await raw(
        registry,
        b"POST /api/v1/tokens HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n"
        b"Transfer-Encoding: chunked\r\nAuthorization: Bearer "
        + str(registry.admin.token).encode()
        + b"\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(large), large),
    )
    assert head.startswith(b"HTTP/1.1 413 ")
    assert json.loads(body)["code"] == "too_large"
    entry = json.dumps({"description": "x" * PUBLISH_BYTES}).encode()
    refused = await registry.author.post("/models/acme/one/versions", entry, key="k")
    assert (refused.status, refused.code) == (413, "too_large")


async def test_a_body_that_is_not_what_it_should_be_is_refused(sqlite_registry: Registry) -> None:
    for body, status in (
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"principal": "a", "principal": "b", "scopes": ["read"], "expires_in_s": 60}', 400),
        (b'{"principal": "a", "scopes": ["read"], "expires_in_s": NaN}', 400),
        (b'{"principal": "a", "scopes": ["read"], "expires_in_s": ' + b"9" * 5000 + b"}", 400),
        (b"[" * 8000, 400),
        (b"[]", 422),
        (b'{"principal": "a", "scopes": ["read"], "expires_in_s": 60, "admin": true}', 422),
        (b'{"principal": "a", "scopes": ["read"], "expires_in_s": 60.5}', 422),
        (b'{"principal": "a", "scopes": ["read"], "expires_in_s": 1e9}', 422),
        (b'{"principal": "a\\u202e", "scopes": ["read"], "expires_in_s": 60}', 422),
        (b'{"principal": "a", "scopes": ["read"], "expires_in_s": 60, "note": "\\u001b[31m"}', 422),
    ):
        refused = await sqlite_registry.admin.post("/tokens", body)
        assert refused.status == status, (body[:80], refused.body)
        assert refused.headers["Content-Type"] == "application/problem+json"


async def test_a_form_of_another_site_is_no_json(sqlite_registry: Registry) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        refused = await sqlite_registry.admin.post(
            "/tokens", json.dumps(TOKEN).encode(), headers={"Content-Type": kind}
        )
        assert (refused.status, refused.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize("text", ["%00", "a%00b", "%0a", "%1b%5b31m", "%e2%80%ae", "%ff%fe", "a" * 5000])
async def test_text_that_no_database_takes_is_refused_wherever_a_name_stands(
    registry: Registry, text: str
) -> None:
    for method, path in (
        ("GET", f"/publishers/{text}"),
        ("GET", f"/publishers/{text}/keys"),
        ("DELETE", f"/publishers/acme/keys/{text}"),
        ("DELETE", f"/tokens/{text}"),
        ("GET", f"/templates/{text}"),
        ("DELETE", f"/templates/{text}"),
        ("GET", f"/models/acme/{text}"),
        ("PUT", f"/models/{text}/x/verification"),
        ("GET", f"/tuf/{text}"),
    ):
        answer = await registry.admin.ask(method, path)
        assert answer.status == 404, (method, path, answer.body)
    for name in ("action", "actor", "subject"):
        found = await registry.admin.get(f"/audit?{name}={text}")
        assert found.status == 422 or (found.status == 200 and not found.json["items"]), found.body


async def test_a_mistyped_cut_unknown_expired_or_revoked_token_is_refused(
    tmp_path: Path, database_url: str
) -> None:
    moment = [datetime(2026, 1, 1, tzinfo=UTC)]
    async with running_registry(tmp_path / "state", database_url, clock=lambda: moment[0]) as registry:
        good = str(registry.reader.token)
        swapped = good[:-1] + ("a" if good[-1] != "a" else "b")
        body = f"mhr_{good.split('_')[1]}_{new_secret().text.split('_')[2][:SECRET_LENGTH]}"
        forged = body + checksum(body)
        assert parse_token(forged), "known by its id, well-formed, and with another secret"
        wrongs = ("", "x", good[:-1], good + "x", swapped, good.upper(), new_secret().text, good[4:], forged)
        for wrong in wrongs:
            refused = await registry.anybody.get("/me", headers={"Authorization": f"Bearer {wrong}"})
            assert (refused.status, refused.code) == (401, "unauthenticated"), wrong
            assert wrong.encode() not in refused.body or not wrong or wrong == "x"
        for header in (good, f"Basic {good}", f"Token {good}"):
            refused = await registry.anybody.get("/me", headers={"Authorization": header})
            assert refused.status == 401
        assert (await registry.anybody.get(f"/me?token={good}")).status == 401
        assert (await registry.reader.get("/me")).status == 200
        moment[0] += timedelta(hours=1)
        assert (await registry.reader.get("/me")).status == 401


async def test_one_principal_that_asks_too_often_is_told_when_to_come_back(
    copies: Copies,
) -> None:
    async with copies(requests_per_s=0.01, requests_at_once=8) as registry:
        answers = [await registry.reader.get("/me") for _ in range(9)]
        assert [answer.status for answer in answers] == [200] * 8 + [429]
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert answers[-1].code == "too_many_requests"
        assert (await registry.author.get("/me")).status == 200
        assert (await registry.reader.get("/tuf/timestamp.json")).status == 200, "machines share a token"
        figures = (await registry.anybody.get("/metrics")).body.decode()
        assert "modelhub_registry_rate_refusals_total 1" in figures
