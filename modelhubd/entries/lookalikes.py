"""Names that could be taken for another's."""

from collections.abc import Collection, Iterator
from functools import lru_cache

from modelhubd.wire.registry import Issue, Severity

CLOSE_MIN = 4
"""Characters from which one letter's difference looks alike; `glm` and `gpm` do not."""
TOLD_MAX = 3

_CONFUSABLE = str.maketrans({"0": "o", "1": "l", "i": "l", "-": None, "_": None, ".": None})


def lookalikes(
    model: str, *, others: Collection[str], publishers: Collection[str], base_model: str | None = None
) -> Iterator[Issue]:
    """Warnings where the id could be taken for one of `others` or its publisher for another of `publishers`.

    A publisher may name his models alike as long as they are not confusable; a derived model may bear the
    name of the one that it says it is based on.
    """
    own, _, name = model.partition("/")
    found = [
        f"the publisher {own} could be taken for {publisher}"
        for publisher in sorted(publishers)
        if publisher != own and is_alike(own, publisher)
    ]
    found += [
        f"the name {name} could be taken for the publisher {publisher}"
        for publisher in sorted(publishers)
        if publisher != own and skeleton(publisher) == skeleton(name)
    ]
    for other in sorted(others):
        publisher, _, its = other.partition("/")
        if other == model or (base_model or "").lower() == other:
            continue
        if (publisher == own and skeleton(its) == skeleton(name)) or (
            publisher != own and (its == name or is_alike(name, its))
        ):
            found.append(f"the id could be taken for {other}")
    for message in found[:TOLD_MAX]:
        yield Issue(code="lookalike_name", severity=Severity.WARNING, pointer="/id", message=message)


@lru_cache(maxsize=1 << 15)
def skeleton(text: str) -> str:
    """What is left of a name when letters that look alike are one and separators are none."""
    return text.translate(_CONFUSABLE).replace("rn", "m").replace("vv", "w")


def is_alike(first: str, second: str) -> bool:
    """Whether two different names look alike: the same skeleton, or one letter apart."""
    if first == second:
        return False
    if skeleton(first) == skeleton(second):
        return True
    return min(len(first), len(second)) >= CLOSE_MIN and is_one_edit_apart(first, second)


def is_one_edit_apart(first: str, second: str) -> bool:
    """Whether one letter added, left out, changed or swapped with its neighbour makes one of the other.

    A digit does not count: `qwen3` and `qwen2` say what they are.
    """
    if abs(len(first) - len(second)) > 1:
        return False
    start = 0
    while start < min(len(first), len(second)) and first[start] == second[start]:
        start += 1
    end = 0
    while (
        end < min(len(first), len(second)) - start
        and first[len(first) - 1 - end] == second[len(second) - 1 - end]
    ):
        end += 1
    left, right = first[start : len(first) - end], second[start : len(second) - end]
    if any(character.isdigit() for character in left + right):
        return False
    swapped = len(left) == 2 and left == right[::-1]
    return swapped or max(len(left), len(right)) <= 1
