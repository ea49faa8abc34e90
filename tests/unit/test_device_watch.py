"""The device is probed by one task, and nobody waits long for it."""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from modelhubd import device_watch
from modelhubd.device import DeviceProbe
from modelhubd.device_watch import DeviceWatch, notably_different
from modelhubd.events import Bus
from modelhubd.tasks import TaskOwner
from modelhubd.wire.device import Device, Gpu, LlamaBuild


class Drive(DeviceProbe):
    """A probe whose drive hangs when told to."""

    def __init__(self, models_dir: Path) -> None:
        super().__init__(models_dir=models_dir, reserve_bytes=0, home=models_dir)
        self.answers = threading.Event()
        self.answers.set()
        self.probes = 0

    def probe(self, gpus: Iterable[Gpu] = (), llama_servers: Iterable[LlamaBuild] = ()) -> Device:
        self.probes += 1
        self.answers.wait(20)
        return super().probe(gpus, llama_servers)


@pytest.fixture
def drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Drive]:
    monkeypatch.setattr(device_watch, "FRESH_S", 0.0)
    monkeypatch.setattr(device_watch, "PATIENCE_S", 0.2)
    made = Drive(tmp_path)
    yield made
    made.answers.set()


async def test_a_drive_that_hangs_holds_up_one_thread_and_nobody_for_long(drive: Drive) -> None:
    watch = DeviceWatch(drive, Bus("0badcafe"))
    async with TaskOwner("test") as tasks:
        tasks.start(watch.keep_fresh(), name="device")
        assert await watch.now() == watch.last
        before = drive.probes
        drive.answers.clear()
        for _ in range(3):
            assert await asyncio.wait_for(watch.now(), 15) == watch.last
        assert drive.probes == before + 1
        drive.answers.set()
        await watch.now()
        assert drive.probes > before


async def test_a_build_that_was_found_is_told_to_readers_and_to_those_who_judge(drive: Drive) -> None:
    found: list[LlamaBuild] = []
    bus = Bus("0badcafe")
    watch = DeviceWatch(drive, bus, builds=lambda: tuple(found))
    told: list[int] = []
    watch.on_change.append(lambda: told.append(1))
    reader = bus.subscribe(["device"])
    async with TaskOwner("test") as tasks:
        tasks.start(watch.keep_fresh(), name="device")
        await watch.now()
        found.append(LlamaBuild(id="a", origin="path", version="b1"))
        assert (await watch.now()).llama_servers == tuple(found)
    assert told == [1]
    assert [event.type for event in (await reader.take(within_s=20)).events] == ["device.changed"]


def test_a_small_change_of_memory_is_not_worth_telling(drive: Drive) -> None:
    device = drive.probe()
    little = device.ram_available_bytes - device.ram_total_bytes // 100
    assert not notably_different(device, replace(device, ram_available_bytes=little))
    assert notably_different(device, replace(device, ram_available_bytes=0))
