"""What the registry bears: `python -m tests.benchmarks registry [writes refreshes catalogs] [options]`.

On both databases, with many requests in flight: publishes, approvals, flips of verification and conditional
reads of the catalog per second, and whether everything is right afterwards. Thousands of simulated daemons
that look for something new at one process. Catalogs of 2,000 and 20,000 models: to import, sign and serve; to
sync and search them is measured by `python -m tests.benchmarks sync`. `--write` puts the figures into
`docs/benchmarks/registry.md`.
"""

import argparse
import asyncio
import contextlib
import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.figures import table, written_table
from tests.benchmarks.registry import catalogs, refreshes, writes
from tests.fakes.postgres import fresh_database

PARTS = ("writes", "refreshes", "catalogs")
DATABASES = ("sqlite", "postgresql")
PAGE = Path(__file__).parents[3] / "docs" / "benchmarks" / "registry.md"
Table = tuple[str, list[str], list[list[str]]]
"""Title, head and rows."""
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"


def main(arguments: Sequence[str] = ()) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="registry", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--versions", type=int, default=600, help="that are published and approved")
    parser.add_argument("--flips", type=int, default=600)
    parser.add_argument("--reads", type=int, default=5_000)
    parser.add_argument("--reports", type=int, default=5_000, help="of downloads")
    parser.add_argument("--daemons", type=int, default=4_000)
    parser.add_argument("--models", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument(
        "--write", action="store_true", help="the figures into the page, in place of the last"
    )
    asked = parser.parse_args(arguments)
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    written: list[str] = []
    try:
        for title, head, rows in _measured(asked, asked.parts or PARTS):
            print(table(title, head, rows), flush=True)
            written.append(f"### {title}\n{written_table(head, rows)}")
    finally:
        if asked.write and written:  # also what there is of a run that was broken off
            _write(written)


def _write(tables: Sequence[str]) -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    text = "\n".join((_where(), *tables))
    PAGE.write_text(f"{before}{BEGIN}{text}{END}{rest.partition(END)[2]}", encoding="utf-8")


def _measured(asked: argparse.Namespace, parts: Sequence[str]) -> Iterator[Table]:
    for name in asked.databases if "writes" in parts else ():
        work = writes.Work(
            in_flight=asked.in_flight,
            versions=asked.versions,
            flips=asked.flips,
            reads=asked.reads,
            reports=asked.reports,
        )
        with database(name) as (folder, url):
            rows = asyncio.run(writes.measure(folder / "state", url, work))
        title = f"The registry on {name}, {work.in_flight} requests in flight"
        yield title, ["", "done", "per second", "median", "p99"], rows
    for name in asked.databases if "refreshes" in parts else ():
        with database(name) as (folder, url):
            rows = asyncio.run(refreshes.measure(folder / "state", url, asked.daemons, asked.in_flight))
        yield f"{asked.daemons} daemons look for something new, one process on {name}", ["", "figure"], rows
    for models in asked.models if "catalogs" in parts else ():
        for name in asked.databases:
            with database(name) as (folder, url):
                rows = asyncio.run(catalogs.measure(folder, url, models))
            yield f"A catalog of {models} models on {name}", ["", "figure"], rows


def _where() -> str:
    return (
        f"Made by `python -m tests.benchmarks registry --write` on {datetime.now(UTC):%Y-%m-%d}: "
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}. Who asks, the "
        "registry and the database share them.\n"
    )


@contextlib.contextmanager
def database(name: str) -> Iterator[tuple[Path, str]]:
    """An empty folder and the address of an empty database."""
    with tempfile.TemporaryDirectory() as made, contextlib.ExitStack() as stack:
        folder = Path(made)
        sqlite = f"sqlite+aiosqlite:///{folder / 'registry.db'}"
        yield folder, sqlite if name == "sqlite" else stack.enter_context(fresh_database())
