"""api.md on errors and lists: every refusal is a problem, every list keeps the conventions."""

import base64
import getpass
import gzip
import http.client
import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import API, World, checked, entry, problem, segment
from tests.raw import over_socket, over_tcp
from tests.stream import Stream

HUGE = base64.urlsafe_b64encode(b"[%d,1,1.0,1]" % 10**30).decode().rstrip("=")
"""A cursor with a number that no database holds."""
LISTS = ["/catalog/models", "/catalog/models/tests/listed/versions", "/downloads", "/library", "/servers"]
CREATES = [("/downloads", {"model": "a/b"}), ("/servers", {"library_id": "a/b"})]
TAKES_BODY = [
    ("POST", "/downloads"), ("PATCH", "/downloads/x"), ("POST", "/servers"), ("POST", "/session"),
    ("PUT", "/catalog/models/a/b/active"), ("POST", "/library/x/estimate"),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def listed(world: World) -> None:
    """Three downloads that failed, and a model with a history."""
    notes = [{"version": n} for n in (1, 2, 3)]
    file = world.serve("listed.gguf", {"status": 404})
    world.list_locally(entry("tests/listed", file, version=3, versions=notes))
    for _ in range(3):
        world.download("tests/listed", until="failed")


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_items_next_and_total(world: World, path: str) -> None:
    page = world.get(path)
    assert isinstance(page["items"], list)
    assert isinstance(page["total"], int)
    assert page["next"] is None or isinstance(page["next"], str)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1.5", "99999999999999999999"])
def test_a_limit_is_from_1_to_200(world: World, path: str, limit: str) -> None:
    assert world.refused("GET", path, 422, limit=limit)["errors"][0]["pointer"] == "?limit"
    world.get(path, limit=1)
    world.get(path, limit=200)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("after", ["x", "%00", "AAAA", "A" * 3000, "1,2", "\U0001f999", "e30", "-1", HUGE])
def test_what_no_page_gave_as_next_is_422(world: World, path: str, after: str) -> None:
    assert world.refused("GET", path, 422, after=after)["errors"][0]["pointer"] == "?after"


@pytest.mark.parametrize("path", LISTS)
def test_an_unknown_or_repeated_parameter_is_422(world: World, path: str) -> None:
    assert world.refused("GET", path, 422, limits=1)["errors"][0]["pointer"] == "?limits"
    assert world.refused("GET", path, 422, limit=[1, 2])["errors"][0]["pointer"] == "?limit"


@pytest.mark.parametrize("limit", [1, 2, 200])
def test_downloads_and_versions_are_walked_to_the_end(world: World, limit: int) -> None:
    assert len({item["id"] for item in world.walk("/downloads", limit)}) == 3
    assert len({item["id"] for item in world.walk("/downloads", limit, state=["failed", "queued"])}) == 3
    assert world.walk("/downloads", limit, state="active") == []
    found = world.walk("/catalog/models/tests/listed/versions", limit)
    assert [note["version"] for note in found] == [3, 2, 1]


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/downloads?state=done", "?state"),
        ("/library?state=gone", "?state"),
        ("/library?format=exe", "?format"),
        ("/catalog/models?format=exe", "?format"),
        ("/catalog/models?sort=best", "?sort"),
        ("/catalog/models?compatible=maybe", "?compatible"),
        ("/events?topics=everything", "?topics"),
        ("/state?topics=downloads,x", "?topics"),
        ("/servers/x/logs?tail=-1", "?tail"),
        ("/servers/x/logs?follow=perhaps", "?follow"),
    ],
)
def test_a_value_that_cannot_be_is_pointed_at(world: World, path: str, parameter: str) -> None:
    assert world.refused("GET", path, 422)["errors"][0]["pointer"] == parameter


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nope", b'{"a":1}{"b":2}', b'{"model":"a/b","model":"a/c"}', b'{"model":NaN}',
        b'{"model":"a/b","priority":Infinity}', b"\xff\xfe\x00",
        b'{"model":"\xff"}',
        b"[" * 100_000, b'{"a":' * 30_000, b'{"model":"a/b","version":' + b"9" * 5000 + b"}",
        b'{"model":"a/b",}', '{"model":"a/b"}'.encode("utf-16"),
    ],
    ids=lambda body: repr(body[:16]),
)  # fmt: skip
@pytest.mark.parametrize(("method", "path"), TAKES_BODY)
def test_what_is_not_json_is_400(world: World, method: str, path: str, body: bytes) -> None:
    assert world.refused(method, path, 400, body)["code"] == "bad_request"


