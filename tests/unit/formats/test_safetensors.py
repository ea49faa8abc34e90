import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.errors import BadModelFile
from modelhubd.formats import NeedMoreBytes
from modelhubd.formats.safetensors import HEADER_MAX, MEMBERS_MAX, read_safetensors
from modelhubd.wire.architecture import ModelFacts


def file(header: object, data: int = 0) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + bytes(data)


def one(dtype: str = "F16", shape: object = (4, 8), offsets: object = (0, 64)) -> dict[str, object]:
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


def read(data: bytes) -> ModelFacts:
    return read_safetensors(data, len(data))


def test_the_tensors_are_counted_and_measured() -> None:
    facts = read(file(one() | {"v": {"dtype": "F32", "shape": [2], "data_offsets": [64, 72]}}, 72))
    assert facts.format == "safetensors"
    assert (facts.n_tensors, facts.parameters, facts.weights_bytes) == (2, 34, 72)
    assert facts.quantization == "F16"


def test_an_mlx_file_says_so_and_packs_its_values() -> None:
    data = file(one("U32", [16], [0, 64]) | {"__metadata__": {"format": "mlx"}}, 64)
    facts = read(data)
    assert facts.format == "mlx"
    assert facts.parameters is None
    assert facts.quantization is None


def test_a_type_of_the_future_is_taken_at_its_size() -> None:
    facts = read(file(one("F3_NEW", [100], [0, 64]), 64))
    assert facts.weights_bytes == 64
    assert facts.quantization is None
    assert read(file({})).quantization is None
    assert read(file({})).parameters is None


def test_a_prefix_that_ends_inside_the_header_asks_for_the_whole_of_it() -> None:
    data = file(one(), 64)
    with pytest.raises(NeedMoreBytes) as need:
        read_safetensors(data[:3], len(data))
    assert need.value.wanted == 8
    with pytest.raises(NeedMoreBytes) as need:
        read_safetensors(data[:20], len(data))
    assert need.value.wanted == len(data) - 64
    assert read_safetensors(memoryview(data)[:-64], len(data)) == read(data)


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "cut off"),
    "short": (bytes(7), "cut off"),
    "header beyond the file": (struct.pack("<Q", 1000) + b"{}", "cut off"),
    "absurd length": (struct.pack("<Q", 2**63) + b"{}", "no safetensors file"),
    "HTML": (b"<html><body>Sign in</body></html>", "no safetensors file"),
    "not JSON": (file(b"hello"), "not JSON"),
    "an array": (file(b"[1]"), "not JSON"),
    "half JSON": (file(b'{"a":'), "JSON of"),
    "not UTF-8": (file(b'{"\xff": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}}', 2), "JSON of"),
    "nested": (file(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "JSON of"),
    "many members": (
        file(b"{" + b",".join(b'"%d":0' % i for i in range(MEMBERS_MAX + 1)) + b"}"),
        "too many",
    ),
    "no offsets": (file({"w": {"dtype": "F16", "shape": [1]}}), "JSON of"),
    "shape of words": (file(one(shape=["a"]), 64), "JSON of"),
    "size of 5,000 digits": (
        file(b'{"w":{"dtype":"F16","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,2]}}', 2),
        "JSON of",
    ),
    "metadata of numbers": (file({"__metadata__": {"format": 7}}), "JSON of"),
    "backwards": (file(one(offsets=[64, 0]), 64), "ends before"),
    "negative": (file(one(offsets=[-64, 0]), 64), "ends before"),
    "beyond the end": (file(one(), 63), "cut off"),
    "negative shape": (file(one(shape=[-4, -8]), 64), "impossible shape"),
    "many dimensions": (file(one(shape=[1] * 9, offsets=[0, 2]), 64), "impossible shape"),
    "absurd shape": (file(one(shape=[2**40, 2**40]), 64), "more values"),
    "size and shape differ": (file(one(shape=[4, 9]), 64), "size of its shape"),
    "on each other": (file(one() | {"v": one()["w"]}, 64), "overlaps"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("data", "reason"), BAD.values(), ids=BAD.keys())
def test_a_file_that_cannot_be_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(BadModelFile, match=reason):
        read(data)


def test_a_longer_header_than_the_limit_is_refused_unread() -> None:
    with pytest.raises(BadModelFile, match="header of"):
        read_safetensors(struct.pack("<Q", HEADER_MAX + 1), 2**40)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4) | st.just("__metadata__"), json_values, max_size=4), st.binary())
def test_any_json_gives_facts_or_a_refusal(header: dict[str, object], tail: bytes) -> None:
    for data in (file(header) + tail, file(tail)):
        try:
            assert read(data).weights_bytes <= len(data)
        except BadModelFile as refused:
            assert str(refused).isprintable()


@given(st.integers(0, 200), st.integers(0, 255), st.integers(0, 300))
def test_changed_and_cut_bytes_give_facts_or_a_refusal(place: int, value: int, cut: int) -> None:
    data = bytearray(file(one(), 64))
    data[place % len(data)] = value
    try:
        read_safetensors(bytes(data[:cut]), len(data))
    except NeedMoreBytes as need:
        assert cut < need.wanted <= len(data)
    except BadModelFile as refused:
        assert str(refused).isprintable()
