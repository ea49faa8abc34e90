"""Those who listen are told of each request once, and harm none."""

import asyncio
import logging
from datetime import UTC, datetime

import aiohttp
import pytest

from modelhubd.errors import InvalidInput, NotFound, Unavailable
from modelhubd.exchange import MOST_CONTENT, Asked, Exchange, new_id, read_node
from modelhubd.gateway import passage as passages
from modelhubd.gateway.openai import read_asked
from modelhubd.gateway.passage import Contents, Passage, figures, outcome_of
from modelhubd.gateway.usage import Told
from modelhubd.wire.policy import App
from modelhubd.wire.records import Outcome
from modelhubd.wire.servers import Server, ServerState

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
SERVER = Server(
    id="1", name="lab/tiny", library_id="a", model="lab/tiny", version=1, option="gguf-f16",
    state=ServerState.READY, started_at="2026-01-01T00:00:00.000Z",
)  # fmt: skip
ASKED = Asked(model="lab/tiny")


class Hearing:
    """A listener that keeps what it is told."""

    def __init__(self, *, wanting: bool = False) -> None:
        self.wanting = wanting
        self.heard: list[Exchange] = []

    def wants(self, route: str, asked: Asked, server: Server, app: App | None, node: str | None) -> bool:
        return self.wanting

    def ended(self, exchange: Exchange) -> None:
        self.heard.append(exchange)


class Broken:
    def wants(self, route: str, asked: Asked, server: Server, app: App | None, node: str | None) -> bool:
        raise RuntimeError("a secret")

    def ended(self, exchange: Exchange) -> None:
        raise RuntimeError("a secret")


def passage(*listeners: Hearing | Broken, contents: Contents | None = None) -> Passage:
    ticks = iter(range(1000))
    return Passage(
        listeners, contents or Contents(), "/v1/completions", lambda: NOW, lambda: float(next(ticks))
    )


async def answered(one: Passage, *pieces: bytes, status: int = 200, body: bytes = b"{}") -> None:
    with one:
        one.reached(ASKED, SERVER, len(body), lambda: body)
        one.begins(status)
        for piece in pieces:
            await one.add(piece)


async def test_only_who_wanted_content_gets_it() -> None:
    wanting, other = Hearing(wanting=True), Hearing()
    contents = Contents()
    await answered(passage(wanting, other, contents=contents), b"one", b"two", body=b"asked")
    assert (wanting.heard[0].request, wanting.heard[0].answer) == (b"asked", b"onetwo")
    assert (other.heard[0].request, other.heard[0].answer) == (None, None)
    assert contents.held == 0


async def test_what_is_too_long_is_left_out_whole_and_said_so() -> None:
    for body, answer in ((b"x" * (MOST_CONTENT + 1), b"y"), (b"x", b"y" * (MOST_CONTENT + 1))):
        hearing, contents = Hearing(wanting=True), Contents()
        await answered(passage(hearing, contents=contents), answer, b"more", body=body)
        (heard,) = hearing.heard
        assert (heard.request, heard.answer, heard.too_long) == (None, None, True)
        assert contents.held == 0


async def test_all_content_together_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passages, "MOST_HELD", 10)
    contents, first, second = Contents(), Hearing(wanting=True), Hearing(wanting=True)
    with passage(first, contents=contents) as held:
        held.reached(ASKED, SERVER, 8, lambda: b"12345678")
        await answered(passage(second, contents=contents), body=b"123")
        held.begins(200)
    assert second.heard[0].too_long
    assert first.heard[0].request == b"12345678"


async def test_a_listener_that_fails_harms_nobody_and_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    hearing = Hearing()
    with caplog.at_level(logging.ERROR):
        await answered(passage(Broken(), hearing), b"one")
    assert hearing.heard[0].outcome is Outcome.PASS
    assert "RuntimeError" in caplog.text and "secret" not in caplog.text


async def test_what_is_raised_is_told_and_goes_on() -> None:
    hearing = Hearing()
    with pytest.raises(NotFound), passage(hearing):
        raise NotFound("No.", code="model_not_found")
    with pytest.raises(asyncio.CancelledError), passage(hearing):
        raise asyncio.CancelledError
    assert [(one.outcome, one.code, one.server) for one in hearing.heard] == [
        (Outcome.FAIL, "model_not_found", None),
        (Outcome.CANCELLED, "client_gone", None),
    ]