@pytest.mark.parametrize(
    "place", [b'"model":"\\ud800/x"', b'"model":"a/b","option":"\\udfff"', b'"\\ud800":1']
)
def test_half_a_character_is_400(world: World, place: bytes) -> None:
    assert world.refused("POST", "/downloads", 400, b"{" + place + b"}")["code"] == "bad_request"


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"x"', b"true"])
@pytest.mark.parametrize(("method", "path"), TAKES_BODY)
def test_a_body_that_is_no_object_is_422(world: World, method: str, path: str, body: bytes) -> None:
    refused = world.refused(method, path, 422, body)
    assert refused["errors"][0]["pointer"] == ""
    assert refused["detail"][0].isalnum() or refused["detail"][0] == "/"


@pytest.mark.parametrize(("method", "path"), TAKES_BODY)
def test_an_unknown_field_is_422_at_its_place(world: World, method: str, path: str) -> None:
    assert world.refused(method, path, 422, {"a~b/c": 1})["errors"][0]["pointer"] == "/a~0b~1c"


@pytest.mark.parametrize(("method", "path"), TAKES_BODY)
def test_a_body_of_another_type_is_415(world: World, method: str, path: str) -> None:
    connection_headers = [
        ("Content-Type", "text/plain"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ]
    for header in connection_headers:
        headers = [("Host", world.daemon.url[7:]), ("Authorization", f"Bearer {world.daemon.token}"), header]
        answer = over_tcp(world.daemon.url, method, API + path, headers, b"{}")
        assert problem(answer, 415)["code"] == "unsupported_media_type"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "x"])
@pytest.mark.parametrize(
    "body",
    [b"xyz", gzip.compress(b"{}"), gzip.compress(b" " * 10_000_000)],
    ids=["none", "small", "bomb"],
)
def test_a_compressed_body_is_415(world: World, encoding: str, body: bytes) -> None:
    answer = world.ask("POST", "/downloads", body, ("Content-Encoding", encoding))
    assert problem(answer, 415)["code"] == "unsupported_media_type"


@pytest.mark.parametrize(("method", "path"), TAKES_BODY)
def test_a_body_too_large_is_413(world: World, method: str, path: str) -> None:
    assert world.refused(method, path, 413, b" " * 300_000)["code"] == "too_large"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"), ("GET", "/catalog/models/a"), ("GET", "/catalog/models/a/b/c"),
        ("GET", "/downloads/x"),
        ("DELETE", "/downloads/x"), ("GET", "/library/x"), ("DELETE", "/library/x"), ("GET", "/servers/x"),
        ("DELETE", "/servers/x"), ("POST", "/servers/x/restart"), ("GET", "/servers/x/logs"),
        ("GET", "/servers/x/logs?follow=true"), ("GET", "/library/%00"), ("GET", "/downloads/%ff"),
        ("GET", "/servers/%0a"), ("GET", "/library/..%2f..%2fetc"), ("GET", "/catalog/models/%2e%2e/x"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_404(world: World, method: str, path: str) -> None:
    world.refused(method, path, 404)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/servers", {"library_id": "tests/listed"}),
        ("POST", "/servers", {"library_id": "0" * 16}),
        ("PUT", "/catalog/models/tests/listed/active", {"library_id": "0" * 16}),
        ("POST", f"/library/{'0' * 16}/estimate", {}),
    ],
)
def test_what_is_not_installed_is_404_and_says_what_to_do(
    world: World, method: str, path: str, body: Any
) -> None:
    assert world.refused(method, path, 404, body)["detail"].endswith((".", ")"))


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("DELETE", "/status", {"GET"}), ("PUT", "/downloads", {"GET", "POST"}), ("POST", "/library", {"GET"})],
)
def test_a_method_that_a_path_does_not_take_is_405_and_names_those_it_does(
    world: World, method: str, path: str, allowed: set[str]
) -> None:
    answer = world.ask(method, path)
    assert problem(answer, 405)["code"] == "method_not_allowed"
    assert set(answer.headers["allow"].replace(" ", "").split(",")) == allowed


