"""Which requests are sampled, and what is handed over of them."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from modelhubd.exchange import Asked, Exchange, Figures
from modelhubd.trials.questions import MAX_ANSWER_BYTES
from modelhubd.trials.replayer import Around, Replayer
from modelhubd.trials.sampling import Sampling
from modelhubd.trials.store import Stored
from modelhubd.wire.records import Outcome
from modelhubd.wire.trials import TrialModel, TrialState
from tests.fakes import samples

CHAT = "/v1/chat/completions"
ACTIVE = TrialModel(library_id="old", model="acme/tiny", version=1, option="q4")
STARTED = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)


def sampling(
    sample: float = 0.5, chance: float = 0.0, max_pending: int = 3, max_pairs: int = 1000
) -> tuple[Sampling, Replayer]:
    trial = Stored(
        id="t", state=TrialState.RUNNING, active=ACTIVE, candidate=ACTIVE, sample=sample, when="idle", keep=0,
        max_pending=max_pending, max_pairs=max_pairs, created_at="", changed_at="",
    )  # fmt: skip
    replayer = Replayer(trial, cast(Around, None))
    found = Sampling(lambda: chance)
    found.begin(replayer)
    return found, replayer


def wants(found: Sampling, route: str = CHAT, **server: Any) -> bool:
    told = samples.server(**({"library_id": "old"} | server))
    return found.wants(route, Asked(model="acme/tiny"), told, None, None)


def exchange(**rest: Any) -> Exchange:
    values: dict[str, Any] = {
        "id": "e1", "route": CHAT, "streamed": True, "server": samples.server(library_id="old"),
        "model": "acme/tiny", "app": None, "node": None, "started_at": STARTED, "status": 200,
        "figures": Figures(latency_s=2.0, ttft_s=1.0, tokens_per_s=9.0), "outcome": Outcome.PASS,
        "code": None, "request": b"{}", "answer": b"{}",
    }  # fmt: skip
    return Exchange(**(values | rest))


def test_a_share_of_what_the_active_model_is_asked_is_sampled() -> None:
    assert wants(sampling(0.5, 0.49)[0]) and not wants(sampling(0.5, 0.5)[0])
    assert wants(sampling(1.0, 0.999)[0])
    found, replayer = sampling()
    assert not wants(found, library_id="another")
    assert not wants(found, yields=True), "nor what another trial asks"
    assert not wants(found, "/v1/chat/completions/input_tokens")
    found.end(replayer)
    assert not wants(found)


def test_what_was_answered_is_handed_over_and_nothing_beyond_the_limit() -> None:
    found, replayer = sampling(max_pending=2)
    for n in range(2):
        assert wants(found)
        found.ended(exchange(id=f"e{n}"))
    assert (replayer.pending, replayer.pending_bytes) == (2, 8)
    assert not wants(found)
    assert replayer.skipped == 1


def test_what_waits_is_no_more_than_it_needs_and_nothing_is_missed_for_it() -> None:
    found, replayer = sampling(max_pairs=2)
    for n in range(2):
        assert wants(found)
        found.ended(exchange(id=f"e{n}"))
    assert not wants(found)
    assert (replayer.pending, replayer.skipped) == (2, 0)


@pytest.mark.parametrize(
    ("rest", "skipped"),
    [
        ({"outcome": Outcome.CANCELLED, "code": "client_gone"}, 0), ({"outcome": Outcome.FAIL}, 0),
        ({"status": 400}, 0), ({"server": None}, 0), ({"request": None, "answer": None}, 0),
        ({"request": None, "answer": None, "too_long": True}, 1),
        ({"answer": b"x" * (MAX_ANSWER_BYTES + 1)}, 1),
    ],
)  # fmt: skip
def test_a_client_that_goes_and_what_has_failed_is_not_replayed(rest: dict[str, Any], skipped: int) -> None:
    found, replayer = sampling()
    found.ended(exchange(**rest))
    assert (replayer.pending, replayer.skipped) == (0, skipped)


def test_times_of_a_request_that_waited_for_a_load_tell_nothing() -> None:
    found, replayer = sampling()
    found.ended(exchange(server=samples.server(library_id="old", ready_at="2026-03-01T12:00:09.000Z")))
    found.ended(
        exchange(id="e2", server=samples.server(library_id="old", ready_at="2026-03-01T12:00:01.000Z"))
    )
    waited, served = replayer._handed
    assert (waited.active.latency_s, waited.active.ttft_s, waited.active.tokens_per_s) == (None, None, 9.0)
    assert (served.active.latency_s, served.active.ttft_s, served.streamed) == (2.0, 1.0, True)
