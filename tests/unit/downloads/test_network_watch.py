"""Noticing another network, by the system's word and by nothing else."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from modelhubd.downloads import network_watch
from modelhubd.downloads.network_watch import NetworkWatch

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of changes of the network")
IP = shutil.which("ip")


class Ways:
    """The ways out, as a test wants them."""

    def __init__(self, *ways: str) -> None:
        self.now = ways

    def __call__(self) -> tuple[str, ...]:
        return self.now


class Heard:
    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.times = 0

    def __call__(self) -> None:
        self.times += 1
        self.event.set()

    async def once_more(self) -> None:
        async with asyncio.timeout(20):
            await self.event.wait()
        self.event.clear()


@linux
async def test_another_way_out_is_told_once_and_the_loss_of_the_last_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(network_watch, "SETTLE_S", 0.01)
    heard, ways = Heard(), Ways("10.0.0.2")
    watch = NetworkWatch(heard, ways_out=ways)
    assert watch.start()
    try:
        ways.now = ()
        watch._heard()
        watch._heard()
        await asyncio.sleep(0.1)
        assert heard.times == 0
        ways.now = ("10.0.0.2",)
        watch._heard()
        await heard.once_more()
        watch._heard()
        await asyncio.sleep(0.1)
        assert heard.times == 1, "nothing is new"
        ways.now = ("192.168.1.7",)
        watch._heard()
        await heard.once_more()
    finally:
        watch.close()


@linux
async def test_nothing_is_told_after_its_end() -> None:
    heard, ways = Heard(), Ways()
    watch = NetworkWatch(heard, ways_out=ways)
    watch.start()
    ways.now = ("10.0.0.2",)
    watch._heard()
    watch.close()
    watch.close()
    await asyncio.sleep(0.4)
    assert heard.times == 0


async def test_where_there_is_nothing_to_watch_nothing_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    watch = NetworkWatch(Heard())
    assert not watch.start()
    watch.close()


@linux
async def test_a_system_that_refuses_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(network_watch, "_listen", refused)
    watch = NetworkWatch(Heard())
    assert not watch.start()
    watch.close()


WATCHING = """
import asyncio, sys
from modelhubd.downloads.network_watch import NetworkWatch

async def main():
    changed = asyncio.Event()
    watch = NetworkWatch(changed.set)
    assert watch.start()
    print("watching", flush=True)
    async with asyncio.timeout(40):
        await changed.wait()
    print("changed", flush=True)
    watch.close()

asyncio.run(main())
"""


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network of its own, with nothing in it."""
    name = f"mh-watch-{os.getpid()}"
    if IP is None or subprocess.run([IP, "netns", "add", name], capture_output=True).returncode:
        pytest.skip("a network namespace needs the ip program and the right to make one")
    yield name
    subprocess.run([IP, "netns", "delete", name], check=True)


@linux
def test_a_real_network_that_comes_up_is_noticed(namespace: str) -> None:
    assert IP is not None
    program = subprocess.Popen(
        [IP, "netns", "exec", namespace, sys.executable, "-c", WATCHING],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        assert program.stdout.readline() == "watching\n"
        for line in (
            "link set lo up",
            "address add 10.9.8.7/24 dev lo",
            "route add default dev lo",
        ):
            made = subprocess.run([IP, "-n", namespace, *line.split()], capture_output=True, text=True)
            assert made.returncode == 0, made.stderr
        assert program.stdout.readline() == "changed\n"
        assert program.wait(20) == 0
    finally:
        program.kill()
        program.wait()
        if program.stdout is not None:
            program.stdout.close()