@pytest.mark.parametrize("key", ["", "k" * 201])
@pytest.mark.parametrize(("path", "body"), CREATES)
def test_a_key_that_cannot_be_is_400(world: World, key: str, path: str, body: Any) -> None:
    problem(world.ask("POST", path, body, ("Idempotency-Key", key)), 400)


def test_a_request_line_beyond_all_measure_is_refused(world: World) -> None:
    answer = world.ask("GET", "/catalog/models", q="x" * 100_000)
    assert answer.status in (400, 414)
    assert str(world.daemon.home) not in answer.body.decode()


def test_without_a_token_there_is_401_and_with_a_wrong_host_421_and_origin_403(world: World) -> None:
    url, path = world.daemon.url, f"{API}/status"
    host, token = ("Host", url[7:]), ("Authorization", f"Bearer {world.daemon.token}")
    assert problem(over_tcp(url, "GET", path, [host]), 401)["code"] == "unauthenticated"
    problem(over_tcp(url, "GET", path, [("Host", "evil.example"), token]), 421)
    problem(over_tcp(url, "GET", path, [host, token, ("Origin", "https://evil.example")]), 403)
    problem(over_tcp(url, "GET", path, [host, token, ("Sec-Fetch-Site", "cross-site")]), 403)
    assert checked(over_tcp(url, "GET", path, [host, token]), 200)["pid"] == world.daemon.pid


def test_no_error_names_a_path_or_a_user(world: World) -> None:
    hidden = [str(world.daemon.home), str(Path.home()), f"/{getpass.getuser()}/", str(Path(__file__).parent)]
    asked: list[tuple[str, str, Any]] = [
        ("POST", "/servers", {"library_id": str(world.daemon.home)}),
        ("POST", "/servers", {"library_id": "tests/listed", "name": "x"}),
        ("POST", "/downloads", {"model": "tests/none"}),
        ("GET", f"/library/{segment('../../x')}", None),
        ("GET", "/downloads/x", None),
        ("DELETE", "/library/x", None),
        ("POST", "/downloads", b"{"),
    ]
    for method, path, body in asked:
        text = world.ask(method, path, body).body.decode()
        given = json.dumps(body) if not isinstance(body, bytes) else ""
        assert not [word for word in hidden if word in text and word not in given], text
    for download in world.walk("/downloads", 200):
        assert not [word for word in hidden if word in json.dumps(download)]


def test_a_connection_is_kept_after_a_problem(world: World) -> None:
    connection = http.client.HTTPConnection(world.daemon.url[7:], timeout=10)
    for _ in range(3):
        connection.request(
            "GET", f"{API}/downloads/x", headers={"Authorization": f"Bearer {world.daemon.token}"}
        )
        answer = connection.getresponse()
        assert answer.status == 404
        answer.read()
    connection.close()


def test_the_thirty_third_stream_is_429_with_the_time_to_wait(world: World) -> None:
    streams = [Stream(world.daemon.socket, "?topics=policy") for _ in range(32)]
    for stream in streams:
        stream.until("ready")
    answer = over_socket(world.daemon.socket, "GET", f"{API}/events")
    assert problem(answer, 429)["retry_after_s"] >= 1
    assert int(answer.headers["retry-after"]) >= 1
    for stream in streams:
        stream.close()
