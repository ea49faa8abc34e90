"""What a model is made of: the facts that the memory estimate needs.

A catalog entry and a model file's header both give an `Architecture`, so that one formula judges a model
before its download and after.
"""

from modelhubd.wire.base import Message


class Architecture(Message, frozen=True, kw_only=True):
    """Shape of a transformer. None means unknown; never guess a figure."""

    family: str | None = None
    """llama.cpp's architecture name, such as `llama`, `qwen3`, `bert`."""
    n_layers: int | None = None
    n_heads: int | None = None
    n_kv_heads: int | tuple[int, ...] | None = None
    """Key/value heads; a tuple where layers differ."""
    head_dim_k: int | None = None
    head_dim_v: int | None = None
    hidden_size: int | None = None
    feed_forward_size: int | None = None
    vocab_size: int | None = None
    context_length: int | None = None
    attention: str | None = None
    """`full`, `sliding`, `mla`, `hybrid`, `recurrent` or `encoder`."""
    sliding_window: int | None = None
    n_sliding_layers: int | None = None
    sliding_layers: tuple[int, ...] | None = None
    """Which layers slide, counted from 0, where a file says it."""
    head_dim_k_sliding: int | None = None
    head_dim_v_sliding: int | None = None
    """Head sizes of sliding layers where they differ."""
    n_kv_shared_layers: int | None = None
    """Layers at the end that reuse the KV cache of earlier ones."""
    n_experts: int | None = None
    n_experts_used: int | None = None
    kv_bytes_per_token_f16: int | None = None
    """KV cache per token of context at f16, in bytes, where a source states it; without sliding layers."""
    state_bytes_per_slot: int | None = None
    """Recurrent state per parallel request, in bytes."""


class Vision(Message, frozen=True, kw_only=True):
    """Shape of a vision encoder, as a projector file states it. None means unknown."""

    kind: str | None = None
    """llama.cpp's name of how its output reaches the model, such as `mlp` or `qwen2.5vl_merger`."""
    image_size: int | None = None
    patch_size: int | None = None
    """Pixels a side, both."""
    hidden_size: int | None = None
    feed_forward_size: int | None = None
    n_heads: int | None = None
    projection_size: int | None = None
    """Width of what it hands to the model."""
    merged: int | None = None
    """Patches a side that become one token, where the file says it."""
    gated: bool = False
    """Its feed-forward blocks have a gate."""


class ModelFacts(Message, frozen=True, kw_only=True):
    """What the header of a model file says about the model in it."""

    format: str
    architecture: Architecture
    weights_bytes: int
    """Sum of the tensors' bytes in this file."""
    n_tensors: int
    parameters: int | None = None
    name: str | None = None
    quantization: str | None = None
    license: str | None = None
    has_chat_template: bool = False
    chat_template: str | None = None
    """Which one: the first 16 digits of the SHA-256 of all that are in the file."""
    thinks: bool = False
    """The chat template knows a reasoning toggle (`enable_thinking`) or think tags."""
    split_count: int = 1
    ranks: bool = False
    """It scores how well a text fits a question (its pooling type is RANK), and makes no text itself."""
    vision: Vision | None = None
    """The encoder in this file, or in the projector file that is loaded with it."""
