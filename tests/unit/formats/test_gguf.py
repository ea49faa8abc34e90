import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import gguf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelhubd.errors import BadModelFile
from modelhubd.formats import MAX_HEADER_BYTES, NeedMoreBytes
from modelhubd.formats.ggml_types import FILE_TYPES, REMOVED_TYPES, TENSOR_TYPES
from modelhubd.formats.gguf import read_gguf
from modelhubd.wire.architecture import Architecture, ModelFacts
from tests.fakes.tiny_gguf import write_chat, write_embedding
from tests.unit.formats.build import (
    ARRAY,
    BOOL,
    F16_TENSOR,
    F32,
    I32,
    Q8_0_TENSOR,
    STRING,
    U32,
    U64,
    array,
    entry,
    header,
    llama,
    tensor,
    text,
    whole,
)


def read(data: bytes) -> ModelFacts:
    return read_gguf(data, len(data))


def shape(*more: bytes, **figures: object) -> Architecture:
    return read(whole([*llama(**figures), *more])).architecture


def refusal(data: bytes, size: int | None = None) -> str:
    with pytest.raises(BadModelFile) as refused:
        read_gguf(data, len(data) if size is None else size)
    reason = str(refused.value)
    assert reason.isprintable()
    assert len(reason) < 200
    return reason


def test_the_tables_are_those_of_the_gguf_package() -> None:
    sizes = {int(kind): (kind.name, *size) for kind, size in gguf.GGML_QUANT_SIZES.items()}
    assert {kind: TENSOR_TYPES[kind] for kind in sizes} == sizes
    assert not REMOVED_TYPES & set(TENSOR_TYPES)
    names = {int(kind): kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in gguf.LlamaFileType}
    known = {kind: name for kind, name in names.items() if kind in FILE_TYPES}
    assert known.keys() == FILE_TYPES.keys()
    assert {kind: name for kind, name in known.items() if kind != 38} == {
        kind: name for kind, name in FILE_TYPES.items() if kind != 38
    }


def test_a_real_file_states_its_shape_and_weights(tmp_path: Path) -> None:
    write_chat(tmp_path / "tiny.gguf")
    data = (tmp_path / "tiny.gguf").read_bytes()
    facts = read(data)
    reader = gguf.GGUFReader(tmp_path / "tiny.gguf")
    assert facts.weights_bytes == sum(int(t.n_bytes) for t in reader.tensors)
    assert facts.parameters == sum(int(t.n_elements) for t in reader.tensors)
    assert facts.n_tensors == len(reader.tensors)
    assert facts.quantization == "F16"
    assert facts.has_chat_template
    assert not facts.thinks
    assert facts.split_count == 1
    architecture = facts.architecture
    assert architecture.family == "llama"
    assert (architecture.n_layers, architecture.n_heads, architecture.n_kv_heads) == (2, 4, 2)
    assert (architecture.head_dim_k, architecture.head_dim_v) == (32, 32)
    assert (architecture.hidden_size, architecture.feed_forward_size) == (128, 256)
    assert architecture.context_length == 4096
    assert architecture.vocab_size == len(reader.fields["tokenizer.ggml.tokens"].data)
    assert architecture.attention == "full"


def test_a_thinking_template_and_an_encoder_are_recognised(tmp_path: Path) -> None:
    write_chat(tmp_path / "thinking.gguf", thinking=True)
    write_embedding(tmp_path / "bert.gguf")
    assert read((tmp_path / "thinking.gguf").read_bytes()).thinks
    bert = read((tmp_path / "bert.gguf").read_bytes())
    assert bert.architecture.attention == "encoder"
    assert not bert.has_chat_template
    assert not bert.ranks


def test_a_reranker_is_recognised_by_its_pooling(tmp_path: Path) -> None:
    write_embedding(tmp_path / "rank.gguf", ranks=True)
    assert read((tmp_path / "rank.gguf").read_bytes()).ranks


def test_the_header_alone_is_enough(tmp_path: Path) -> None:
    write_chat(tmp_path / "tiny.gguf")
    data = (tmp_path / "tiny.gguf").read_bytes()
    tried = []
    prefix = data[:10]
    while True:
        try:
            facts = read_gguf(memoryview(prefix), len(data))
        except NeedMoreBytes as need:
            assert len(prefix) < need.wanted <= len(data)
            tried.append(need.wanted)
            prefix = data[: max(need.wanted, 2 * len(prefix))]
        else:
            break
    assert facts == read(data)
    assert len(tried) < 20
    assert len(prefix) < len(data)


