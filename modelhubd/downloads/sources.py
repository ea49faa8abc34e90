"""From which of a file's addresses it is fetched. Pure.

`place` 0 is the beginning: all addresses together where the promised digest tells whether what comes of it is
right, else the first. A later place N is the Nth address alone.
"""

from collections.abc import Collection, Sequence

_ANOTHER_MAY_DO = frozenset(
    {"http_error", "wrong_content", "size_mismatch", "checksum_mismatch", "forbidden_url", "origin_changed"}
)


def sources(urls: Sequence[str], place: int, *, promised: bool) -> tuple[str, ...]:
    """What to ask. `promised`: size and digest are known beforehand."""
    if place == 0:
        return tuple(urls) if promised else tuple(urls[:1])
    return tuple(urls[place - 1 : place])


def next_place(count: int, place: int, *, promised: bool, code: str, used: Collection[int]) -> int | None:
    """Where to go on after a permanent fault; None where there is nothing else to try.

    `used` are the positions in `sources` whose bytes were in the file.
    """
    if code not in _ANOTHER_MAY_DO:
        return None
    if place == 0 and promised:
        if count < 2 or code != "checksum_mismatch":
            return None  # each was asked and failed for itself
        # One of several lied. Where only one was used, it was that one.
        alone = set(used) if len(used) == 1 else set()
        return next(number for number in range(1, count + 1) if number - 1 not in alone)
    following = max(place, 1) + 1
    return following if following <= count else None
