"""Requests to a registry, against one that behaves and one that does not."""

import threading
import time
from collections.abc import Iterator

import pytest

from modelhubd.catalog.registry.fetching import Fetching, FetchLimits, Line, host_of
from modelhubd.catalog.registry.refusals import NotTaken
from tests.fakes.tuf_registry import TufRegistry

QUICK = FetchLimits(connect_s=2, slow_s=1, slow_bytes_per_s=200, whole_s=20)


@pytest.fixture
def registry() -> Iterator[TufRegistry]:
    with TufRegistry() as running:
        running.release()
        yield running


def fetching(
    url: str,
    dialled: list[str],
    *,
    stopped: threading.Event | None = None,
    proxy: str | None = None,
    limits: FetchLimits = QUICK,
) -> Fetching:
    line = Line(
        base_url=url,
        authorization=lambda url: "Bearer one",
        proxy=lambda url: proxy,
        environ={"http_proxy": "http://127.0.0.1:1", "SSL_CERT_FILE": "/nowhere"},
        limits=limits,
    )
    return Fetching(line, stopped or threading.Event(), dialled.append)


def test_what_is_asked_over_one_connection_is_told_once_for_each_purpose(registry: TufRegistry) -> None:
    dialled: list[str] = []
    with fetching(registry.url, dialled) as line:
        for _ in range(3):
            assert line.get("/tuf/timestamp.json", 10_000).body == registry.files["timestamp.json"]
        line.purpose = "popularity"
        answer = line.get("/popularity", 10_000)
        assert answer.status == 200
        assert answer.told_at is not None
        assert line.ask("PUT", line.url("/models/lab/one/star"), 100).status == 204
    assert dialled == ["catalog", "popularity"]
    assert {asked.fields.get("authorization") for asked in registry.asked} == {"Bearer one"}
    assert all("content-type" not in asked.fields for asked in registry.asked)


@pytest.mark.parametrize(
    ("kind", "code"),
    [("drip", "too_slow"), ("silent", "too_slow"), ("endless", "oversized"), ("head", "oversized"),
     ("cut", "unreachable")],
)  # fmt: skip
def test_a_registry_that_wastes_our_time_or_space_is_cut_off(
    registry: TufRegistry, kind: str, code: str
) -> None:
    registry.misbehave(kind)
    with fetching(registry.url, []) as line, pytest.raises(NotTaken) as caught:
        line.get("/tuf/timestamp.json", 10_000)
    assert caught.value.code == code


def test_a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(registry: TufRegistry) -> None:
    size = len(registry.files["timestamp.json"])
    with fetching(registry.url, []) as line:
        assert len(line.get("/tuf/timestamp.json", size).body) == size
        with pytest.raises(NotTaken, match="so it was cut off"):
            line.get("/tuf/timestamp.json", size - 1)
        assert line.get("/tuf/timestamp.json", size).status == 200, "the next request is not harmed"


def test_a_redirect_is_an_answer_and_is_not_followed(registry: TufRegistry) -> None:
    registry.misbehave("redirect")
    with fetching(registry.url, []) as line:
        assert line.get("/tuf/timestamp.json", 1000).status == 302
    assert len(registry.asked) == 1


def test_nobody_there_is_told_and_counts_as_a_connection() -> None:
    dialled: list[str] = []
    with fetching("http://127.0.0.1:1", dialled) as line, pytest.raises(NotTaken) as caught:
        line.get("/popularity", 1000)
    assert caught.value.code == "unreachable"
    assert dialled == ["catalog"]


def test_a_name_that_is_none_is_told() -> None:
    with fetching("http://nowhere.invalid", []) as line, pytest.raises(NotTaken) as caught:
        line.get("/popularity", 1000)
    assert caught.value.code == "unreachable"


def test_what_is_no_tls_is_told_as_such(registry: TufRegistry) -> None:
    with fetching(registry.url.replace("http:", "https:"), []) as line, pytest.raises(NotTaken) as caught:
        line.get("/popularity", 1000)
    assert caught.value.code == "not_secure"


def test_the_proxy_that_is_named_is_asked_and_none_of_the_environment(registry: TufRegistry) -> None:
    with fetching("http://models.example.org", [], proxy=registry.url) as line:
        assert line.get("/popularity", 1000).status in (200, 404)
    assert registry.asked[0].path.startswith("http://models.example.org/api/v1/")


def test_who_stops_waits_for_a_second_or_so_at_most(registry: TufRegistry) -> None:
    registry.misbehave("silent")
    stopped = threading.Event()
    patient = FetchLimits(slow_s=60)
    threading.Timer(0.3, stopped.set).start()
    began = time.monotonic()
    with (
        fetching(registry.url, [], stopped=stopped, limits=patient) as line,
        pytest.raises(NotTaken, match="the daemon stops"),
    ):
        line.get("/popularity", 1000)
    assert time.monotonic() - began < 30


def test_hosts_are_shown_with_their_ports() -> None:
    assert host_of("https://a.example") == "a.example:443"
    assert host_of("http://a.example/x") == "a.example:80"
    assert host_of("https://a.example:8443") == "a.example:8443"