def cost(work: Callable[[], object]) -> float:
    """The least CPU time of five runs."""
    took = []
    for _ in range(5):
        started = time.process_time()
        work()
        took.append(time.process_time() - started)
    return min(took)


def test_the_whole_vocabulary_costs_little_more_than_a_look_at_each_length_and_no_memory() -> None:
    tokens = [f"token{i % 977}" for i in range(150_000)]
    data = whole([*llama(), array("tokenizer.ggml.tokens", STRING, tokens)])
    assert read(data).architecture.vocab_size == 150_000
    lengths = struct.Struct("<Q").unpack_from
    assert cost(lambda: read(data)) < 5 * cost(lambda: [lengths(data, 8 * n) for n in range(150_000)])
    tracemalloc.start()
    try:
        read(data)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_arrays_of_numbers_are_stepped_over() -> None:
    scores = struct.pack("<IIQ", ARRAY, F32, 1_000_000) + bytes(4_000_000)
    data = whole([text("tokenizer.ggml.scores") + scores, *llama()])
    assert read(data).architecture.n_layers == 4


def test_metadata_may_come_in_any_order_and_type() -> None:
    entries = [
        entry("llama.block_count", U64, 3),
        entry("general.file_type", U32, 15),
        entry("general.name", STRING, "A\x1b[31m name \n"),
        entry("general.license", STRING, "apache-2.0"),
        entry("tokenizer.chat_template.tool_use", STRING, "{{ enable_thinking }}"),
        entry("general.quantized_by", F32, 1.0),
        entry("general.architecture", STRING, "llama"),
    ]
    facts = read(whole(entries))
    assert facts.architecture.n_layers == 3
    assert facts.quantization == "Q4_K_M"
    assert facts.name == "A[31m name"
    assert facts.license == "apache-2.0"
    assert facts.has_chat_template
    assert facts.thinks
    assert facts.parameters is None


def test_a_value_of_another_type_counts_as_absent() -> None:
    entries = [
        entry("general.architecture", STRING, "llama"),
        entry("llama.block_count", STRING, "four"),
        entry("llama.context_length", F32, 4.0),
        entry("general.name", U32, 7),
        array("general.license", STRING, ["mit"]),
        entry("tokenizer.chat_template", U32, 7),
        entry("tokenizer.ggml.tokens", U32, 7),
    ]
    facts = read(whole(entries))
    assert facts.architecture == Architecture(family="llama", attention="full")
    assert (facts.name, facts.license, facts.has_chat_template) == (None, None, False)


def test_the_quantization_is_the_files_own_word_or_its_main_type() -> None:
    tensors = [tensor("a", [32], F16_TENSOR), tensor("b", [64], Q8_0_TENSOR, 64)]
    assert read(whole(llama(), tensors, 192)).quantization == "Q8_0"
    assert read(whole([*llama(), entry("general.file_type", U32, 0)], tensors, 192)).quantization == "F32"
    assert read(whole([*llama(), entry("general.file_type", U32, 1025)], tensors, 192)).quantization == "F16"
    assert read(whole([*llama(), entry("general.file_type", U32, 999)], tensors, 192)).quantization == "Q8_0"
    assert read(whole(llama())).quantization is None


def test_a_tensor_type_newer_than_this_program_is_taken_at_the_files_size() -> None:
    facts = read(whole(llama(), [tensor("a", [64], 77)], 1000))
    assert facts.weights_bytes == 1000
    assert facts.quantization is None


def test_the_vocabulary_size_comes_from_tokens_or_a_key_or_the_embedding() -> None:
    embedding = [tensor("token_embd.weight", [64, 7], F16_TENSOR), tensor("token_embd.weight.x", [4])]
    assert read(whole(llama(), embedding, 1024)).architecture.vocab_size == 7
    assert shape(vocab_size=9).vocab_size == 9
    assert shape(array("tokenizer.ggml.tokens", STRING, ["a", "b"]), vocab_size=9).vocab_size == 2
    assert shape().vocab_size is None


def test_a_later_file_of_a_split_model_names_no_architecture() -> None:
    split = [entry("split.no", U32, 1), entry("split.count", U32, 3)]
    facts = read(whole(split, [tensor("a", [8])], 32))
    assert facts.split_count == 3
    assert facts.architecture == Architecture()
    assert facts.weights_bytes == 32
    assert "architecture" in refusal(whole([entry("split.count", U32, 1)]))
    assert "architecture" in refusal(whole([]))


