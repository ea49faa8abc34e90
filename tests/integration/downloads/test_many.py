"""Ten thousand queued downloads are listed, moved, paused and resumed as ten are."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from modelhub_client import Client
from modelhubd.wire.downloads import Download, DownloadState
from tests.running import RunningDaemon, running_daemon
from tests.stream import Stream

MANY = 10_000
ENDED = 60


def id_of(number: int) -> str:
    return f"{number:016x}"


def fill(database: sqlite3.Connection) -> None:
    """So many in the queue, in order of their number, and some that have ended."""
    stamp = "2026-05-04T12:00:00.000Z"
    insert = (
        "INSERT INTO download (id, model, version, option, format, state, ended, priority, rank, created_at,"
        " updated_at) VALUES (?, ?, 1, 'gguf-q4', 'gguf', ?, ?, 0, ?, ?, ?)"
    )
    with database:
        database.executemany(
            insert,
            (
                (id_of(number), f"acme/m{number}", "queued", 0, float(number), stamp, stamp)
                for number in range(1, MANY + 1)
            ),
        )
        database.executemany(
            insert,
            (
                (f"e{number:015x}", f"acme/e{number}", "failed", 1, float(number), stamp, stamp)
                for number in range(1, ENDED + 1)
            ),
        )
        database.execute(
            "INSERT INTO download_file (download, place, name, role, size_bytes, urls)"
            " SELECT number, 0, 'model.gguf', 'weights', 1000, '[\"http://127.0.0.1:9/x\"]' FROM download"
        )


@pytest.fixture
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """Its schedule opens in half a day, so that nothing of the queue starts."""
    opens = datetime.now().astimezone() + timedelta(hours=12)
    hours = f"{opens:%H:%M}-{opens + timedelta(minutes=1):%H:%M}"
    home = tmp_path_factory.mktemp("many") / "home"
    with running_daemon(home, {"MODELHUB_DOWNLOADS_SCHEDULE": hours}) as running:
        running.stop()
        database = sqlite3.connect(home / "state/modelhub.db")
        fill(database)
        database.close()
        running.start()
        yield running


def walk(client: Client, *states: str) -> list[Download]:
    """The whole list, page by page."""
    items: list[Download] = []
    after = None
    while True:
        page = client.downloads(states=states, limit=200, after=after)
        items += page.items
        after = page.next
        if after is None:
            assert page.total == len(items)
            return items


def numbers(downloads: list[Download]) -> list[int]:
    return [int(item.id, 16) for item in downloads]


def test_ten_thousand_are_listed_moved_paused_and_resumed(daemon: RunningDaemon) -> None:
    client = daemon.client
    order = list(range(1, MANY + 1))
    listed = walk(client)
    waiting, ended = listed[:MANY], listed[MANY:]
    assert numbers(waiting) == order
    assert [item.position for item in waiting] == order
    assert [item.id for item in ended] == [f"e{number:015x}" for number in range(ENDED, 0, -1)]
    assert client.status().downloads.held_until is not None

    def move(number: int, position: int) -> None:
        order.remove(number)
        order.insert(position - 1, number)
        assert client.change_download(id_of(number), position=position).position == position

    move(MANY, 1)
    move(1, MANY)
    move(5000, 3)
    move(3, 5000)
    for _ in range(60):  # each halves the room between two ranks, until all are numbered afresh
        move(order[9000], 8)
        move(order[9000], 8)
    urgent = client.change_download(id_of(7777), priority=5)
    order.remove(7777)
    order.insert(0, 7777)
    assert (urgent.position, urgent.priority) == (1, 5)
    assert numbers(walk(client, "queued")) == order

    stream = Stream(daemon.socket, "?topics=downloads", ndjson=True)
    before = stream.until("ready")
    assert len(before[1][2]["state"]["downloads"]) == MANY + 50
    assert [item["position"] for item in before[1][2]["state"]["downloads"][:MANY]] == list(
        range(1, MANY + 1)
    )
    assert client.pause_all().paused == MANY
    told = stream.until("snapshot")
    assert len(told) < 300, "it is told as one snapshot"
    assert told[-1][2]["reason"] == "lagged"
    states = {item["state"] for item in told[-1][2]["state"]["downloads"][:MANY]}
    assert states == {"paused"}
    stream.close()
    late = Stream(daemon.socket, f"?topics=policy&after={before[-1][0]}", ndjson=True)
    assert late.until("hello")[-1][2]["reason"] == "expired"
    late.close()

    paused = walk(client, "paused")
    assert numbers(paused) == order
    one = client.resume_download(paused[4000].id)
    assert (one.state, one.position) == (DownloadState.QUEUED, 4001)
    daemon.kill()
    daemon.start()
    assert client.resume_all().queued == MANY
    assert numbers(walk(client, "queued")) == order
