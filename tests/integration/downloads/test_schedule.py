"""The schedule holds downloads and lets them go on; the clock is handed in."""

from datetime import UTC, datetime, timedelta

import pytest

from modelhubd.downloads import scheduler
from modelhubd.wire.catalog import OptionFile
from modelhubd.wire.downloads import ChangeLimits, DownloadState
from tests.fakes.download_home import Home, option_of
from tests.fakes.origin import Origin, sha256

SIZE = 2_000_000
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(home: Home, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """At noon; moving it is noticed soon, as the clock of a machine that slept is within half a minute."""
    monkeypatch.setattr(scheduler, "CLOCK_LOOK_S", 0.05)
    clock = Clock()
    home.clock = clock
    return clock


def offer(home: Home, origin: Origin, *names: str) -> None:
    for name in names:
        url = origin.serve(f"/schedule/{name}.gguf", SIZE, {"rate": 400_000})
        file = OptionFile(name="tiny.gguf", size_bytes=SIZE, sha256=sha256(1, SIZE), urls=(url,))
        home.offer(f"acme/{name}", option_of(file))


async def test_outside_its_hours_nothing_starts_and_it_says_until_when(
    home: Home, origin: Origin, clock: Clock
) -> None:
    offer(home, origin, "held")
    async with home.daemon() as daemon:
        downloads = daemon.downloads
        limits = await downloads.limiter.change(ChangeLimits(schedule="22:00-06:00"))
        assert (limits.schedule, limits.held_until) == ("22:00-06:00", "2026-05-04T22:00:00.000Z")
        held = await daemon.pull("acme/held")
        assert (await downloads.summary()).held_until == "2026-05-04T22:00:00.000Z"
        assert (await daemon.until(held.id, DownloadState.QUEUED)).position == 1
        assert downloads.worker_pid is None, "nothing has been asked of anybody"
        clock.now = NOON + timedelta(hours=10)
        await daemon.until(held.id, DownloadState.ACTIVE)
        assert (await downloads.summary()).held_until is None
        assert downloads.limiter.show().held_until is None
        assert (await daemon.until(held.id)).state is DownloadState.COMPLETED


async def test_what_runs_when_the_hours_end_steps_back_and_keeps_its_bytes(
    home: Home, origin: Origin, clock: Clock
) -> None:
    offer(home, origin, "first", "second")
    clock.now = NOON + timedelta(hours=11)
    async with home.daemon() as daemon:
        await daemon.downloads.limiter.change(ChangeLimits(schedule="22:00-06:00"))
        ids = [(await daemon.pull(f"acme/{name}")).id for name in ("first", "second")]
        before = [await daemon.until(id_, DownloadState.ACTIVE, past=100_000) for id_ in ids]
        subscription = daemon.bus.subscribe(("downloads",))
        clock.now = NOON + timedelta(hours=18)
        for id_, seen in zip(ids, before, strict=True):
            back = await daemon.until(id_, DownloadState.QUEUED)
            assert back.progress.done_bytes >= seen.progress.done_bytes
            assert back.held_bytes >= 100_000
            assert (back.attempts, back.error) == (0, None), "that is no fault"
        told = {event.type for event in (await subscription.take(within_s=5)).events}
        assert "download.limits" in told, "readers learn that the schedule holds things"
    async with home.daemon() as daemon:
        assert daemon.downloads.limiter.show().held_until == "2026-05-05T22:00:00.000Z"
        assert (await daemon.downloads.summary()).queued == 2
        await daemon.downloads.limiter.change(ChangeLimits(schedule=None))
        for id_ in ids:
            assert (await daemon.until(id_)).state is DownloadState.COMPLETED
    for name in ("first", "second"):
        asked = [request["fields"].get("range") for request in origin.requests(f"/schedule/{name}.gguf")]
        assert len(asked) > 1 and asked[-1] != "bytes=0-", "it went on where it was"


async def test_after_a_restart_outside_the_hours_what_was_active_is_queued(
    home: Home, origin: Origin, clock: Clock
) -> None:
    offer(home, origin, "restarted")
    async with home.daemon() as daemon:
        id_ = (await daemon.pull("acme/restarted")).id
        await daemon.until(id_, DownloadState.ACTIVE, past=100_000)
        async with daemon.database.transaction() as tx:
            await tx.execute("INSERT INTO setting VALUES ('downloads.schedule', '\"22:00-06:00\"')")
    async with home.daemon() as daemon:
        back = await daemon.until(id_, DownloadState.QUEUED)
        assert back.progress.done_bytes > 100_000


async def test_a_saved_limit_that_cannot_be_is_ignored(home: Home, clock: Clock) -> None:
    async with home.daemon() as daemon, daemon.database.transaction() as tx:
        await tx.execute("INSERT INTO setting VALUES ('downloads.schedule', '\"never\"')")
        await tx.execute("INSERT INTO setting VALUES ('downloads.max_active', '7')")
    async with home.daemon() as daemon:
        shown = daemon.downloads.limiter.show()
        assert (shown.schedule, shown.max_active) == (None, 7)
