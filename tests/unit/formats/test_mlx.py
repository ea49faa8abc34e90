import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.errors import BadModelFile
from modelhubd.formats.mlx import CONFIG_MAX, read_config, read_quantization
from modelhubd.wire.architecture import Architecture

QWEN = {
    "model_type": "qwen3",
    "num_hidden_layers": 4,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "vocab_size": 151936,
    "max_position_embeddings": 40960,
    "quantization": {"group_size": 64, "bits": 4},
    "rope_scaling": None,
}


def config(**members: object) -> bytes:
    return json.dumps(QWEN | members).encode()


def test_a_configuration_states_the_shape() -> None:
    assert read_config(config()) == Architecture(
        family="qwen3",
        n_layers=4,
        n_heads=16,
        n_kv_heads=8,
        head_dim_k=128,
        head_dim_v=128,
        hidden_size=1024,
        feed_forward_size=3072,
        vocab_size=151936,
        context_length=40960,
        attention="full",
    )
    assert read_quantization(config()) == "4bit"
    assert read_quantization(config(quantization=None)) is None
    assert read_quantization(config(quantization={})) is None


def test_what_is_left_out_follows_from_the_rest() -> None:
    shape = read_config(config(head_dim=None, num_key_value_heads=None))
    assert (shape.head_dim_k, shape.n_kv_heads) == (64, 16)
    assert read_config(config(head_dim=None, num_attention_heads=None)).head_dim_k is None
    assert read_config(config(head_dim=None, hidden_size=None)).head_dim_k is None
    assert read_config(b"{}") == Architecture(attention="full")


def test_a_multimodal_model_nests_the_shape_of_its_text_part() -> None:
    nested = json.dumps({"model_type": "llava", "text_config": QWEN}).encode()
    assert read_config(nested) == read_config(config())


def test_layer_types_tell_sliding_and_linear_attention() -> None:
    sliding = read_config(config(layer_types=["sliding_attention", "full_attention"] * 2, sliding_window=512))
    assert (sliding.attention, sliding.sliding_window, sliding.sliding_layers) == ("sliding", 512, (0, 2))
    assert read_config(config(sliding_window=512)).sliding_window is None
    linear = read_config(config(layer_types=["linear_attention"] * 3 + ["full_attention"]))
    assert (linear.attention, linear.n_kv_heads) == ("hybrid", (0, 0, 0, 8))
    headless = config(layer_types=["linear_attention"], num_key_value_heads=None, num_attention_heads=None)
    assert read_config(headless).n_kv_heads is None
    assert read_config(config(kv_lora_rank=512)).attention == "mla"


@pytest.mark.parametrize("name", ["num_experts", "num_local_experts", "n_routed_experts"])
def test_experts_have_several_names(name: str) -> None:
    shape = read_config(config(**{name: 64}, num_experts_per_tok=8))
    assert (shape.n_experts, shape.n_experts_used) == (64, 8)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"<html>",
        b'{"model_type": "\xff"}',
        b'{"hidden_size": -1}',
        b'{"num_hidden_layers": 1000000}',
        b'{"hidden_size": 1' + b"0" * 5000 + b"}",
        b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model_type": "' + b"x" * 100 + b'"}',
        b" " * (CONFIG_MAX + 1),
    ],
)
def test_what_is_no_configuration_is_refused(raw: bytes) -> None:
    with pytest.raises(BadModelFile, match=r"config\.json"):
        read_config(raw)
    with pytest.raises(BadModelFile, match=r"config\.json"):
        read_quantization(raw)


@given(st.dictionaries(st.sampled_from(sorted(QWEN)), st.none() | st.integers() | st.text(max_size=3)))
def test_any_figures_give_a_shape_or_a_refusal(members: dict[str, object]) -> None:
    try:
        read_config(json.dumps(members).encode())
    except BadModelFile as refused:
        assert str(refused).isprintable()