def test_heads_may_differ_by_layer() -> None:
    mixed = shape(attention__head_count=[4, 8, 4, 4], attention__head_count_kv=[2, 4, 2, 2])
    assert mixed.n_heads == 8
    assert mixed.n_kv_heads == (2, 4, 2, 2)
    assert shape(attention__head_count_kv=[2, 2, 2, 2]).n_kv_heads == 2
    assert shape(attention__head_count_kv=None).n_kv_heads == 4
    assert shape(attention__head_count_kv=[]).n_kv_heads == 4
    assert shape(attention__head_count_kv=None, attention__head_count=None).n_kv_heads is None
    assert shape(block_count=None).n_kv_heads == 2
    assert shape(block_count=None, attention__recurrent_layers=[True]).attention == "full"
    assert shape(attention__key_length=32, attention__value_length=8).head_dim_k == 32
    assert shape(attention__value_length=8).head_dim_v == 8
    assert shape(embedding_length=None).head_dim_k is None
    assert shape(attention__head_count=None).head_dim_k is None


def test_the_widest_feed_forward_block_counts_and_experts_by_those_used_together() -> None:
    assert shape(feed_forward_length=[64, 256, 128, 64]).feed_forward_size == 256
    moe = shape(feed_forward_length=0, expert_feed_forward_length=32, expert_used_count=8, expert_count=128)
    assert moe.feed_forward_size == 256
    assert (moe.n_experts, moe.n_experts_used) == (128, 8)
    assert shape(feed_forward_length=None, expert_feed_forward_length=32).feed_forward_size == 32
    assert shape(feed_forward_length=None).feed_forward_size is None


def test_sliding_layers_come_from_the_pattern_or_the_family() -> None:
    listed = shape(attention__sliding_window=512, attention__sliding_window_pattern=[True, False, True, True])
    assert listed.sliding_layers == (0, 2, 3)
    assert (listed.attention, listed.sliding_window, listed.n_sliding_layers) == ("sliding", 512, 3)
    period = shape(attention__sliding_window=512, attention__sliding_window_pattern=2)
    assert period.sliding_layers == (0, 2)
    gemma = shape(family="gemma3", block_count=12, attention__sliding_window=512)
    assert gemma.sliding_layers == (0, 1, 2, 3, 4, 6, 7, 8, 9, 10)
    unused = shape(attention__sliding_window=4096)
    assert (unused.attention, unused.sliding_window, unused.sliding_layers) == ("full", None, None)
    assert shape(family="gemma3", attention__sliding_window=0).attention == "full"
    assert shape(family="gemma3", block_count=None, attention__sliding_window=512).attention == "full"
    chunked = shape(family="llama4")
    assert (chunked.sliding_window, chunked.sliding_layers) == (8192, (0, 1, 2))
    assert shape(family="llama4", attention__sliding_window=0).attention == "full"


def test_gemma_4_states_head_sizes_of_sliding_layers_and_shared_caches() -> None:
    gemma = shape(
        family="gemma4",
        attention__sliding_window=512,
        attention__sliding_window_pattern=[True, True, True, False],
        attention__key_length=512,
        attention__value_length=512,
        attention__key_length_swa=256,
        attention__value_length_swa=256,
        attention__shared_kv_layers=2,
    )
    assert (gemma.head_dim_k, gemma.head_dim_k_sliding, gemma.head_dim_v_sliding) == (512, 256, 256)
    assert gemma.n_kv_shared_layers == 2


def test_recurrent_layers_have_no_cache_but_a_state() -> None:
    qwen = shape(
        family="qwen35", ssm__conv_kernel=4, ssm__inner_size=64, ssm__state_size=16, ssm__group_count=2
    )
    assert qwen.attention == "hybrid"
    assert qwen.n_kv_heads == (0, 0, 0, 2)
    assert qwen.state_bytes_per_slot == 3 * 4 * (3 * (64 + 2 * 2 * 16) + 64 * 16)
    assert shape(full_attention_interval=2).n_kv_heads == (0, 2, 0, 2)
    flagged = shape(attention__recurrent_layers=[True, False, False, True])
    assert flagged.n_kv_heads == (0, 2, 2, 0)
    jamba = shape(attention__head_count_kv=[0, 2, 0, 2])
    assert (jamba.attention, jamba.n_kv_heads) == ("hybrid", (0, 2, 0, 2))
    assert jamba.state_bytes_per_slot is None
    mamba = shape(family="mamba", attention__head_count=0, ssm__inner_size=64, ssm__state_size=16)
    assert mamba.attention == "recurrent"
    assert mamba.state_bytes_per_slot == 4 * 4 * 64 * 16
    rwkv = shape(family="rwkv7", wkv__head_size=16)
    assert rwkv.state_bytes_per_slot == 4 * 4 * 64 * (2 + 16)
    assert shape(block_count=None, wkv__head_size=16).state_bytes_per_slot is None
    assert shape(wkv__head_size=16, embedding_length=None).state_bytes_per_slot is None


