"""Whose bytes are whose, and what may be given back. No I/O."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from modelhubd.wire.library import Artifact, ArtifactState
from modelhubd.wire.space import ModelUsage, UsageItem

BLOCK = 512
"""What `st_blocks` counts in."""


class Seen(Struct, frozen=True):
    """A file as `stat` gave it. `place` tells hard links apart from copies: device and inode."""

    path: str
    size_bytes: int
    disk_bytes: int
    place: tuple[int, int]


class Cost(Struct, frozen=True):
    size_bytes: int = 0
    disk_bytes: int = 0
    shared_bytes: int = 0


def costs(owned: Mapping[str, Sequence[Seen]]) -> dict[str, Cost]:
    """What each owner takes, by owner and in that order: bytes under several names count for the first."""
    counted: set[tuple[int, int]] = set()
    found: dict[str, Cost] = {}
    for owner, files in owned.items():
        size = disk = shared = 0
        for file in files:
            size += file.size_bytes
            if file.place in counted:
                shared += file.disk_bytes
            else:
                disk += file.disk_bytes
            counted.add(file.place)
        found[owner] = Cost(size, disk, shared)
    return found


def superseded(
    artifacts: Iterable[Artifact], updated: Mapping[str, str] | None = None
) -> tuple[Artifact, ...]:
    """Those whose place a newer whole version has taken, newest first by model. `updated` maps the id of what
    was updated to the id of what came in its place, which may be another option."""
    every = list(artifacts)
    whole = [one for one in every if one.state is ArtifactState.OK]
    ids = {one.id for one in whole}
    old = [
        one
        for one in every
        if not (one.active or one.loaded_by)
        and (
            any(
                (newer.model, newer.option) == (one.model, one.option) and newer.version > one.version
                for newer in whole
            )
            or (updated or {}).get(one.id) in ids
        )
    ]
    return tuple(sorted(old, key=lambda one: (one.model, -one.version, one.option)))


def to_prune(
    artifacts: Sequence[Artifact], keep: int, updated: Mapping[str, str] | None = None
) -> tuple[Artifact, ...]:
    """The old ones beyond the `keep` newest of each option of a model."""
    kept: dict[tuple[str, str], int] = {}
    found = []
    for one in superseded(artifacts, updated):
        key = (one.model, one.option)
        kept[key] = kept.get(key, 0) + 1
        if kept[key] > keep:
            found.append(one)
    return tuple(found)


def by_model(items: Iterable[UsageItem]) -> tuple[ModelUsage, ...]:
    """What each model costs, the largest first."""
    of: dict[str, list[UsageItem]] = {}
    for item in items:
        if item.model is not None:
            of.setdefault(item.model, []).append(item)
    found = [
        ModelUsage(
            model=model,
            versions=len({item.version for item in mine}),
            disk_bytes=sum(item.disk_bytes for item in mine),
            old_bytes=sum(item.disk_bytes for item in mine if item.old),
        )
        for model, mine in of.items()
    ]
    return tuple(sorted(found, key=lambda usage: (-usage.disk_bytes, usage.model)))
