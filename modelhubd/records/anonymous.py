"""What an export holds: aggregates and rows from a list of fields, without times, names or small groups.

Requests are alike in the day, the model, the app and the node that they share (the quasi-identifiers of
k-anonymity: Sweeney, "k-anonymity: a model for protecting privacy", 2002). Where fewer than k are, they are
merged with others that are few: first whatever the node, then the app, the day, the model. Whoever is left
then is left out. Names are replaced by digests under a salt of this export, which nobody keeps; figures are
rounded.
"""

import bisect
import functools
import hashlib
import heapq
import hmac
import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct

ROW_FIELDS = (
    "day", "model", "app", "node", "route", "streamed", "outcome", "code", "finish_reason", "prompt_tokens",
    "cached_tokens", "completion_tokens", "ttft_s", "tokens_per_s", "latency_s", "confidence", "mark",
)  # fmt: skip
"""All that a row may hold; whatever else a record has is not looked at."""
GROUP_FIELDS = (
    "day", "model", "app", "node", "requests", "passed", "failed", "cancelled", "good", "bad",
    "prompt_tokens", "completion_tokens", "ttft_s", "tokens_per_s", "latency_s", "confidence",
)  # fmt: skip
ANY = "any"
"""Stands for whatever it was, where telling would make a small group."""
ROUTES = frozenset(
    {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/rerank",
        "/v1/responses",
        "/v1/messages",
    }
)
REASONS = frozenset(
    {
        "stop", "length", "tool_calls", "content_filter", "end_turn", "max_tokens", "stop_sequence",
        "tool_use", "completed",
    }
)  # fmt: skip
_CODE = re.compile(r"[a-z][a-z_]{0,39}(?:_\d{3})?")
SORTED_PART = 500
"""Rows sorted in a row, in about 1 ms."""
_MERGING = ((), ("node",), ("app", "node"), ("day", "app", "node"), ("day", "model", "app", "node"))
"""What is no longer told apart, step by step."""

DAY_MS = 24 * 3600 * 1000
STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
_MIDDLES = tuple((low + high) / 2 for low, high in pairwise(STEPS))
Key = tuple[str, str, str, str]
"""Day, model, app, node."""
NAMES = ("day", "model", "app", "node")


class Source(Struct, frozen=True, kw_only=True):
    """What of a record an export may look at. `at` is in milliseconds since the epoch."""

    at: int
    model: str
    app: str
    node: str
    route: str
    streamed: bool
    outcome: str
    code: str | None
    finish_reason: str | None
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    ttft_s: float | None
    tokens_per_s: float | None
    latency_s: float
    confidence: float | None
    mark: str | None


class Anonymous(Struct, frozen=True, kw_only=True):
    """Groups and rows as they may leave; `left_out` of the requests are in neither."""

    groups: tuple[dict[str, Any], ...]
    rows: list[dict[str, Any]]
    merged: int
    left_out: int


def pseudonym(salt: bytes, kind: str, name: str) -> str:
    """Ten hex digits that stand for a name within one export."""
    return hmac.new(salt, f"{kind}\0{name}".encode(), hashlib.sha256).hexdigest()[:10]