def test_latent_attention_and_bidirectional_models_are_told() -> None:
    assert shape(attention__kv_lora_rank=512).attention == "mla"
    assert shape(attention__causal=False).attention == "encoder"
    assert shape(attention__causal=True).attention == "full"


GOOD = whole(
    [
        *llama(),
        entry("general.alignment", U32, 32),
        array("tokenizer.ggml.tokens", STRING, ["a", "bc", ""]),
        array("tokenizer.ggml.token_type", I32, [1, 2, 3]),
        entry("tokenizer.chat_template", STRING, "{{ x }}"),
        entry("tokenizer.ggml.add_bos_token", BOOL, False),
    ],
    [tensor("a", [32, 2], Q8_0_TENSOR), tensor("b", [8], offset=96)],
    128,
)


@pytest.mark.parametrize("cut", range(len(GOOD)))
def test_a_file_cut_at_any_byte_is_refused(cut: int) -> None:
    refusal(GOOD[:cut])


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 23, 24, 100, 300])
def test_a_prefix_that_ends_inside_the_header_asks_for_more(cut: int) -> None:
    with pytest.raises(NeedMoreBytes) as need:
        read_gguf(GOOD[:cut], len(GOOD))
    assert cut < need.value.wanted <= len(GOOD)


def start(n_tensors: int, n_entries: int, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, n_tensors, n_entries)


def nested(count: int) -> bytes:
    return text("x") + struct.pack("<IIQ", ARRAY, ARRAY, count)


