"""Requests in flight are counted, waited for and cut off."""

import asyncio

import pytest

from modelhubd.llama.leases import CutOff, Leases


class Counted:
    """Leases, and how many there were after each change."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.leases = Leases(lambda: self.counts.append(len(self.leases)))


async def hold(leases: Leases, until: asyncio.Event) -> None:
    async with leases.use():
        await until.wait()


async def test_each_begin_and_end_is_counted_and_told() -> None:
    counted = Counted()
    async with counted.leases.use(), counted.leases.use():
        assert len(counted.leases) == 2
    assert counted.counts == [1, 2, 1, 0]
    assert counted.leases.ended == 2


async def test_a_block_that_fails_has_ended_and_its_own_timeout_is_its_own() -> None:
    leases = Counted().leases
    for error in (ValueError, TimeoutError):
        with pytest.raises(error):
            async with leases.use():
                raise error
    assert (len(leases), leases.ended) == (0, 2)


async def test_whoever_waits_for_work_waits_until_there_is_some() -> None:
    leases = Counted().leases
    waiting = asyncio.ensure_future(leases.busy())
    await asyncio.sleep(0)
    assert not waiting.done()
    async with leases.use(), asyncio.timeout(30):
        await waiting


async def test_nothing_in_flight_is_drained_at_once_without_a_deadline() -> None:
    async with asyncio.timeout(30):
        await Counted().leases.drain()


async def test_requests_that_end_in_time_are_waited_for() -> None:
    leases, release = Counted().leases, asyncio.Event()
    request = asyncio.ensure_future(hold(leases, release))
    await asyncio.sleep(0)
    draining = asyncio.ensure_future(leases.drain())
    await asyncio.sleep(0)
    assert not draining.done()
    release.set()
    await draining
    await request


async def test_requests_that_do_not_are_cut_off() -> None:
    leases = Counted().leases
    requests = [asyncio.ensure_future(hold(leases, asyncio.Event())) for _ in range(3)]
    await asyncio.sleep(0)
    leases.drain_by(0)
    await leases.drain()
    async with asyncio.timeout(30):
        for request in requests:
            with pytest.raises(CutOff):
                await request
    assert len(leases) == 0


async def test_the_earliest_deadline_counts_also_while_it_is_waited_for() -> None:
    leases = Counted().leases
    request = asyncio.ensure_future(hold(leases, asyncio.Event()))
    await asyncio.sleep(0)
    now = asyncio.get_running_loop().time()
    leases.drain_by(now + 1000)
    draining = asyncio.ensure_future(leases.drain())
    await asyncio.sleep(0)
    leases.drain_by(now + 5000)
    await asyncio.sleep(0)
    assert not draining.done()
    leases.drain_by(now)
    leases.drain_by(now)
    async with asyncio.timeout(30):
        await draining
        with pytest.raises(CutOff):
            await request


async def test_a_cancelled_request_is_cancelled_and_no_longer_in_flight() -> None:
    leases = Counted().leases
    request = asyncio.ensure_future(hold(leases, asyncio.Event()))
    await asyncio.sleep(0)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert len(leases) == 0
