"""`config.json` beside the weights of an MLX or safetensors model."""

from typing import Annotated

import msgspec
from msgspec import Meta

from modelhubd.errors import BadModelFile
from modelhubd.wire.architecture import Architecture

CONFIG_MAX = 1024 * 1024
Figure = Annotated[int, Meta(ge=0, le=1 << 31)]
Layers = Annotated[int, Meta(ge=0, le=4096)]


class _Quantization(msgspec.Struct, frozen=True):
    bits: Annotated[int, Meta(ge=1, le=64)] | None = None


class _Config(msgspec.Struct, frozen=True):
    """The members that matter here; multimodal models nest them in `text_config`."""

    model_type: Annotated[str, Meta(max_length=64)] | None = None
    num_hidden_layers: Layers | None = None
    num_attention_heads: Figure | None = None
    num_key_value_heads: Figure | None = None
    head_dim: Figure | None = None
    hidden_size: Figure | None = None
    intermediate_size: Figure | None = None
    vocab_size: Figure | None = None
    max_position_embeddings: Figure | None = None
    sliding_window: Figure | None = None
    use_sliding_window: bool | None = None
    layer_types: Annotated[tuple[str, ...], Meta(max_length=4096)] | None = None
    kv_lora_rank: Figure | None = None
    num_experts: Figure | None = None
    num_local_experts: Figure | None = None
    n_routed_experts: Figure | None = None
    num_experts_per_tok: Figure | None = None


class _File(_Config, frozen=True):
    text_config: _Config | None = None
    quantization: _Quantization | None = None


def read_config(config: bytes) -> Architecture:
    """The shape that a `config.json` states.

    Raises:
        BadModelFile: it is not the configuration of a model.
    """
    file = _decode(config)
    inner = file.text_config if file.num_hidden_layers is None and file.text_config else file
    heads = inner.num_attention_heads
    head_dim = inner.head_dim
    if not head_dim and heads and inner.hidden_size is not None:
        head_dim = inner.hidden_size // heads
    kinds = inner.layer_types or ()
    sliding = tuple(layer for layer, kind in enumerate(kinds) if kind == "sliding_attention")
    linear = tuple(layer for layer, kind in enumerate(kinds) if kind == "linear_attention")
    kv_heads = inner.num_key_value_heads if inner.num_key_value_heads is not None else heads
    by_layer: int | tuple[int, ...] | None = kv_heads
    if linear and kv_heads is not None:
        by_layer = tuple(0 if kind == "linear_attention" else kv_heads for kind in kinds)
    attention = "full"
    if inner.kv_lora_rank:
        attention = "mla"
    elif linear:
        attention = "hybrid"
    elif sliding:
        attention = "sliding"
    return Architecture(
        family=inner.model_type,
        n_layers=inner.num_hidden_layers,
        n_heads=heads,
        n_kv_heads=by_layer,
        head_dim_k=head_dim,
        head_dim_v=head_dim,
        hidden_size=inner.hidden_size,
        feed_forward_size=inner.intermediate_size,
        vocab_size=inner.vocab_size,
        context_length=inner.max_position_embeddings,
        attention=attention,
        sliding_window=inner.sliding_window if sliding else None,
        n_sliding_layers=len(sliding) or None,
        sliding_layers=sliding or None,
        n_experts=inner.num_experts or inner.num_local_experts or inner.n_routed_experts,
        n_experts_used=inner.num_experts_per_tok,
    )


def read_quantization(config: bytes) -> str | None:
    """`4bit` and the like, where the configuration says that the weights are quantised.

    Raises:
        BadModelFile: it is not the configuration of a model.
    """
    quantization = _decode(config).quantization
    return None if quantization is None or quantization.bits is None else f"{quantization.bits}bit"


def _decode(config: bytes) -> _File:
    if len(config) > CONFIG_MAX:
        raise BadModelFile(f"its config.json is longer than {CONFIG_MAX} bytes")
    try:
        return msgspec.json.decode(config, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadModelFile("its config.json is not the configuration of a model") from None
