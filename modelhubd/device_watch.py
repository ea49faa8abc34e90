"""The device as it is now: probed again when somebody asks and it may have changed, and every half minute."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from modelhubd.device import DeviceProbe
from modelhubd.events import Bus
from modelhubd.wire.device import Device, Gpu, LlamaBuild

INTERVAL_S = 30.0
SETTLED_S = 3.0
FRESH_S = 1.0
PATIENCE_S = 2.0
"""How long an answer waits for a probe: a network drive may hang."""
NOTABLE_CHANGE = 0.05
"""Change of free memory or disk, as a part of the whole, that readers are told of."""


class DeviceWatch:
    """Keeps the last probe. `builds` answers the llama-servers found, with the devices they see.

    One task probes (`keep_fresh`); whoever wants to know asks it, so that a drive that does not answer holds
    up one thread and nobody for long.
    """

    def __init__(
        self, probe: DeviceProbe, bus: Bus, builds: Callable[[], tuple[LlamaBuild, ...]] = tuple
    ) -> None:
        self._probe = probe
        self._bus = bus
        self._builds = builds
        self._device = probe.probe()
        self._told = self._device
        self._probed_at = time.monotonic()
        self._wanted = asyncio.Event()
        self._probed = asyncio.Event()
        self.on_change: list[Callable[[], None]] = []
        """Called after a notable change; must not wait."""

    @property
    def last(self) -> Device:
        """The last probe, without a new one."""
        return self._device

    async def now(self) -> Device:
        """The device, at most a second old; older where a drive does not answer."""
        if time.monotonic() - self._probed_at > FRESH_S:
            self._wanted.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await self._probed.wait()
        return self._device

    async def keep_fresh(self) -> None:
        """Probe when asked and every half minute, for ever; first when llama-servers will have been found."""
        patience = SETTLED_S
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._wanted.wait()
            self._wanted.clear()
            await self._refresh()
            self._probed.set()
            self._probed = asyncio.Event()
            patience = INTERVAL_S

    async def _refresh(self) -> None:
        """Probe; tell readers and whoever judges by it when something notable has changed."""
        builds = self._builds()
        device = await asyncio.to_thread(self._probe.probe, gpus_of(builds), builds)
        self._device, self._probed_at = device, time.monotonic()
        if notably_different(self._told, device):
            self._told = device
            self._bus.publish("device.changed", "device", device)
            for tell in self.on_change:
                tell()


def gpus_of(builds: tuple[LlamaBuild, ...]) -> tuple[Gpu, ...]:
    """The devices of the build that loads models: the first usable one."""
    return next((build.devices for build in builds if build.usable), ())


def notably_different(before: Device, after: Device) -> bool:
    """Whether a reader would judge differently: other hardware or builds, or 5 % of memory or disk."""
    memory = abs(before.ram_available_bytes - after.ram_available_bytes) / max(1, after.ram_total_bytes)
    disk = abs((before.disk_free_bytes or 0) - (after.disk_free_bytes or 0)) / max(
        1, after.disk_total_bytes or 1
    )
    return (
        memory >= NOTABLE_CHANGE
        or disk >= NOTABLE_CHANGE
        or before.llama_servers != after.llama_servers
        or before.models_dir_present != after.models_dir_present
        or [gpu.id for gpu in before.gpus] != [gpu.id for gpu in after.gpus]
    )
