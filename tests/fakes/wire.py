"""A long wire between two network devices, as a program: `python -m tests.fakes.wire NEAR FAR [options]`.

It makes two TUN devices and carries what is sent into one to the other: after half the round trip, no faster
than the rate, through a queue that drops what does not fit, and without the share that is lost from FAR to
NEAR. Segments of TCP that the kernel hands over together are carried together and lost one by one. It prints
"ready", and the counts once its standard input has ended. Linux, as root.
"""

import argparse
import contextlib
import fcntl
import json
import os
import random
import select
import signal
import struct
import sys
import time
from collections import deque
from dataclasses import dataclass, field

from tests.fakes.segments import HEADER, kept_of, segments_of

TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
OFFLOAD_CHECKSUM, OFFLOAD_TCP4 = 0x01, 0x02
FRAMING = 38
"""Bytes of Ethernet around each packet."""


@dataclass
class Way:
    """One direction."""

    source: int
    target: int
    delay_s: float
    bytes_per_s: float
    queue_s: float
    loss: float
    free_at: float = 0.0
    travelling: deque[tuple[float, bytes]] = field(default_factory=deque)
    carried: int = 0
    lost: int = 0
    dropped: int = 0

    def take(self, chance: random.Random) -> None:
        """Everything that waits at this end."""
        while True:
            try:
                packet = os.read(self.source, 1 << 17)
            except OSError:  # nothing waits, or the device is down
                return
            self._send(packet, time.monotonic(), chance)

    def _send(self, packet: bytes, now: float, chance: random.Random) -> None:
        segments = segments_of(packet)
        each = ((len(packet) - HEADER) / segments + FRAMING) / self.bytes_per_s
        self.free_at = max(self.free_at, now)
        keep = []
        for _ in range(segments):
            fits = self.free_at - now < self.queue_s
            through = chance.random() >= self.loss
            if fits:
                self.free_at += each
            keep.append(fits and through)
            self.carried += fits and through
            self.lost += fits and not through
            self.dropped += not fits
        arrives = self.free_at + self.delay_s
        self.travelling.extend((arrives, part) for part in kept_of(packet, keep))

    def deliver(self, now: float) -> None:
        """Everything that has arrived at the other end."""
        while self.travelling and self.travelling[0][0] <= now:
            with contextlib.suppress(OSError):  # a device that is down drops it
                os.write(self.target, self.travelling.popleft()[1])


def device(name: str) -> int:
    """A new TUN device, gone with the descriptor."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(tun, TUNSETOFFLOAD, OFFLOAD_CHECKSUM | OFFLOAD_TCP4)
    return tun


def carry(there: Way, back: Way, chance: random.Random) -> None:
    """Until standard input ends."""
    ways = {there.source: there, back.source: back}
    while True:
        due = [way.travelling[0][0] for way in ways.values() if way.travelling]
        wait = max(0.0, min(due) - time.monotonic()) if due else None
        readable, _, _ = select.select([*ways, sys.stdin.fileno()], [], [], wait)
        if sys.stdin.fileno() in readable:
            return
        for descriptor in readable:
            ways[descriptor].take(chance)
        now = time.monotonic()
        there.deliver(now)
        back.deliver(now)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("near")
    parser.add_argument("far")
    parser.add_argument("--round-trip-ms", type=float, default=40)
    parser.add_argument("--bits-per-s", type=float, default=1e9)
    parser.add_argument("--loss", type=float, default=0.0, help="share of packets from FAR to NEAR")
    parser.add_argument("--queue-ms", type=float, default=40, help="what the queue before the wire holds")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    near, far = device(given.near), device(given.far)
    shape = (given.round_trip_ms / 2000, given.bits_per_s / 8, given.queue_ms / 1000)
    there = Way(near, far, *shape, loss=0.0)
    back = Way(far, near, *shape, loss=given.loss)
    print("ready", flush=True)
    carry(there, back, random.Random(7))
    print(json.dumps({"carried": back.carried, "lost": back.lost, "dropped": back.dropped}), flush=True)


if __name__ == "__main__":
    main()
