"""Start to the first answer of /health, idle memory, time to stop, and whole `modelhub` processes."""

import os
import statistics
import subprocess
import sys
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
        with running_daemon(home) as daemon:
            print(table("Whole processes", ["", "median", "worst"], processes(daemon)))


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


def processes(daemon: RunningDaemon) -> list[list[str]]:
    """Rows for commands run as a person runs them, beside a bare interpreter."""
    program = Path(sys.executable).with_name("modelhub")
    commands = {
        "python -c pass (what no program beats)": [sys.executable, "-c", "pass"],
        "modelhub --help": [str(program), "--help"],
        "modelhub search qwen": [str(program), "search", "qwen"],
        "modelhub status --json": [str(program), "status", "--json"],
    }
    rows = []
    for name, command in commands.items():
        samples = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            subprocess.run(command, env=os.environ | daemon.environ, check=True, capture_output=True)
            samples.append(time.perf_counter() - began)
        rows.append([name, ms(statistics.median(samples)), ms(max(samples))])
    return rows


if __name__ == "__main__":
    main()
