"""Start to the first answer of /health, idle memory, time to stop."""

import statistics
import tempfile
import time
from pathlib import Path

import psutil

from modelhubd.device import DeviceProbe
from tests.benchmarks.figures import ms, table
from tests.running import RunningDaemon, running_daemon

ROUNDS = 7
IDLE_S = 3.0


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        print(table("Daemon", ["", "median", "worst"], [*starts(home), memory(home), probes(home)]))


def starts(home: Path) -> list[list[str]]:
    """Rows for the first start, later starts, and stops."""
    daemon = RunningDaemon(home)
    first = daemon.start()
    stops = [daemon.stop()]
    later = []
    for _ in range(ROUNDS):
        later.append(daemon.start())
        stops.append(daemon.stop())
    return [
        ["first start to /health (builds the index)", ms(first), ms(first)],
        ["start to /health", ms(statistics.median(later)), ms(max(later))],
        ["SIGTERM to the end", ms(statistics.median(stops)), ms(max(stops))],
    ]


def memory(home: Path) -> list[str]:
    """A row for resident memory once the start has settled."""
    with running_daemon(home) as daemon:
        time.sleep(IDLE_S)
        size = psutil.Process(daemon.pid).memory_info().rss
    return ["resident memory, idle", f"{size / 1e6:.1f} MB", f"{size / 1e6:.1f} MB"]


def probes(home: Path) -> list[str]:
    """A row for one look at the device, which the event loop waits for."""
    probe = DeviceProbe(home, 0, home)
    samples = []
    for _ in range(ROUNDS * 3):
        began = time.perf_counter()
        probe.probe()
        samples.append(time.perf_counter() - began)
    return ["a look at the device", ms(statistics.median(samples)), ms(max(samples))]


if __name__ == "__main__":
    main()
