"""The names of the files of a release, and which old ones may go.

Layout below `/tuf/`: `timestamp.json`, `N.root.json`, `N.snapshot.json`, `N.targets.json` and
`targets/<sha256>.catalog.json.gz` (consistent snapshots: a name with a number or digest never changes its
bytes). `catalog.json.gz` is the newest target once more.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

CATALOG = "catalog.json.gz"
TIMESTAMP = "timestamp.json"
METADATA_NAME = re.compile(r"(?:[1-9][0-9]{0,39}\.(root|snapshot|targets)|timestamp)\.json")
TARGET_NAME = re.compile(r"[0-9a-f]{64}\.catalog\.json\.gz")
_PRUNED = re.compile(r"[0-9]+\.(snapshot|targets)\.json|targets/.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file without its bytes."""

    name: str
    sha256: str
    made_at: str


def versioned(version: int, role: str) -> str:
    """Name of a role's metadata."""
    return f"{version}.{role}.json"


def target(sha256: str) -> str:
    """Name of the target with this digest."""
    return f"targets/{sha256}.{CATALOG}"


def sha256_of(content: bytes) -> str:
    """Digest of a file, in hex."""
    return hashlib.sha256(content).hexdigest()


def newest_root(names: Iterable[str]) -> int | None:
    """The highest version of a root among these files."""
    versions = [int(name.partition(".")[0]) for name in names if name.endswith(".root.json")]
    return max(versions, default=None)


def superseded(files: Iterable[Stored], before: str) -> list[str]:
    """Names of the files that nobody needs who began to refresh at `before` or later.

    Of each kind those stay that were made since, and the newest made until then: it was current at `before`.
    """
    kinds: dict[str, list[Stored]] = {}
    for file in files:
        if (found := _PRUNED.fullmatch(file.name)) is not None:
            kinds.setdefault(found[1] or CATALOG, []).append(file)
    gone = []
    for members in kinds.values():
        old = sorted((file for file in members if file.made_at <= before), key=lambda file: file.made_at)
        gone += [file.name for file in old if file.made_at < old[-1].made_at]
    return sorted(gone)
