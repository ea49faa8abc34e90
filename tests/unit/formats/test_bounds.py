"""The worst that fits within the limits of each format costs bounded memory and time, whatever it is."""

import json
import struct
import time
import tracemalloc
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelhubd.entries.bundles import CONTAINERS_MAX, MANIFEST_MAX, BadBundle, read_manifest
from modelhubd.errors import BadModelFile
from modelhubd.formats import MAX_HEADER_BYTES, NeedMoreBytes
from modelhubd.formats.gguf import ENTRIES_MAX, STRINGS_MAX, TENSORS_MAX, read_gguf
from modelhubd.formats.mlx import CONFIG_MAX, read_config
from modelhubd.formats.safetensors import HEADER_MAX, MEMBERS_MAX, read_safetensors
from modelhubd.library.found import jan, ollama
from modelhubd.library.found.held import SMALL_MAX
from tests.unit.formats.build import ARRAY, F32_TENSOR, STRING, entry, llama, tensor, text, whole

CPU_S = 20.0
"""Of the slowest machine: it shows what never ends, and nothing else."""
MEMORY = 200 << 20

Read = Callable[[bytes], object]


def safetensors(header: bytes) -> object:
    data = struct.pack("<Q", len(header)) + header
    return read_safetensors(data, len(data))


def gguf(data: bytes) -> object:
    return read_gguf(data, len(data))


def gguf_tensors(count: int) -> bytes:
    """With names as long as the limit of the header lets them be."""
    long = "t" * (MAX_HEADER_BYTES // TENSORS_MAX - 80)
    listed = [tensor(f"{long}{n}", [32], F32_TENSOR, 128 * n) for n in range(count)]
    return whole(llama(), listed, 128 * count)


def gguf_texts(count: int) -> bytes:
    return whole([*llama(), text("a") + struct.pack("<IIQ", ARRAY, STRING, count) + bytes(8 * count)])


def gguf_entries(count: int) -> bytes:
    long = "v" * (MAX_HEADER_BYTES // ENTRIES_MAX - 80)
    return whole([*llama(), *(entry(f"k{n}", STRING, long) for n in range(count - 7))])


def gguf_arrays(depth: int) -> bytes:
    return whole([*llama(), text("a") + struct.pack("<I", ARRAY) + struct.pack("<IQ", ARRAY, 1) * depth])


def tensors(count: int) -> bytes:
    one = '"t%d":{"dtype":"F16","shape":[1],"data_offsets":[%d,%d]}'
    return ("{" + ",".join(one % (n, 2 * n, 2 * n + 2) for n in range(count)) + "}").encode()


def filled(text: bytes, size: int) -> bytes:
    return text * (size // len(text))


WORST: Mapping[str, tuple[Read, bytes]] = {
    f"{name} of {what}": (read, data)
    for name, read, most in (
        ("safetensors", safetensors, HEADER_MAX), ("a configuration", read_config, CONFIG_MAX),
        ("a manifest", read_manifest, MANIFEST_MAX),
    )
    for what, data in (
        ("arrays in arrays", filled(b"[", most)),
        ("objects in objects", filled(b'{"a":', most)),
        ("one long number", b'{"a":' + filled(b"9", most - 6) + b"}"),
        ("one long text", b'{"a":"' + filled(b"\\u0061", most - 20) + b'"}'),
        ("one name again and again", b"{" + filled(b'"a":1,', most - 20) + b'"a":1}'),
        ("no text", filled(b"\xff\x00", most)),
    )
    if (name, what) != ("a manifest", "one name again and again")  # as many objects cost more
} | {
    "safetensors of as many tensors as may be": (safetensors, tensors(MEMBERS_MAX // 4 - 1)),
    "safetensors with more than they may have": (safetensors, tensors(MEMBERS_MAX // 4 + 1)),
    "a manifest of as many objects as may be": (
        read_manifest, b'{"models":[' + b",".join([b"{}"] * (CONTAINERS_MAX - 10)) + b"]}",
    ),
    "GGUF of very many tensors": (gguf, gguf_tensors(TENSORS_MAX // 8)),
    "GGUF with more tensors than it may have": (gguf, gguf_tensors(TENSORS_MAX + 1)),
    "GGUF of very many texts": (gguf, gguf_texts(STRINGS_MAX // 16)),
    "GGUF with more texts than it may have": (gguf, gguf_texts(STRINGS_MAX + 1)),
    "GGUF of as many entries as may be": (gguf, gguf_entries(ENTRIES_MAX)),
    "GGUF of arrays in arrays": (gguf, gguf_arrays(1_000_000)),
    "Ollama's manifest of arrays in arrays": (ollama.weights_of, filled(b"[", SMALL_MAX)),
    "Ollama's manifest of one long number": (ollama.weights_of, b'{"layers":' + filled(b"9", SMALL_MAX)),
    "Ollama's manifest of many layers": (
        ollama.weights_of, b'{"layers":[' + filled(b"{},", SMALL_MAX) + b"0]}",
    ),
    "Jan's description of one line": (jan.paths_of, b"model_path: " + filled(b"a \t", SMALL_MAX)),
    "Jan's description of many lines": (
        jan.paths_of, filled(b"model_path: " + b" " * 990 + b"\n", SMALL_MAX),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(WORST))
def test_the_worst_within_the_limits_is_bounded(name: str) -> None:
    read, data = WORST[name]
    started = time.process_time()
    tracemalloc.start()
    try:
        read(data)
    except (BadModelFile, BadBundle) as refused:
        assert str(refused).isprintable() and len(str(refused)) < 1000
    except NeedMoreBytes:
        raise AssertionError("all of it was given") from None
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MEMORY
    assert time.process_time() - started < CPU_S


MEMBERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "models", "entries", "files", "format"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(MEMBERS, st.binary(max_size=100))
def test_any_manifest_is_read_or_refused(value: object, tail: bytes) -> None:
    for data in (json.dumps(value).encode(), tail, json.dumps(value).encode() + tail):
        try:
            read_manifest(data)
        except BadBundle as refused:
            assert str(refused).isprintable()
