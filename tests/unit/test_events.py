"""The bus: order, replay, lag, gauges."""

import asyncio

import msgspec
import pytest

from modelhubd.errors import TooManyRequests
from modelhubd.events import QUEUE, RING, SUBSCRIBERS, Bus


@pytest.fixture
def bus() -> Bus:
    return Bus("0badcafe")


async def test_a_reader_gets_events_in_the_order_of_publication(bus: Bus) -> None:
    reader = bus.subscribe()
    for number in range(5):
        bus.publish("download.changed", "d", {"n": number})
    batch = await reader.take(within_s=20)
    assert [event.seq for event in batch.events] == [1, 2, 3, 4, 5]
    assert [msgspec.json.decode(event.data)["n"] for event in batch.events] == [0, 1, 2, 3, 4]
    assert bus.cursor == "0badcafe-5"


async def test_a_reader_gets_only_its_topics(bus: Bus) -> None:
    reader = bus.subscribe(["library"])
    bus.publish("download.changed", "d", 1)
    bus.gauge("download.progress", "d", 1)
    bus.publish("library.added", "l", 2)
    batch = await reader.take(within_s=20)
    assert [event.type for event in batch.events] == ["library.added"]
    assert batch.gauges == ()


async def test_jobs_are_told_under_the_library_and_under_a_topic_of_their_own(bus: Bus) -> None:
    library, jobs = bus.subscribe(["library"]), bus.subscribe(["jobs"])
    bus.publish("library.added", "l", 1)
    bus.publish("library.job", "j", 2)
    bus.gauge("library.progress", "j", 3)
    for reader, wanted in ((library, ["library.added", "library.job"]), (jobs, ["library.job"])):
        batch = await reader.take(within_s=20)
        assert [event.type for event in batch.events] == wanted
        assert batch.gauges == (("library.progress", b"3"),)


async def test_only_the_latest_gauge_of_a_resource_is_kept(bus: Bus) -> None:
    reader = bus.subscribe()
    bus.gauge("download.progress", "a", 1)
    bus.gauge("download.progress", "a", 2)
    bus.gauge("download.progress", "b", 3)
    batch = await reader.take(within_s=20)
    assert batch.gauges == (("download.progress", b"2"), ("download.progress", b"3"))


async def test_a_state_event_takes_the_place_of_the_pending_gauge_of_its_resource(bus: Bus) -> None:
    reader = bus.subscribe()
    bus.gauge("download.progress", "a", 1)
    bus.gauge("download.progress", "b", 1)
    bus.publish("download.changed", "a", "done")
    batch = await reader.take(within_s=20)
    assert [event.type for event in batch.events] == ["download.changed"]
    assert len(batch.gauges) == 1


async def test_a_state_event_drops_the_gauge_of_a_reader_that_lags_too(bus: Bus) -> None:
    reader = bus.subscribe()
    for number in range(QUEUE + 1):
        bus.publish("download.changed", "other", number)
    bus.gauge("download.progress", "d", 1)
    bus.publish("download.changed", "d", "completed")
    batch = await reader.take(within_s=20)
    assert (batch.lagged, batch.gauges) == (True, ())


async def test_a_slow_reader_is_told_that_it_lagged_and_slows_nobody(bus: Bus) -> None:
    slow, quick = bus.subscribe(), bus.subscribe()
    received = 0
    for number in range(QUEUE + 1):
        bus.publish("library.changed", "l", number)
        received += len((await quick.take(within_s=20)).events)
    assert received == QUEUE + 1
    batch = await slow.take(within_s=20)
    assert batch.lagged
    assert batch.events == ()
    bus.publish("library.changed", "l", "later")
    after = await slow.take(within_s=20)
    assert not after.lagged
    assert len(after.events) == 1


async def test_a_reader_that_lagged_gets_no_gauge_that_is_older_than_its_snapshot(bus: Bus) -> None:
    reader = bus.subscribe()
    for number in range(QUEUE + 1):
        bus.publish("download.changed", "other", number)
    bus.gauge("download.progress", "d", 1)
    assert (await reader.take(within_s=20)).gauges == ()
    bus.gauge("download.progress", "d", 2)
    assert (await reader.take(within_s=20)).gauges == (("download.progress", b"2"),)


async def test_taking_without_gauges_leaves_them_and_does_not_wake_for_them(bus: Bus) -> None:
    reader = bus.subscribe()
    bus.gauge("server.load", "s", 1)
    assert await reader.take(within_s=0.01, gauges=False) == await bus.subscribe(["policy"]).take(within_s=0)
    assert len((await reader.take(within_s=20)).gauges) == 1


async def test_a_waiting_reader_wakes_when_something_is_published(bus: Bus) -> None:
    reader = bus.subscribe()
    waiting = asyncio.create_task(reader.take(within_s=60))
    await asyncio.sleep(0)
    bus.publish("library.added", "l", 1)
    assert len((await asyncio.wait_for(waiting, 20)).events) == 1


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [
        (None, "fresh"),
        ("", "fresh"),
        ("deadbeef-1", "restarted"),
        ("0badcafe-99999999", "unknown"),
        ("0badcafe-x", "unknown"),
        ("nonsense", "unknown"),
        ("0badcafe-²", "unknown"),
        ("0badcafe-" + "9" * 40, "unknown"),
        ("0badcafe-1", "expired"),
    ],
)
async def test_a_cursor_that_cannot_be_resumed_says_why(bus: Bus, cursor: str | None, reason: str) -> None:
    for number in range(RING + 10):
        bus.publish("library.changed", "l", number)
    assert bus.since(cursor) == (reason, ())


async def test_a_cursor_in_the_ring_gives_what_came_after_it(bus: Bus) -> None:
    assert bus.since("0badcafe-0") == (None, ())
    for number in range(RING + 10):
        bus.publish("library.changed", "l", number)
    reason, missed = bus.since(f"0badcafe-{RING + 7}")
    assert reason is None
    assert [event.seq for event in missed] == [RING + 8, RING + 9, RING + 10]
    assert len(bus.since("0badcafe-10")[1]) == RING


async def test_the_thirty_third_reader_is_refused(bus: Bus) -> None:
    readers = [bus.subscribe() for _ in range(SUBSCRIBERS)]
    with pytest.raises(TooManyRequests):
        bus.subscribe()
    bus.unsubscribe(readers[0])
    bus.subscribe()


async def test_closing_ends_every_reader_those_that_come_later_too(bus: Bus) -> None:
    reader = bus.subscribe()
    bus.close()
    assert (await reader.take(within_s=20)).closed
    assert (await bus.subscribe().take(within_s=20)).closed


async def test_more_than_can_be_told_makes_every_reader_of_the_topic_read_a_snapshot(bus: Bus) -> None:
    bus.publish("download.changed", "a", {"id": "a"})
    before = bus.cursor
    reader, other = bus.subscribe(("downloads",)), bus.subscribe(("library",))
    bus.publish("download.changed", "a", {"id": "a"})
    bus.publish("library.changed", "b", {"id": "b"})
    bus.overtake("downloads")
    batch = await reader.take(within_s=0.1)
    assert batch.lagged and batch.events == ()
    assert [event.type for event in (await other.take(within_s=0.1)).events] == ["library.changed"]
    assert bus.since(before) == ("expired", ())
    assert bus.since(bus.cursor) == (None, ())
    bus.publish("download.changed", "a", {"id": "a"})
    assert len((await reader.take(within_s=0.1)).events) == 1
