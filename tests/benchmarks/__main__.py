"""`make bench`: every measurement, one after the other, on a machine that had better be quiet.

`python -m tests.benchmarks NAME [options]` makes one of them.
"""

import os
import platform
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from tests.benchmarks import (
    bench_api,
    bench_catalog,
    bench_commands,
    bench_estimate,
    bench_gateway,
    bench_imports,
    bench_page,
    bench_records,
    bench_soak,
    bench_startup,
    bench_sync,
    bench_trials,
)
from tests.benchmarks.downloads import bench as bench_downloads
from tests.benchmarks.registry import bench as bench_registry

BENCHMARKS: dict[str, Callable[[Sequence[str]], None]] = {
    "catalog": lambda _: bench_catalog.main(),
    "startup": lambda _: bench_startup.main(),
    "commands": bench_commands.main,
    "api": lambda _: bench_api.main(),
    "soak": bench_soak.main,
    "gateway": bench_gateway.main,
    "page": bench_page.main,
    "downloads": bench_downloads.main,
    "imports": bench_imports.main,
    "estimate": bench_estimate.main,
    "registry": bench_registry.main,
    "sync": bench_sync.main,
    "records": bench_records.main,
    "trials": bench_trials.main,
}


def main(arguments: Sequence[str]) -> None:
    """Print where and when, then every table."""
    if arguments and arguments[0] not in BENCHMARKS:
        raise SystemExit(f"There is no benchmark {arguments[0]}: choose from {', '.join(BENCHMARKS)}.")
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine}\n")
    sys.argv[1:] = arguments[1:]
    for name in arguments[:1] or BENCHMARKS:
        BENCHMARKS[name](arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
