"""The event stream: what a line means, and what happens when the stream breaks."""

from itertools import islice
from pathlib import Path

import msgspec
import pytest

from modelhub_client import (
    AsyncClient,
    Client,
    Event,
    ModelhubUnreachable,
    Snapshot,
    TooManyRequests,
    UnexpectedAnswer,
)
from modelhub_client.events import DISCONNECTED, MAX_DELAY_S, Following
from modelhubd.wire.downloads import Download
from modelhubd.wire.events import DownloadProgress
from tests.fakes import samples
from tests.fakes.hub import Answer, Hub, frames, json_answer, problem_answer

EVENTS = "GET /api/v1/events"
HELLO = ("hello", {"epoch": "e", "resumed": False, "reason": "fresh", "heartbeat_s": 15}, None)
RESUMED = ("hello", {"epoch": "e", "resumed": True, "reason": None, "heartbeat_s": 15}, None)
READY: tuple[str, dict[str, object], str] = ("ready", {}, "e-1")
DOWN: tuple[str, dict[str, object], None] = ("shutdown", {}, None)


def _snapshot(*downloads: Download, reason: str = "fresh", cursor: str = "e-1") -> tuple[str, object, str]:
    return "snapshot", {"reason": reason, "state": {"downloads": msgspec.to_builtins(downloads)}}, cursor


def _changed(cursor: str, **values: object) -> tuple[str, object, str]:
    return "download.changed", msgspec.to_builtins(samples.download(**values)), cursor  # type: ignore[arg-type]


def test_a_stream_begins_with_a_typed_snapshot_and_goes_on_with_typed_events(
    hub: Hub, client: Client
) -> None:
    progress = {"id": "a", "done_bytes": 1, "total_bytes": 2, "rate_bytes_per_s": 1.0, "eta_s": None}
    hub.on(EVENTS, frames(HELLO, _snapshot(samples.download()), READY, ("download.progress", progress, None),
                          _changed("e-2", state="paused"), DOWN))  # fmt: skip
    snapshot, gauge, changed, gone = islice(client.events(["downloads"]), 4)
    assert isinstance(snapshot.data, Snapshot)
    assert snapshot.data.state.downloads == (samples.download(),)
    assert isinstance(gauge.data, DownloadProgress)
    assert gauge.cursor is None
    assert changed == Event(type="download.changed", data=samples.download(state="paused"), cursor="e-2")
    assert gone == Event(type=DISCONNECTED)
    assert hub.asked[0].query == (("topics", "downloads"),)
    assert hub.asked[0].headers["Accept"] == "application/x-ndjson"


def test_after_a_break_it_goes_on_from_the_last_cursor(hub: Hub, client: Client) -> None:
    hub.on(
        EVENTS,
        frames(HELLO, _snapshot(), READY, _changed("e-5")),
        frames(RESUMED, ("bookmark", {}, "e-9")),
        frames(RESUMED, _changed("e-10")),
    )
    found = list(islice(client.events(), 5))
    assert [event.type for event in found] == [
        "snapshot", "download.changed", DISCONNECTED, DISCONNECTED, "download.changed",
    ]  # fmt: skip
    assert [dict(asked.query).get("after") for asked in hub.asked] == [None, "e-5", "e-9"]


def test_a_restarted_daemon_is_waited_for_and_answers_with_a_snapshot(hub: Hub, client: Client) -> None:
    fresh = ("hello", {"epoch": "f", "resumed": False, "reason": "restarted", "heartbeat_s": 15}, None)
    hub.on(
        EVENTS,
        frames(HELLO, _snapshot(), READY, DOWN),
        Answer(drop=True),
        problem_answer(503, "unavailable", "Starting."),
        frames(fresh, _snapshot(reason="restarted", cursor="f-0"), ("ready", {}, "f-0")),
    )
    found = list(islice(client.events(), 5))
    assert [event.type for event in found] == ["snapshot", *[DISCONNECTED] * 3, "snapshot"]
    assert found[-1].data.reason == "restarted"
    assert found[-1].cursor == "f-0"


def test_a_line_cut_in_the_middle_is_dropped_and_asked_for_again(hub: Hub, client: Client) -> None:
    cut = msgspec.json.encode({"type": "download.changed", "id": "e-2", "data": {}})[:30]
    begun = frames(HELLO, _snapshot(), READY).lines
    assert begun is not None
    hub.on(EVENTS, Answer(lines=(*begun, cut)), frames(RESUMED, _changed("e-2")))
    found = list(islice(client.events(), 3))
    assert [event.type for event in found] == ["snapshot", DISCONNECTED, "download.changed"]
    assert dict(hub.asked[1].query)["after"] == "e-1"


def test_unknown_events_pass_as_they_are(hub: Hub, client: Client) -> None:
    hub.on(EVENTS, frames(HELLO, ("trial.changed", {"x": 1}, "e-1"), ("download.changed", {"id": 5}, "e-2")))
    found = list(islice(client.events(), 2))
    assert found == [
        Event(type="trial.changed", data={"x": 1}, cursor="e-1"),
        Event(type="download.changed", data={"id": 5}, cursor="e-2"),
    ]


def test_nobody_there_at_first_is_an_error_unless_one_wants_to_wait(tmp_path: Path) -> None:
    away = Client(environ={"MODELHUB_HOME": str(tmp_path)}, sleep=lambda _: None)
    with pytest.raises(ModelhubUnreachable):
        next(away.events())
    assert next(away.events(wait=True)).type == DISCONNECTED


def test_too_many_streams_is_an_error_at_first(hub: Hub, client: Client) -> None:
    hub.on(EVENTS, problem_answer(429, "too_many_requests", "32 are open."))
    with pytest.raises(TooManyRequests):
        next(client.events())


def test_the_pauses_grow_to_a_limit_and_begin_anew_after_a_connection() -> None:
    following = Following(jitter=lambda: 1.0)
    assert [following.broken() for _ in range(7)] == [0.25, 0.5, 1.0, 2.0, 4.0, MAX_DELAY_S, MAX_DELAY_S]
    assert following.read(msgspec.json.encode({"type": "hello", "data": HELLO[1]})) is None
    assert following.broken() == 0.25
    assert Following(jitter=lambda: 0.0).broken() == 0.125


async def test_the_async_client_reads_the_same_stream(hub: Hub, tmp_path: Path) -> None:
    hub.on(
        EVENTS,
        frames(HELLO, _snapshot(samples.download()), READY, DOWN),
        frames(RESUMED, _changed("e-2", state="completed")),
    )
    hub.on("GET /api/v1/version", json_answer(samples.version()))
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    found = []
    async with AsyncClient(environ={"MODELHUB_HOME": str(tmp_path)}, sleep=sleep) as client:
        assert await client.version() == samples.version()
        async for event in client.events(["downloads"]):
            found.append(event.type)
            if len(found) == 3:
                break
    assert found == ["snapshot", DISCONNECTED, "download.changed"]
    assert len(pauses) == 1


def test_a_stream_of_another_program_is_an_error_of_ours_and_not_read_for_ever(
    hub: Hub, client: Client
) -> None:
    hub.on(EVENTS, frames(("hello", {"epoch": 7}, None)))
    with pytest.raises(UnexpectedAnswer, match="begins with"):
        next(client.events(wait=True))
