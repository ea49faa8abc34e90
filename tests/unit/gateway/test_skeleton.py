"""A large request is understood without its long texts, in whatever pieces it comes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.errors import BadRequest
from modelhubd.gateway.openai import read_asked
from modelhubd.gateway.skeleton import LONGEST_KEPT, Skeleton

AWKWARD = st.text(alphabet='a"\\\né{}[],:\x00 ', max_size=40).flatmap(
    lambda text: st.integers(1, 30).map(lambda times: text * times)
)
VALUES = st.recursive(
    AWKWARD | st.integers() | st.none() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(AWKWARD, inner, max_size=4),
    max_leaves=12,
)


def skeleton(text: bytes, *sizes: int) -> bytes:
    """The skeleton of a text that comes in pieces of these sizes, the last of them again and again."""
    made = Skeleton()
    at, sizes_left = 0, list(sizes) or [len(text) or 1]
    while at < len(text):
        size = sizes_left.pop(0) if len(sizes_left) > 1 else sizes_left[0]
        made.add(text[at : at + size])
        at += size
    return made.json


def shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(json.dumps(value)) <= LONGEST_KEPT else ""
    if isinstance(value, list):
        return [shortened(item) for item in value]
    if isinstance(value, dict):
        return {shortened(key): shortened(item) for key, item in value.items()}
    return value


@given(VALUES, st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_only_long_texts_are_missing(value: Any, sizes: list[int]) -> None:
    text = json.dumps(value).encode()
    assert json.loads(skeleton(text, *sizes)) == shortened(value)


@pytest.mark.parametrize("size", [1, 2, 7, 64, 16_384])
def test_the_model_is_found_behind_a_large_text(size: int) -> None:
    body = json.dumps({"messages": [{"content": 'x"\\' * 5000}], "model": "lab/tiny"}).encode()
    kept = skeleton(body, size)
    assert read_asked(kept).model == "lab/tiny"
    assert len(kept) < 100


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b'{"model":"x"', b'{"model":"x"}}', b'{"a":"' + b"x" * 999, b'{"a":"' + b"x" * 999 + b"\\"],
)
@pytest.mark.parametrize("size", [1, 100, 16_384])
def test_what_is_no_json_stays_none(text: bytes, size: int) -> None:
    with pytest.raises(BadRequest):
        read_asked(skeleton(text, size))


def test_a_long_name_means_no_model() -> None:
    """Its end must not be taken for the whole, wherever the pieces are cut."""
    body = b'{"model":"' + b"x" * 300 + b'lab/tiny"}'
    assert {read_asked(skeleton(body, size)).model for size in range(1, 330)} == {""}