def anonymous(
    sources: Sequence[Source], *, k: int, salt: bytes, named: Callable[[str], bool], rows: bool
) -> Anonymous:
    """`named` says which models stand with their own ids."""
    key_of = functools.cache(functools.partial(_key, functools.cache(functools.partial(_name, salt)), named))
    keys = [key_of(source.at // DAY_MS, source.model, source.app, source.node) for source in sources]
    place, merged, left_out = merging(Counter(keys), k)
    members: dict[Key, list[Source]] = defaultdict(list)
    for source, key in zip(sources, keys, strict=True):
        if key in place:
            members[place[key]].append(source)
    ordered = sorted(members)
    return Anonymous(
        groups=tuple(_group(key, members[key]) for key in ordered),
        rows=_in_no_order(_row(key, one) for key in ordered for one in members[key]) if rows else [],
        merged=merged,
        left_out=left_out,
    )


def merging(sizes: Mapping[Key, int], k: int) -> tuple[dict[Key, Key], int, int]:
    """Where each group goes so that none is smaller than k; how many went elsewhere; how many requests are in
    groups that go nowhere."""
    place: dict[Key, Key] = {}
    left = dict(sizes)
    for blurred in _MERGING:
        wider: dict[Key, list[Key]] = defaultdict(list)
        for key in left:
            wider[_blurred(key, blurred)].append(key)
        for target, keys in wider.items():
            if sum(left[key] for key in keys) >= k:
                place.update(dict.fromkeys(keys, target))
        left = {key: size for key, size in left.items() if key not in place}
    return place, sum(place[key] != key for key in place), sum(left.values())


def _blurred(key: Key, names: Iterable[str]) -> Key:
    day, model, app, node = (ANY if name in names else value for name, value in zip(NAMES, key, strict=True))
    return day, model, app, node


def _key(
    name: Callable[[str, str], str], named: Callable[[str], bool], day: int, model: str, app: str, node: str
) -> Key:
    told = model if model and named(model) else name("model", model)
    return _day(day), told, name("app", app), name("node", node)


@functools.lru_cache(maxsize=4096)
def _day(number: int) -> str:
    """A day since the epoch; what no calendar has is any."""
    try:
        return (date(1970, 1, 1) + timedelta(days=number)).isoformat()
    except OverflowError:
        return ANY


def _name(salt: bytes, kind: str, name: str) -> str:
    return pseudonym(salt, kind, name) if name else "none"


def _group(key: Key, members: Sequence[Source]) -> dict[str, Any]:
    outcomes = Counter(source.outcome for source in members)
    marks = Counter(source.mark for source in members)

    def median(figures: Iterable[float | None]) -> float | None:
        found = sorted(figure for figure in figures if figure is not None)
        return rounded(found[len(found) // 2]) if found else None

    found = dict(zip(NAMES, key, strict=True)) | {
        "requests": len(members),
        "passed": outcomes["pass"],
        "failed": outcomes["fail"],
        "cancelled": outcomes["cancelled"],
        "good": marks["good"],
        "bad": marks["bad"],
        "prompt_tokens": power(sum(source.prompt_tokens or 0 for source in members)),
        "completion_tokens": power(sum(source.completion_tokens or 0 for source in members)),
        "ttft_s": median(source.ttft_s for source in members),
        "tokens_per_s": median(source.tokens_per_s for source in members),
        "latency_s": median(source.latency_s for source in members),
        "confidence": median(source.confidence for source in members),
    }
    return {name: found[name] for name in GROUP_FIELDS}


def _row(key: Key, source: Source) -> dict[str, Any]:
    return {
        "day": key[0],
        "model": key[1],
        "app": key[2],
        "node": key[3],
        "route": source.route if source.route in ROUTES else "other",
        "streamed": source.streamed,
        "outcome": source.outcome,
        "code": source.code if source.code and _CODE.fullmatch(source.code) else None,
        "finish_reason": source.finish_reason if source.finish_reason in REASONS else None,
        "prompt_tokens": power(source.prompt_tokens),
        "cached_tokens": power(source.cached_tokens),
        "completion_tokens": power(source.completion_tokens),
        "ttft_s": rounded(source.ttft_s),
        "tokens_per_s": rounded(source.tokens_per_s),
        "latency_s": rounded(source.latency_s),
        "confidence": None if source.confidence is None else round(source.confidence, 1),
        "mark": source.mark,
    }


def _in_no_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """By what they hold: the order in which they came would tell more than the day does. In parts, as one
    long sort lets nobody else run."""
    left = iter(rows)
    parts = iter(lambda: sorted(itertools.islice(left, SORTED_PART), key=msgspec.json.encode), [])
    return list(heapq.merge(*parts, key=msgspec.json.encode))


def rounded(figure: float | None) -> float | None:
    """To one significant digit and a half: 1, 1.5, 2, 3, 5, 7 times a power of ten."""
    if figure is None or not figure > 0:
        return None if figure is None else 0.0
    power_of_ten = 10.0 ** math.floor(math.log10(figure))
    step = STEPS[bisect.bisect(_MIDDLES, figure / power_of_ten)]
    return float(f"{step * power_of_ten:.2g}")


def power(count: int | None) -> int | None:
    """The nearest power of two that is not below."""
    if count is None:
        return None
    return 0 if count <= 0 else 1 << (count - 1).bit_length()
