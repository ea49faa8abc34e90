"""Whole `modelhub` processes, as a person runs them, beside what none of them can do without.

`python -m tests.benchmarks commands [--write]`; --write puts the figures into docs/benchmarks/commands.md.
"""

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.running import running_daemon

PAGE = Path(__file__).parent.parent.parent / "docs" / "benchmarks" / "commands.md"
PROGRAM = str(Path(sys.executable).with_name("modelhub"))
ROUNDS = 15
FLOOR = "python, click, http.client, msgspec"
COMMANDS: dict[str, list[str]] = {
    "python, nothing": [sys.executable, "-c", "pass"],
    "python, click": [sys.executable, "-c", "import click"],
    FLOOR: [sys.executable, "-c", "import click, http.client, msgspec"],
    "modelhub --help": [PROGRAM, "--help"],
    "modelhub status": [PROGRAM, "status"],
    "modelhub list": [PROGRAM, "list"],
    "modelhub ps": [PROGRAM, "ps"],
    "modelhub search qwen": [PROGRAM, "search", "qwen"],
    "modelhub downloads list": [PROGRAM, "downloads", "list"],
}


def run(command: Sequence[str], environ: Mapping[str, str]) -> tuple[float, float]:
    """Seconds it took, and seconds of a processor that it took."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=os.environ | dict(environ), check=True, capture_output=True)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(environ: Mapping[str, str]) -> str:
    """The figures as a page of Markdown; each round runs every command once."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            samples[name].append(run(command, environ))
    medians = {
        name: tuple(statistics.median(column) for column in zip(*found, strict=True))
        for name, found in samples.items()
    }
    lines = [
        "# Quick commands\n",
        "Made by `python -m tests.benchmarks commands --write`: whole processes, output into a pipe, medians",
        f"of {ROUNDS} on {os.cpu_count()} cores with a load of {os.getloadavg()[0]:.0f}, Python "
        f"{platform.python_version()}. The first three rows do nothing but start",
        "and import: what is below them is ours, and the daemon's answer.\n",
        "| | time | processor | beside the third row |",
        "|---|---|---|---|",
    ]
    floor = medians[FLOOR][1]
    for name, (took, cpu) in medians.items():
        lines.append(f"| {name} | {took * 1000:.0f} ms | {cpu * 1000:.0f} ms | {cpu / floor:.2f} × |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="commands")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, running_daemon(Path(folder) / "home") as daemon:
        text = measured(daemon.environ)
    print(text)
    if asked.write:
        PAGE.write_text(text, encoding="utf-8")
