"""`python -m tests.benchmarks downloads [--rounds N] [--size 2G] [--only http,link] [--folder DIR] …`"""

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.downloads.page import page
from tests.benchmarks.downloads.places import DISK, default_folder, described
from tests.benchmarks.downloads.plot import plot
from tests.benchmarks.downloads.programs import Missing
from tests.benchmarks.downloads.results import Results
from tests.benchmarks.downloads.sections import SECTIONS, Run

DOCS = Path(__file__).parents[3] / "docs" / "benchmarks"
UNITS = {"M": 1 << 20, "G": 1 << 30}


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print a page of Markdown; with `--write` it becomes docs/benchmarks/downloads.md."""
    given = _given(arguments)
    signal.signal(signal.SIGTERM, _ended)
    signal.signal(signal.SIGINT, _ended)
    interrupted = False
    began = time.monotonic()
    folder = given.folder or default_folder(given.size)
    with (
        tempfile.TemporaryDirectory(prefix="modelhub-bench-", dir=folder) as place,
        tempfile.TemporaryDirectory(prefix="modelhub-bench-", dir=given.disk) as disk,
    ):
        results = Results(_machine(), f"Files in {described(Path(place))}.")
        run = Run(Path(place), Path(disk) / "run", given.rounds, given.size, results, _say)
        try:
            for name in given.only:
                _section(run, name)
        except KeyboardInterrupt:
            interrupted = True
            results.missing.append("the rest: it was interrupted")
    _say(f"{time.monotonic() - began:.0f} s in all")
    print(page(results, "downloads.svg" if given.write else None))
    if interrupted:
        sys.exit(130)
    if given.write:
        DOCS.mkdir(exist_ok=True)
        (DOCS / "downloads.md").write_text(page(results, "downloads.svg"))
        (DOCS / "downloads.svg").write_text(plot(results.races, results.machine))


def _ended(number: int, _: object) -> None:
    """What was started is ended on the way out, undisturbed by an impatient second signal."""
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)


def _section(run: Run, name: str) -> None:
    try:
        SECTIONS[name](run)
    except Missing as missing:
        run.results.missing.append(f"{name}: {missing}")
    except (RuntimeError, AssertionError, OSError) as error:
        run.results.missing.append(f"{name}: {' '.join(str(error).split())[:300]}")
        _say(f"{name}: {error}")


def _given(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks downloads")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=_size, default=2 << 30, help="of the large file, such as 2G or 64M")
    parser.add_argument("--only", type=_sections, default=list(SECTIONS), help=",".join(SECTIONS))
    parser.add_argument("--folder", type=Path, help="where the files go (default: in memory)")
    parser.add_argument("--disk", type=Path, default=DISK, help="a folder on the real disk")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/downloads.md and .svg")
    return parser.parse_args(arguments)


def _size(text: str) -> int:
    unit = UNITS.get(text[-1:].upper())
    return int(text[:-1]) * unit if unit else int(text)


def _sections(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(SECTIONS):
        raise argparse.ArgumentTypeError(f"no such section: {', '.join(sorted(unknown))}")
    return names


def _machine() -> str:
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    system = f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"
    return f"{day}, {os.cpu_count()} cores, {platform.machine()}, {system}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