ABSURD: dict[str, tuple[bytes, str]] = {
    "other magic": (b"GGML" + GOOD[4:], "does not begin with GGUF"),
    "captive portal": (b"<html><body>Sign in</body></html>" * 10, "does not begin with GGUF"),
    "version 1": (header([], version=1), "version 1"),
    "version 0": (header([], version=0), "version 0"),
    "version 99": (header([], version=99), "version 99"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
    "tensors": (start(2**60, 0) + bytes(100), "1152921504606846976 tensors"),
    "tensors in the file's size": (start(70_000, 0) + bytes(100), "70000 tensors"),
    "entries": (start(0, 2**63) + bytes(100), "metadata entries"),
    "key length": (start(0, 1) + struct.pack("<Q", 2**62) + b"x" * 64, "name of"),
    "key beyond the file": (start(0, 1) + struct.pack("<Q", 60_000) + b"x" * 64, "cut off"),
    "value length": (start(0, 1) + text("x") + struct.pack("<IQ", STRING, 2**62), "cut off"),
    "unknown type": (start(0, 1) + text("x\x1b\xff") + struct.pack("<I", 13) + bytes(64), "unknown type 13"),
    "array of an unknown type": (start(0, 1) + text("x") + struct.pack("<IIQ", ARRAY, 99, 1), "type 99"),
    "nested array": (start(0, 1) + nested(1) + bytes(64), "unknown type 9"),
    "array of 2**62 numbers": (start(0, 1) + text("x") + struct.pack("<IIQ", ARRAY, U64, 2**62), "cut off"),
    "array of 2**63 strings": (
        start(0, 1) + text("x") + struct.pack("<IIQ", ARRAY, STRING, 2**63),
        "strings",
    ),
    "array beyond the file": (
        start(0, 1) + text("x") + struct.pack("<IIQ", ARRAY, STRING, 50) + bytes(64),
        "50 strings",
    ),
    "string in an array beyond the file": (
        start(0, 1) + text("x") + struct.pack("<IIQ", ARRAY, STRING, 2) + struct.pack("<QQ", 2**63, 0),
        "cut off",
    ),
    "the same key twice": (whole([entry("a", U32, 1), entry("a", U32, 2)]), "twice"),
    "the same tensor twice": (whole(llama(), [tensor("a", [8])] * 2, 64), "twice"),
    "dimensions": (start(1, 0) + text("a") + struct.pack("<I", 2**31) + bytes(64), "dimensions"),
    "tensor size": (whole(llama(), [tensor("a", [2**40, 2**40])]), "values"),
    "tensor sizes together": (whole(llama(), [tensor(str(i), [2**49]) for i in range(3)]), "values"),
    "tensor beyond the file": (whole(llama(), [tensor("a", [64])], 128), "cut off"),
    "offset beyond the file": (whole(llama(), [tensor("a", [8], offset=2**63)], 128), "cut off"),
    "new type beyond the file": (whole(llama(), [tensor("a", [8], 77, 256)], 128), "cut off"),
    "offset not aligned": (whole(llama(), [tensor("a", [8], offset=8)], 128), "not aligned"),
    "tensors on each other": (whole(llama(), [tensor("a", [24]), tensor("b", [24])], 128), "overlaps"),
    "half a block": (whole(llama(), [tensor("a", [33], Q8_0_TENSOR)], 128), "Q8_0 blocks"),
    "removed tensor type": (whole(llama(), [tensor("a", [32], 4)], 128), "unknown type 4"),
    "absurd tensor type": (whole(llama(), [tensor("a", [32], 4096)], 128), "unknown type 4096"),
    "alignment 0": (whole([*llama(), entry("general.alignment", U32, 0)]), "alignment 0"),
    "alignment 24": (whole([*llama(), entry("general.alignment", U32, 24)]), "alignment 24"),
    "layers": (whole(llama(block_count=5000)), "5000 layers"),
    "figure": (whole(llama(context_length=2**32 - 1)), "absurd"),
    "negative figure": (
        whole([*llama(context_length=None), entry("llama.context_length", I32, -5)]),
        "absurd",
    ),
    "list of figures": (whole(llama(attention__head_count_kv=[1] * 5000)), "5000 values"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("data", "reason"), ABSURD.values(), ids=ABSURD.keys())
def test_an_absurd_header_is_refused_at_once_with_the_reason(data: bytes, reason: str) -> None:
    assert reason in refusal(data)


@pytest.mark.timeout(60)
def test_strings_of_all_arrays_are_counted_together() -> None:
    one = array("a", STRING, [""] * 10)
    many = struct.pack("<IIQ", ARRAY, STRING, 2_500_000) + bytes(20_000_000)
    data = whole([one, text("b") + many, text("c") + many, *llama()])
    assert "strings" in refusal(data)


def test_a_header_longer_than_the_limit_is_refused_without_reading_it() -> None:
    long = start(0, 1) + text("x") + struct.pack("<IIQ", ARRAY, U32, MAX_HEADER_BYTES) + bytes(100)
    assert "longer than" in refusal(long, 10 * MAX_HEADER_BYTES)


def survives(data: bytes, size: int) -> None:
    """Whatever the bytes: facts, a refusal or the wish for more, in little memory."""
    tracemalloc.start()
    try:
        read_gguf(data, size)
    except NeedMoreBytes as need:
        assert len(data) < need.wanted <= min(size, MAX_HEADER_BYTES)
    except BadModelFile as refused:
        assert str(refused).isprintable()
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1_000_000


fuzz: Callable[[Callable[..., None]], Callable[..., None]] = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@fuzz
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_changed_bytes_give_facts_or_a_refusal(changes: list[tuple[int, int]]) -> None:
    data = bytearray(GOOD)
    for place, value in changes:
        data[place] = value
    survives(bytes(data), len(data))


@fuzz
@given(
    st.integers(0, len(GOOD) - 8),
    st.sampled_from(
        [0, 1, 7, 255, 2**16, 2**31, 2**32 - 1, 2**32, 2**61, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
    ),
    st.integers(0, len(GOOD)),
)
def test_any_number_at_any_place_gives_facts_or_a_refusal(place: int, number: int, cut: int) -> None:
    data = GOOD[:place] + struct.pack("<Q", number) + GOOD[place + 8 :]
    survives(data, len(data))
    survives(data[:cut], len(data))


@fuzz
@given(st.binary(max_size=400), st.integers(0, 2**50))
def test_any_bytes_behind_the_magic_give_facts_or_a_refusal(tail: bytes, size: int) -> None:
    survives(b"GGUF\x03\0\0\0" + tail, size)
    survives(tail, size)
    survives(start(3, 3) + tail, size)