async def test_an_answer_that_breaks_off_is_told() -> None:
    hearing = Hearing()
    for error, gone in ((Unavailable("x", code="server_stopped"), False), (TimeoutError(), True)):
        with passage(hearing) as one:
            one.reached(ASKED, SERVER, 2, lambda: b"{}")
            one.begins(200)
            one.broke(error, client_gone=gone)
    with passage(hearing) as one:
        one.broke(aiohttp.ClientPayloadError(), client_gone=False)
    assert [(one.outcome, one.code) for one in hearing.heard] == [
        (Outcome.FAIL, "server_stopped"),
        (Outcome.CANCELLED, "client_gone"),
        (Outcome.FAIL, "cut_off"),
    ]


async def test_how_sure_the_model_was_is_told_where_it_is_asked_for() -> None:
    hearing = Hearing()
    answer = b'{"choices":[{"logprobs":{"content":[{"logprob":-0.0}]}}]}' + b" " * 40_000
    for asked in (ASKED, read_asked(b'{"model":"a","logprobs":true}')):
        with passage(hearing) as one:
            one.reached(asked, SERVER, 2, lambda: b"{}")
            await one.add(answer)
            one.begins(200)
    assert [one.figures.confidence for one in hearing.heard] == [None, 1.0]


async def test_how_sure_it_was_is_told_where_it_was_asked_for_by_us() -> None:
    hearing = Hearing()
    with passage(hearing) as one:
        one.reached(ASKED, SERVER, 2, lambda: b"{}")
        one.expect_confidence()
        await one.add(b'{"logprob":-0.0}')
        one.begins(200)
    assert hearing.heard[0].figures.confidence == 1.0


@pytest.mark.parametrize(
    ("error", "status", "outcome"),
    [
        (None, 200, (Outcome.PASS, None)),
        (None, 400, (Outcome.FAIL, "answered_400")),
        (None, None, (Outcome.FAIL, "answered_0")),
        (aiohttp.ServerDisconnectedError(), None, (Outcome.FAIL, "server_gone")),
        (TimeoutError(), None, (Outcome.FAIL, "server_gone")),
        (ValueError(), None, (Outcome.FAIL, "internal")),
    ],
)
def test_how_a_request_ended(
    error: BaseException | None, status: int | None, outcome: tuple[Outcome, str | None]
) -> None:
    assert outcome_of(error, status) == outcome


def test_times_and_rates_are_the_servers_where_it_tells_and_else_ours() -> None:
    told = figures(Told(writing_s=2.0, tokens_per_s=7.0), latency_s=5.0, first_s=None, confidence=None)
    assert (told.ttft_s, told.tokens_per_s) == (3.0, 7.0)
    streamed = figures(Told(completion_tokens=11), latency_s=5.0, first_s=1.0, confidence=0.5)
    assert (streamed.ttft_s, streamed.tokens_per_s, streamed.confidence) == (1.0, 2.5, 0.5)
    nothing = figures(Told(), latency_s=5.0, first_s=None, confidence=None)
    assert (nothing.ttft_s, nothing.tokens_per_s) == (None, None)


def test_pieces_that_come_in_one_go_tell_no_speed() -> None:
    at_once = figures(Told(completion_tokens=8), latency_s=1.0021, first_s=1.0, confidence=None)
    assert (at_once.ttft_s, at_once.tokens_per_s) == (1.0, None)
    told = Told(completion_tokens=1, writing_s=1e-6)
    assert figures(told, latency_s=5.0, first_s=1.0, confidence=None).tokens_per_s is None, "it says itself"


def test_ids_sort_by_time() -> None:
    later = datetime(2026, 1, 2, 3, 4, 5, 679_000, tzinfo=UTC)
    assert new_id(NOW) < new_id(later)
    assert len(new_id(NOW)) == len(new_id(datetime(1960, 1, 1, tzinfo=UTC))) == 20


@pytest.mark.parametrize(
    "body",
    [b'{"model":"a"}', b'{"model":"a","stream":false,"tools":[],"logprobs":0}', b'{"model":"a","tools":{}}'],
)
def test_what_a_request_does_not_ask_for(body: bytes) -> None:
    asked = read_asked(body)
    assert not (asked.streams or asked.has_tools or asked.wants_logprobs)


def test_what_a_request_asks_for() -> None:
    asked = read_asked(b'{"model":"a","stream":true,"tools":[{}],"n_probs":3}')
    assert asked.streams and asked.has_tools and asked.wants_logprobs


@pytest.mark.parametrize("header", [None, "", "  "])
def test_a_node_need_not_be_named(header: str | None) -> None:
    assert read_node(header) is None


def test_a_node_is_a_short_printable_text() -> None:
    assert read_node(" Schritt 2: prüfen ") == "Schritt 2: prüfen"
    for text in ("x" * 101, "a\x1b[2Jb", "a\u202eb", "a\nb"):
        with pytest.raises(InvalidInput):
            read_node(text)
