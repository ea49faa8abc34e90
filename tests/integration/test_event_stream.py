"""The event stream of a real daemon, read byte by byte."""

import itertools
import json
import time
from pathlib import Path

import pytest

from tests.raw import over_socket
from tests.running import RunningDaemon, running_daemon
from tests.stream import Stream

ENTRY = {
    "id": "tests/stream-{n}",
    "options": [
        {
            "id": "gguf",
            "format": "gguf",
            "size_bytes": 10,
            "files": [
                {
                    "name": "a.gguf",
                    "size_bytes": 10,
                    "sha256": "0" * 64,
                    "urls": ["https://models.example/a.gguf"],
                }
            ],
        }
    ],
}


def change_catalog(daemon: RunningDaemon, number: int) -> None:
    """Have the daemon publish `catalog.synced`."""
    folder = daemon.home / "config/catalog.d"
    (folder / f"{number}.json").write_text(json.dumps(ENTRY).replace("{n}", str(number)))
    assert over_socket(daemon.socket, "POST", "/api/v1/catalog/sync").status == 202


@pytest.mark.parametrize("ndjson", [False, True])
def test_a_fresh_stream_says_hello_gives_the_state_and_goes_live(daemon: RunningDaemon, ndjson: bool) -> None:
    stream = Stream(daemon.socket, ndjson=ndjson)
    hello, snapshot, ready = stream.until("ready")
    assert hello[1] == "hello"
    assert len(hello[2].pop("epoch")) == 8
    assert hello[2] == {"resumed": False, "reason": "fresh", "heartbeat_s": 15.0}
    assert snapshot[1] == "snapshot"
    assert snapshot[2]["reason"] == "fresh"
    assert set(snapshot[2]["state"]) == {
        "downloads", "library", "servers", "updates", "catalog", "device", "policy", "records", "trials",
        "evaluations", "jobs",
    }  # fmt: skip
    assert ready[0] is not None
    change_catalog(daemon, 1)
    cursor, kind, data = stream.until("catalog.synced")[-1]
    assert cursor is not None
    assert cursor.rpartition("-")[0] == str(ready[0]).rpartition("-")[0]
    assert (kind, data["local_entries"]) == ("catalog.synced", 1)
    stream.close()


def test_server_sent_events_begin_with_the_retry_time(shared: RunningDaemon) -> None:
    stream = Stream(shared.socket)
    assert stream.response.readline() == b"retry: 1000\n"
    assert stream.response.headers["content-type"].startswith("text/event-stream")
    stream.close()


def test_topics_narrow_snapshot_and_events(shared: RunningDaemon) -> None:
    stream = Stream(shared.socket, "?topics=catalog,policy")
    assert set(stream.until("ready")[1][2]["state"]) == {"catalog", "policy"}
    stream.close()
    refused = over_socket(shared.socket, "GET", "/api/v1/events?topics=everything")
    assert refused.status == 422
    assert refused.json["errors"][0]["pointer"] == "?topics"


def test_a_reader_that_comes_back_gets_exactly_what_it_missed(daemon: RunningDaemon) -> None:
    first = Stream(daemon.socket, "?topics=catalog")
    cursor = first.until("ready")[-1][0]
    first.close()
    for number in range(3):
        change_catalog(daemon, number)
    for stream in (
        Stream(daemon.socket, f"?topics=catalog&after={cursor}"),
        Stream(daemon.socket, "?topics=catalog&after=nonsense", last=cursor or ""),
    ):
        hello, *missed, ready = stream.until("ready")
        assert hello[2]["resumed"] is True
        counts = [data["local_entries"] for _, kind, data in missed if kind == "catalog.synced"]
        assert [count for count, _ in itertools.groupby(counts)] == [1, 2, 3]
        assert missed[-1][0] == ready[0]
        stream.close()


def test_a_cursor_of_another_life_gets_a_snapshot_and_the_reason(shared: RunningDaemon) -> None:
    for cursor, reason in (("deadbeef-3", "restarted"), ("what", "unknown")):
        stream = Stream(shared.socket, f"?after={cursor}")
        hello, snapshot, _ = stream.until("ready")
        assert hello[2]["reason"] == snapshot[2]["reason"] == reason
        stream.close()


def test_state_answers_the_same_as_the_snapshot(shared: RunningDaemon) -> None:
    stream = Stream(shared.socket, "?topics=catalog,library,servers,downloads")
    snapshot = stream.until("snapshot")[-1]
    stream.close()
    answer = over_socket(shared.socket, "GET", "/api/v1/state?topics=catalog,library,servers,downloads").json
    assert answer == {"cursor": snapshot[0], "state": snapshot[2]["state"]}


def test_stopping_sends_shutdown_and_ends_the_streams_at_once(home: Path) -> None:
    with running_daemon(home) as daemon:
        stream = Stream(daemon.socket)
        stream.until("ready")
        assert daemon.stop() < 10
        assert stream.until("shutdown")[-1][1] == "shutdown"
        assert list(stream.frames) == []
        stream.close()


def test_a_reader_that_never_reads_slows_nobody(daemon: RunningDaemon) -> None:
    sleeper = Stream(daemon.socket)
    reader = Stream(daemon.socket, "?topics=catalog")
    reader.until("ready")
    began = time.monotonic()
    for number in range(20):
        change_catalog(daemon, number)
    synced = 0
    while synced < 20:
        synced += reader.until("catalog.synced")[-1][1] == "catalog.synced"
    assert time.monotonic() - began < 25, "sooner than a reader who is stuck is cut off"
    sleeper.close()
    reader.close()


def test_the_thirty_third_stream_is_refused(daemon: RunningDaemon) -> None:
    streams = [Stream(daemon.socket, "?topics=policy") for _ in range(32)]
    for stream in streams:
        stream.until("ready")
    refused = over_socket(daemon.socket, "GET", "/api/v1/events")
    assert refused.status == 429
    assert "retry-after" in refused.headers
    for stream in streams:
        stream.close()
