"""Run the files in which tests failed once more, one test after the other: `make test-again`; see decision
0032."""

import json
import sys
from pathlib import Path

import pytest

FAILED = Path(".pytest_cache/v/cache/lastfailed")
AT_MOST = 40


def main() -> int:
    """0 when all tests of those files pass now; those of one file may build upon each other. A run that broke
    off, or in which more than `AT_MOST` failed, had other reasons than company."""
    failed = list(json.loads(FAILED.read_text())) if FAILED.exists() else []
    if not failed or len(failed) > AT_MOST or not all(is_test(name) for name in failed):
        print(f"Not run again: {len(failed)} failed, among them {failed[:3]}.")
        return 1
    files = sorted({name.partition("::")[0] for name in failed})
    return pytest.main([*files, "--maxfail", "5", "--cov", "--cov-append", "--cov-report=", "-v"])


def is_test(name: str) -> bool:
    """Whether it names a test, and not a file that could not be read or a worker that broke off."""
    return name.startswith("tests/") and "::" in name


if __name__ == "__main__":
    sys.exit(main())
