"""Decides whether something may be written to a disk. No I/O."""

from modelhubd.errors import NoSpace
from modelhubd.wire.units import human_bytes


def has_room(size: int, *, reserve: int, free: int, promised: int = 0) -> bool:
    """All in bytes; `promised` is still to come for others, `reserve` is left alone by everybody."""
    return size + promised + reserve <= free


def refuse_without_room(what: str, size: int, *, reserve: int, free: int, promised: int = 0) -> None:
    """`what` is a plural, such as "These models"; the rest is as for `has_room`.

    Raises:
        NoSpace: the disk cannot hold it besides the reserve and what is promised to downloads.
    """
    if not has_room(size, reserve=reserve, free=free, promised=promised):
        others = f" {human_bytes(promised)} are still to come for other downloads," if promised else ""
        raise NoSpace(
            f"{what} need {human_bytes(size)}.{others} {human_bytes(free)} are free, of which "
            f"{human_bytes(reserve)} are kept in reserve. Free some space, or choose something smaller or "
            "another disk."
        )
