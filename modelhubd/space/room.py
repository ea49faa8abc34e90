"""Decides whether something may be written. No I/O."""

from modelhubd.errors import NoSpace
from modelhubd.wire.units import human_bytes


def refuse_without_room(what: str, size: int, *, reserve: int, free: int, promised: int = 0) -> None:
    """All in bytes; `promised` is still to come for others, `reserve` is left alone by everybody.

    Raises:
        NoSpace: the disk cannot hold it besides the reserve and what is promised.
    """
    if size + promised + reserve > free:
        others = f" {human_bytes(promised)} are still to come for others," if promised else ""
        raise NoSpace(
            f"{what} need {human_bytes(size)}.{others} {human_bytes(free)} are free, of which "
            f"{human_bytes(reserve)} are kept in reserve. Free some space, or choose another disk."
        )
