"""A link with a round trip, a rate and loss between us and an nginx in a network namespace of its own.

The link is a program that carries packets between two TUN devices (tests/fakes/wire.py): TCP's own recovery
and slow start are what they are on a long line. The namespace ends with its nginx, the devices with the
program.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.downloads.origin import Origin, Served, running_origin, wait_for
from tests.benchmarks.downloads.programs import Missing, background, program, run

ROUND_TRIP_MS = 40
BITS_PER_S = 1_000_000_000
CONGESTION = "cubic"


@dataclass
class Link:
    origin: Origin
    round_trip_s: float
    """As measured by connecting."""
    counts: dict[str, int] = field(default_factory=dict)
    """Packets carried, lost and dropped by the queue: known at the end."""

    def __str__(self) -> str:
        lost, dropped = self.counts.get("lost", 0), self.counts.get("dropped", 0)
        sent = self.counts.get("carried", 0) + lost
        return (
            f"Connecting takes {self.round_trip_s * 1000:.1f} ms; of {sent} packets that went through it "
            f"{lost} ({lost / max(1, sent):.2%}) were lost, {dropped} more did not fit its queue of 40 ms"
        )


@contextlib.contextmanager
def running_link(folder: Path, files: list[Served], loss: float) -> Iterator[Link]:
    """The origin behind the link.

    Raises:
        Missing: this machine or this user cannot make network devices.
    """
    ip, nsenter, unshare = program("ip", "iproute2"), program("nsenter"), program("unshare")
    if sys.platform != "linux" or os.geteuid() != 0 or not Path("/dev/net/tun").exists():
        raise Missing("a link needs Linux, root and /dev/net/tun")
    near, far = f"mh{os.getpid()}n", f"mh{os.getpid()}f"
    subnet = f"198.18.{os.getpid() % 256}"
    shape = ("--round-trip-ms", str(ROUND_TRIP_MS), "--bits-per-s", str(BITS_PER_S))
    options = (*shape, "--loss", str(loss))
    command = (sys.executable, "-m", "tests.fakes.wire", near, far, *options)
    with (
        background(*command, log=folder / "wire.log") as wire,
        running_origin(folder, files, address=f"{subnet}.2", wrapper=(unshare, "--net", "--")) as origin,
    ):
        assert wire.stdout is not None
        if wire.stdout.readline() != "ready\n":
            raise Missing(f"the link does not start:\n{(folder / 'wire.log').read_text()[-1000:]}")
        inside = (nsenter, "--target", str(origin.pid), "--net", "--")
        for step in (
            (ip, "link", "set", far, "netns", str(origin.pid)),
            (ip, "addr", "add", f"{subnet}.1/30", "dev", near),
            (ip, "link", "set", near, "up", "txqueuelen", "10000"),
            (*inside, ip, "addr", "add", f"{subnet}.2/30", "dev", far),
            (*inside, ip, "link", "set", far, "up", "txqueuelen", "10000"),
            (*inside, ip, "route", "replace", f"{subnet}.0/30", "dev", far, "congctl", CONGESTION),
        ):
            run(*step, within_s=10)
        wait_for(f"{subnet}.2", 8080, wire, origin.log)
        link = Link(origin, wait_for(f"{subnet}.2", 8080, wire, origin.log))
        yield link
        with contextlib.suppress(subprocess.TimeoutExpired, ValueError):
            said, _ = wire.communicate(timeout=5)
            link.counts.update(json.loads(said))
