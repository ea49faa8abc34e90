"""The scripts of the web pages against their types: `python -m tests.meta.tsc` (`make types`).

The compiler comes from npm into the user's cache, once and in one version; nothing of it is in the
repository. Where node is missing, or the compiler is not there yet and cannot be had, that is said and is no
error.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

TYPESCRIPT = "7.0.2"
PROJECT = Path(__file__).parent.parent.parent / "clients" / "web" / "jsconfig.json"


def compiler() -> Path:
    """Where the compiler is, or will be."""
    caches = os.environ.get("XDG_CACHE_HOME", "")
    cache = Path(caches) if os.path.isabs(caches) else Path.home() / ".cache"
    return cache / "modelhubd-tests" / f"typescript-{TYPESCRIPT}" / "node_modules" / ".bin" / "tsc"


def installed() -> bool:
    """Whether the compiler is there, fetched if need be. Only a whole one is seen under its final name."""
    final = compiler().parent.parent.parent
    npm = shutil.which("npm")
    if compiler().exists() or npm is None:
        return compiler().exists()
    working = final.with_name(f"{final.name}.{os.getpid()}")
    working.mkdir(parents=True)
    try:
        command = [npm, "install", "--prefix", str(working), "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run([*command, f"typescript@{TYPESCRIPT}"], stdout=subprocess.DEVNULL, timeout=300)
        if done.returncode == 0 and not final.exists():
            working.rename(final)
    finally:
        shutil.rmtree(working, ignore_errors=True)
    return compiler().exists()


def main() -> int:
    """The compiler's exit code, or 0 where there is none."""
    if shutil.which("node") is None:
        print("types: node is not installed, so the web pages' scripts are not checked against their types.")
        return 0
    if not installed():
        print("types: npm could not fetch the compiler, so the web pages' scripts are not checked.")
        return 0
    return subprocess.run([compiler(), "-p", PROJECT], timeout=300).returncode


if __name__ == "__main__":
    sys.exit(main())
