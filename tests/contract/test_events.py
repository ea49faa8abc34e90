"""api.md on the event stream, with real downloads and real servers behind it."""

import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.world import SIZE, World, entry
from tests.stream import Frame, Stream

RATE = 20_000
TOPICS = {
    "downloads", "library", "servers", "updates", "catalog", "device", "policy", "records", "trials",
    "evaluations",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def quiet(world: World) -> Iterator[Stream]:
    """A stream on which nothing happens, opened before all else; the last test reads its bookmark."""
    stream = Stream(world.daemon.socket, "?topics=policy")
    stream.until("ready")
    yield stream
    stream.close()


@pytest.fixture
def stream(world: World) -> Iterator[Stream]:
    opened = Stream(world.daemon.socket, "?topics=downloads,library", ndjson=True)
    opened.until("ready")
    yield opened
    opened.close()


def offered(world: World, name: str, *steps: Any, size: int = SIZE) -> str:
    world.list_locally(entry(f"tests/{name}", world.serve(f"{name}.gguf", *steps, size=size)), file=name)
    return f"tests/{name}"


def number(cursor: str | None) -> int:
    assert cursor is not None
    return int(cursor.rpartition("-")[2])


def read(stream: Stream, kind: str, id_: str) -> list[Frame]:
    """Frames up to the first of this type about this resource."""
    found: list[Frame] = []
    while True:
        found += stream.until(kind)
        if found[-1][2]["id"] == id_:
            return found


def states(frames: list[Frame], id_: str) -> list[str]:
    """The states that a download was told to have, each once in a row."""
    told = [
        data["state"]
        for _, kind, data in frames
        if kind in ("download.created", "download.changed") and data["id"] == id_
    ]
    return [state for n, state in enumerate(told) if n == 0 or told[n - 1] != state]


def test_the_life_of_a_download_is_told_in_order_with_whole_values(world: World, stream: Stream) -> None:
    made = world.download(offered(world, "life", {"rate": RATE * 4}), until="completed")
    world.ask("DELETE", f"/downloads/{made['id']}")
    frames = read(stream, "download.removed", made["id"])
    kinds = [kind for _, kind, _ in frames]
    assert kinds[0] == "download.created"
    assert frames[-1][2] == {"id": made["id"]}
    told = states(frames, made["id"])
    assert told[0] == "queued"
    assert told[-1] == "completed"
    order = ["queued", "active", "verifying", "installing", "completed"]
    assert [order.index(state) for state in told] == sorted(order.index(state) for state in told)
    for cursor, kind, data in frames:
        if kind.startswith("download.") and kind not in ("download.progress", "download.removed"):
            assert cursor is not None and data.keys() == made.keys()
    numbers = [number(cursor) for cursor, _, _ in frames if cursor is not None]
    assert numbers == sorted(set(numbers))
    [added] = [data for _, kind, data in frames if kind == "library.added"]
    assert added == world.get(f"/library/{added['id']}")
    assert abs(kinds.index("library.added") - kinds.index("download.removed")) >= 1


def test_progress_has_no_id_never_falls_and_comes_at_most_ten_times_a_second(
    world: World, stream: Stream
) -> None:
    began = time.monotonic()
    made = world.download(offered(world, "gauge", {"rate": RATE}), until="completed")
    took = time.monotonic() - began
    world.ask("DELETE", f"/downloads/{made['id']}")
    frames = read(stream, "download.removed", made["id"])
    gauges = [(cursor, data) for cursor, kind, data in frames if kind == "download.progress"]
    assert 2 <= len(gauges) <= took * 10 + 2
    assert all(cursor is None for cursor, _ in gauges)
    assert all(
        data.keys() >= {"id", "done_bytes", "total_bytes", "rate_bytes_per_s", "eta_s"}
        and "state" not in data
        for _, data in gauges
    )
    done = [data["done_bytes"] for _, data in gauges]
    assert done == sorted(done)
    kinds = [kind for _, kind, _ in frames]
    ended = max(n for n, (_, kind, data) in enumerate(frames) if kind == "download.changed")
    assert "download.progress" not in kinds[ended:]


def test_removing_a_model_is_told(world: World, stream: Stream) -> None:
    made = world.download(offered(world, "leaves"), until="completed")
    [item] = [item for item in world.walk("/library", 50) if item["model"] == made["model"]]
    answer = world.ask("DELETE", f"/library/{item['id']}")
    assert (answer.status, answer.json["id"]) == (200, item["id"])
    read(stream, "library.removed", item["id"])
    world.refused("GET", f"/library/{item['id']}", 404)
    assert not (world.daemon.home / "models/tests/leaves").exists()


def test_a_change_of_the_catalog_is_told_with_the_whole_value(world: World) -> None:
    stream = Stream(world.daemon.socket, "?topics=catalog")
    _, snapshot, ready = stream.until("ready")
    assert snapshot[0] == ready[0] == world.get("/state", topics="catalog")["cursor"]
    offered(world, "new")
    cursor, _, data = stream.until("catalog.synced")[-1]
    assert number(cursor) > number(ready[0])
    while data != world.get("/catalog"):  # the folder may be looked at once more
        _, _, data = stream.until("catalog.synced")[-1]
    stream.close()


def test_what_happened_while_away_is_told_on_return(world: World, stream: Stream) -> None:
    made = world.download(offered(world, "away"), until="completed")
    frames = read(stream, "download.created", made["id"])
    last = frames[-1][0]
    world.ask("DELETE", f"/downloads/{made['id']}")
    back = Stream(world.daemon.socket, f"?topics=downloads&after={last}")
    hello, *missed, ready = back.until("ready")
    back.close()
    assert (hello[2]["resumed"], hello[2]["reason"]) == (True, None)
    assert states(missed, made["id"])[-1] == "completed"
    assert missed[-1][1:] == ("download.removed", {"id": made["id"]})
    assert all(kind != "snapshot" and kind != "download.progress" for _, kind, _ in missed)
    assert number(missed[0][0]) > number(last)
    assert ready[0] is not None


def test_a_reader_that_comes_and_goes_misses_nothing(world: World) -> None:
    """Every state event has the next number, so that a gap or a repeat would show."""
    made = world.post(f"/downloads/{world.download(offered(world, 'gapless', {'rate': 1}))['id']}/pause")
    cursor = world.get("/state", topics="policy")["cursor"]
    seen = [number(cursor)]
    changed = threading.Event()
    client = world.daemon.client
    connections = 0

    def change() -> None:
        for n in range(400):
            client.change_download(made["id"], priority=n % 100)
        changed.set()
        client.change_download(made["id"], priority=-1)  # whoever reads just now is told once more

    changer = threading.Thread(target=change)
    changer.start()
    while not changed.is_set():
        stream = Stream(world.daemon.socket, f"?after={cursor}", ndjson=True)
        connections += 1
        enough = len(seen) + 23
        for id_, kind, _ in stream.frames:
            assert kind != "snapshot"
            if id_ is not None and kind not in ("ready", "bookmark"):
                cursor = id_
                seen.append(number(id_))
            if len(seen) >= enough or changed.is_set():
                break
        stream.close()
    changer.join(20)
    last = Stream(world.daemon.socket, f"?after={cursor}", ndjson=True)
    seen += [number(id_) for id_, kind, _ in last.until("ready") if id_ and kind != "ready"]
    last.close()
    assert seen == list(range(seen[0], seen[0] + len(seen)))
    assert len(seen) > 400 and connections > 10
    world.ask("POST", f"/downloads/{made['id']}/cancel")


@pytest.mark.parametrize(
    "after", ["\x00", "%ff", "deadbeef-", "-1", "deadbeef--1", "x" * 5000, "\U0001f999", "１-２"]
)
def test_a_cursor_that_cannot_be_gets_a_snapshot(world: World, after: str) -> None:
    stream = Stream(world.daemon.socket, f"?topics=policy&after={quote(after)}")
    hello, snapshot, _ = stream.until("ready")
    stream.close()
    assert stream.response.status == 200
    assert (hello[2]["resumed"], snapshot[1]) == (False, "snapshot")
    assert hello[2]["reason"] == snapshot[2]["reason"] in ("unknown", "restarted")


def test_a_cursor_ahead_of_the_daemon_is_unknown(world: World) -> None:
    epoch = world.get("/version")["epoch"]
    for seq in ("999999999", "9" * 30):
        stream = Stream(world.daemon.socket, f"?topics=policy&after={epoch}-{seq}")
        assert stream.until("hello")[-1][2]["reason"] == "unknown"
        stream.close()


def test_what_left_the_ring_is_expired_and_a_reader_that_fell_behind_lagged(world: World) -> None:
    """2,200 events pass, and one reader reads none of the last 600, which are too large for any buffer."""
    files = [world.serve(f"wide-{n}.gguf", {"rate": 1}, seed=2) for n in range(12)]
    for file, role in zip(files, ["model"] + ["shard"] * 11, strict=True):
        file["role"] = role
    world.list_locally(entry("tests/wide", *files), file="wide")
    made = world.post(f"/downloads/{world.download('tests/wide')['id']}/pause")
    first = world.get("/state", topics="policy")["cursor"]
    client = world.daemon.client
    changes, asleep = 2200, 600
    for n in range(changes):
        if n == changes - asleep:  # who reads nothing for 30 s is left: a slow machine must not take as long
            sleeper = Stream(world.daemon.socket, "?topics=downloads")
            sleeper.until("ready")
        client.change_download(made["id"], priority=n % 100)
    late = Stream(world.daemon.socket, f"?topics=policy&after={first}")
    assert late.until("hello")[-1][2] | {"epoch": ""} == {
        "epoch": "", "resumed": False, "reason": "expired", "heartbeat_s": 15.0
    }  # fmt: skip
    late.close()
    frames = sleeper.until("snapshot")
    assert frames[-1][2]["reason"] == "lagged"
    last = next(item for item in frames[-1][2]["state"]["downloads"] if item["id"] == made["id"])
    assert last["priority"] == (changes - 1) % 100
    assert len(frames) < asleep
    numbers = [number(cursor) for cursor, _, _ in frames if cursor is not None]
    assert numbers == sorted(numbers)
    client.change_download(made["id"], priority=-7)
    cursor, _, data = sleeper.until("download.changed")[-1]
    assert (data["priority"], number(cursor) > numbers[-1]) == (-7, True)
    sleeper.close()
    world.ask("POST", f"/downloads/{made['id']}/cancel")


def test_the_state_is_what_the_lists_say(world: World) -> None:
    answer = world.get("/state")
    assert answer["state"].keys() == TOPICS
    assert number(answer["cursor"]) >= 0
    assert answer["state"]["library"] == world.walk("/library", 200)
    assert answer["state"]["catalog"] == world.get("/catalog")
    listed = {item["id"] for item in world.walk("/downloads", 200)}
    assert {item["id"] for item in answer["state"]["downloads"]} == listed
    assert world.get("/state", topics="policy,device")["state"].keys() == {"policy", "device"}


def test_without_traffic_there_is_a_bookmark_with_an_id(world: World, quiet: Stream) -> None:
    cursor, kind, _ = next(quiet.frames)
    assert kind == "bookmark"
    assert cursor is not None
    assert cursor.startswith(world.get("/version")["epoch"])
    again = Stream(world.daemon.socket, f"?topics=policy&after={cursor}")
    assert again.until("hello")[-1][2]["resumed"] in (True, False)
    again.close()
