"""The client of a registry: one connection, one address, one token, whatever the other side does."""

import contextlib
import select
import ssl
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from modelhub_client import (
    Conflict,
    InvalidRequest,
    NotFound,
    NotPermitted,
    RegistryClient,
    RegistryUnreachable,
    UnexpectedAnswer,
)
from modelhub_client.calls import registry as calls
from modelhubd.wire.problem import Problem
from tests.fakes.authority import make_authority
from tests.fakes.bad_registry import Act, answers, answers_then_leaves, bad_registry, drips, raw, says

ME = {
    "principal": "author", "scopes": ["read"], "token_id": "a", "expires_at": "2030-01-01T00:00:00.000Z",
    "registry": "registry.test", "four_eyes": True,
}  # fmt: skip
PUBLISHED = {"version": 1, "status": "pending", "content_sha256": "a" * 64, "issues": []}


@contextlib.contextmanager
def asking(*acts: Act) -> Iterator[RegistryClient]:
    """A client of a server that does this."""
    with bad_registry(*acts) as server, RegistryClient(server.url) as client:
        yield client


def problem(status: int, code: str) -> Problem:
    return Problem(type=f"urn:modelhub:problem:{code}", title="No", status=status, detail="No.", code=code)


def test_requests_share_a_connection_and_carry_the_token() -> None:
    with bad_registry(answers(ME)) as server, RegistryClient(server.url, token="mhr_x") as client:
        assert client.me().principal == "author"
        assert client.me().registry == "registry.test"
        assert server.connections == 1
        assert all(b"authorization: bearer mhr_x" in request.lower() for request in server.asked)


def test_an_address_may_have_a_path_before_the_api() -> None:
    with bad_registry(answers(ME)) as server, RegistryClient(f"{server.url}/models/") as client:
        client.me()
        assert server.asked[0].startswith(b"GET /models/api/v1/me HTTP/1.1")
        assert b"authorization" not in server.asked[0].lower()


@pytest.mark.parametrize("url", ["", "x", "ftp://x", "https://", "https://me@x", "https://x/?q=1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a registry's address"):
        RegistryClient(url)


def test_a_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    with bad_registry(answers_then_leaves(ME), answers(ME)) as server, RegistryClient(server.url) as client:
        client.me()
        client.me()
        assert server.connections == 2


def test_what_may_have_been_done_is_sent_again_only_with_a_key() -> None:
    with (
        bad_registry(answers(ME), raw(b""), answers(PUBLISHED)) as server,
        RegistryClient(server.url) as client,
    ):
        client.me()
        assert client.publish("acme/tiny", b"{}", idempotency_key="k").version == 1
        assert sum(request.startswith(b"POST") for request in server.asked) == 2
        assert all(b"idempotency-key: k" in request.lower() for request in server.asked[1:])
    with bad_registry(answers(ME), raw(b"")) as server, RegistryClient(server.url) as client:
        client.me()
        with pytest.raises(RegistryUnreachable, match="ended the connection"):
            client.cancel("acme/tiny", 1)
        assert sum(request.startswith(b"POST") for request in server.asked) == 1


def test_a_connection_that_was_seen_to_close_carries_nothing_more() -> None:
    with (
        bad_registry(answers_then_leaves(ME), answers({"downloads": 0, "stars": 0})) as server,
        RegistryClient(server.url) as client,
    ):
        client.me()
        assert client._connection is not None
        select.select([client._connection.sock], [], [], 10)
        assert client.reset_counters("acme/tiny").stars == 0, "it has no key, and was sent once"
        assert sum(request.startswith(b"POST") for request in server.asked) == 1
        assert server.connections == 2


def test_what_has_not_changed_is_not_sent_again() -> None:
    body = {"counters": {"acme/tiny": {"downloads": 3, "stars": 1}}}
    acts = answers(body, ETag='"5"'), answers(None, 304, ETag='"5"')
    with bad_registry(*acts) as server, RegistryClient(server.url) as client:
        assert client.popularity() is client.popularity()
        assert b'if-none-match: "5"' in server.asked[1].lower()


def test_a_redirect_is_not_followed() -> None:
    with bad_registry(answers(ME)) as other, bad_registry(answers(None, 302, Location=other.url)) as server:
        with (
            RegistryClient(server.url, token="mhr_x") as client,
            pytest.raises(UnexpectedAnswer, match="another address"),
        ):
            client.me()
        assert other.asked == []


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "unauthenticated", NotPermitted), (403, "not_allowed", NotPermitted),
        (404, "not_found", NotFound),
        (409, "conflict", Conflict), (422, "invalid_input", InvalidRequest),
    ],
)  # fmt: skip
def test_each_refusal_is_an_error_of_its_kind(status: int, code: str, kind: type[Exception]) -> None:
    with asking(answers(problem(status, code), status)) as client, pytest.raises(kind):
        client.me()


@pytest.mark.parametrize("data", [b"hello\r\n\r\n", b"HTTP/1.1 200 X\r\n" + b"A: b\r\n" * 200 + b"\r\n"])
def test_what_is_no_http_is_said(data: bytes) -> None:
    with asking(raw(data)) as client, pytest.raises((UnexpectedAnswer, RegistryUnreachable)):
        client.me()


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b"{}", b"", b"\xff"])
def test_an_answer_of_somebody_else_is_said(body: bytes) -> None:
    with asking(says(200, body)) as client, pytest.raises(UnexpectedAnswer):
        client.me()


def test_an_answer_that_is_cut_is_no_answer() -> None:
    with asking(says(200, b'{"pr', length=100)) as client, pytest.raises(RegistryUnreachable):
        client.me()


def test_an_answer_that_drips_is_given_up() -> None:
    hasty = msgspec.structs.replace(calls.me(), timeout_s=0.3)
    with asking(drips(0.05)) as client, pytest.raises(RegistryUnreachable, match="not answered within"):
        client.run(hasty)


def test_nobody_there_is_unreachable() -> None:
    with (
        RegistryClient("http://127.0.0.1:9") as client,
        pytest.raises(RegistryUnreachable, match="cannot be reached"),
    ):
        client.me()


def test_lists_are_read_page_by_page() -> None:
    template = {"id": "a", "name": "A", "models": [], "compliant": True, "updated_at": "", "updated_by": "x"}
    pages = [
        answers({"items": [template], "next": "c1", "total": 2}),
        answers({"items": [template | {"id": "b"}], "total": 2}),
    ]
    with bad_registry(*pages) as server, RegistryClient(server.url) as client:
        assert [item.id for item in client.every_template()] == ["a", "b"]
        assert b"after=c1" in server.asked[1]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's context and the certificate of the organisation's own CA that signed it."""
    folder = tmp_path_factory.mktemp("ca")
    certificate, key = make_authority(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def test_a_private_ca_is_trusted_where_the_environment_names_it(
    authority: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = authority
    with bad_registry(answers(ME), context=context) as server:
        with (
            RegistryClient(server.url, token="mhr_x") as client,
            pytest.raises(RegistryUnreachable, match="SSL_CERT_FILE"),
        ):
            client.me()
        assert server.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with RegistryClient(server.url, token="mhr_x") as client:
            assert client.me().principal == "author"


def test_what_speaks_no_tls_is_said() -> None:
    with bad_registry(greeting=b"220 mail.example.org\r\n") as server:
        client = RegistryClient(server.url.replace("http:", "https:"))
        with pytest.raises(RegistryUnreachable):
            client.me()
