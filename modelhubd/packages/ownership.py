"""Decides whether others than the user and root could change a folder of models. No I/O."""

import stat
import sys
from collections.abc import Iterable

from msgspec import Struct

ROOT = 0
ADMIN_GROUPS = frozenset({0, 80}) if sys.platform == "darwin" else frozenset({0})
"""Whose members are root anyhow: `wheel`, and on macOS `admin`, which owns /Applications."""


class Place(Struct, frozen=True, kw_only=True):
    """Something on the way to a model, as `lstat` gives it. `name` is what people are told."""

    name: str
    mode: int
    uid: int
    gid: int
    above: bool = False
    """A folder above the one in question."""


def fault_in_places(places: Iterable[Place], me: int) -> str | None:
    """Why the models there are not safe from others; None where they are. `me` is the user's id.

    A folder above may be open to others if it is sticky, as /tmp is: they cannot rename what is not theirs.
    """
    for place in places:
        if (fault := _fault(place, me)) is not None:
            return fault
    return None


def _fault(place: Place, me: int) -> str | None:
    if stat.S_ISLNK(place.mode):
        return f"{place.name} is a symbolic link"
    if not (stat.S_ISDIR(place.mode) or stat.S_ISREG(place.mode)):
        return f"{place.name} is neither a file nor a folder"
    if place.uid not in (ROOT, me):
        return f"{place.name} belongs to another user"
    if place.above and place.mode & stat.S_ISVTX:
        return None
    if place.mode & stat.S_IWOTH:
        return f"others can write to {place.name}"
    if place.mode & stat.S_IWGRP and place.gid not in ADMIN_GROUPS:
        return f"a group can write to {place.name}"
    return None
