"""How alike two answers are: to the letter, in what they say, in what they mean."""

import contextlib
import json
import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from modelhubd.wire.base import Message

LONGEST_JSON = 256 * 1024
"""Characters; a longer answer is compared as text."""

_SPACE = re.compile(r"\s+")
_FENCE = "```"
_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-"})


class Agreement(Message, frozen=True, kw_only=True):
    """Of two answers to the same input."""

    exact: bool
    normalised: bool
    """The same once writing is evened out, or the same JSON value; see `normalised`."""
    similarity: float | None = None
    """Cosine of their embeddings, -1 to 1; None where no embedding model was there."""


def agreement(
    first: str, second: str, vectors: tuple[Sequence[float], Sequence[float]] | None = None
) -> Agreement:
    """How alike two answers are; `vectors` are their embeddings, from one model, where there are any."""
    return Agreement(
        exact=first == second,
        normalised=alike(first, second),
        similarity=None if vectors is None else cosine(*vectors),
    )


def alike(first: str, second: str) -> bool:
    """Whether two answers say the same: as JSON values where both are JSON, else as evened out text."""
    if first == second:
        return True
    one, other = json_value(first), json_value(second)
    if one is not None and other is not None:
        with contextlib.suppress(RecursionError):
            return same_json(one[0], other[0])
    return normalised(first) == normalised(second)


def normalised(text: str) -> str:
    """`text` evened out: Unicode NFKC, case folded, typographic quotes and dashes plain, white space one
    space each and none at the ends, no full stop at the end, no code fence around it."""
    folded = unicodedata.normalize("NFKC", _unfenced(text)).casefold()
    folded = unicodedata.normalize("NFKC", folded).translate(_QUOTES)
    return _SPACE.sub(" ", folded).strip().removesuffix(".").rstrip()


def json_value(text: str) -> tuple[Any] | None:
    """The JSON array or object that `text` is, with or without a code fence around it, in a tuple (JSON's
    null is a value as well); None if it is none, or too long or deep to look."""
    if len(text) > LONGEST_JSON:
        return None
    inner = _unfenced(text).strip()
    if inner[:1] not in ("{", "["):
        return None
    try:
        return (json.loads(inner),)
    except (ValueError, RecursionError):
        return None


def same_json(first: Any, second: Any) -> bool:
    """Whether two JSON values are the same: 1 and 1.0 are, 1 and true are not; the order of an object's
    members does not count."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same_json(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same_json, first, second))
    return bool(first == second)


def cosine(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Cosine of the angle between two vectors, -1 to 1; None if they have no angle: one is zero, not
    finite, or they are not equally long."""
    if len(first) != len(second):
        return None
    lengths = math.hypot(*first) * math.hypot(*second)
    product = math.fsum(a * b for a, b in zip(first, second, strict=True))
    if not lengths or not math.isfinite(lengths) or not math.isfinite(product):
        return None
    return max(-1.0, min(1.0, product / lengths))


def _unfenced(text: str) -> str:
    """What stands in a code fence, if `text` is nothing but one."""
    inner = text.strip()
    first, newline, rest = inner.partition("\n")
    fenced = newline and first.startswith(_FENCE) and rest.endswith(_FENCE) and rest.count(_FENCE) == 1
    return rest.removesuffix(_FENCE) if fenced else text
