"""From GGUF metadata to an `Architecture`: which layers attend how, and what they cache."""

from modelhubd.errors import BadModelFile
from modelhubd.formats.metadata import Metadata
from modelhubd.wire.architecture import Architecture

LAYERS_MAX = 4096
SLIDING_PERIODS = {
    "afmoe": 4,
    "cohere2": 4,
    "cohere2moe": 4,
    "exaone-moe": 4,
    "exaone4": 4,
    "gemma2": 2,
    "gemma3": 6,
    "gemma3n": 5,
    "gpt-oss": 2,
    "llama4": 4,
    "olmo2": 4,
    "smallthinker": 4,
}
"""Families whose files need not say which layers slide: all but the last of each n."""
ENCODERS = frozenset(
    (
        "bert",
        "eurobert",
        "gemma-embedding",
        "jina-bert-v2",
        "jina-bert-v3",
        "modern-bert",
        "neo-bert",
        "nomic-bert",
        "nomic-bert-moe",
        "t5encoder",
    )
)
RECURRENT = frozenset(("mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"))
INTERVAL_FAMILIES = frozenset(("qwen3next", "qwen35", "qwen35moe"))
DEFAULT_INTERVAL = 4
LLAMA4_WINDOW = 8192


class _Keys:
    """Metadata of one family: keys begin with its name."""

    def __init__(self, metadata: Metadata, family: str) -> None:
        self._metadata = metadata
        self._prefix = family.encode() + b"."

    def figure(self, key: str) -> int | None:
        """A positive whole number, the largest of a list; None where it is absent or 0."""
        value = self._metadata.integer(self._prefix + key.encode())
        return value if value is not None and value > 0 else None

    def figures(self, key: str) -> tuple[int, ...] | None:
        return self._metadata.integers(self._prefix + key.encode())

    def is_list(self, key: str) -> bool:
        return self._metadata.length(self._prefix + key.encode()) is not None

    def has(self, key: str) -> bool:
        return self._prefix + key.encode() in self._metadata


def architecture_of(metadata: Metadata, vocabulary: int | None) -> Architecture:
    """The shape a file states.

    Raises:
        BadModelFile: no architecture is named, or a figure is absurd. (The later files of a split model
        name none: theirs is empty.)
    """
    family = metadata.text(b"general.architecture")
    if family is None:
        if (metadata.integer(b"split.count") or 1) > 1:
            return Architecture()
        raise BadModelFile("it does not name its architecture")
    keys = _Keys(metadata, family)
    layers = keys.figure("block_count")
    if layers is not None and layers > LAYERS_MAX:
        raise BadModelFile(f"it claims {layers} layers")
    window = _window(keys, family)
    sliding = _sliding_layers(keys, family, layers) if window is not None else ()
    recurrent = _recurrent_layers(keys, family, layers)
    heads = keys.figure("attention.head_count")
    d_k, d_v = keys.figure("attention.key_length"), keys.figure("attention.value_length")
    hidden = keys.figure("embedding_length")
    if heads is not None and hidden is not None:
        d_k, d_v = d_k or hidden // heads, d_v or hidden // heads
    return Architecture(
        family=family,
        n_layers=layers,
        n_heads=heads,
        n_kv_heads=_kv_heads(keys, layers, heads, recurrent),
        head_dim_k=d_k,
        head_dim_v=d_v,
        hidden_size=hidden,
        feed_forward_size=_feed_forward(keys),
        vocab_size=vocabulary or keys.figure("vocab_size"),
        context_length=keys.figure("context_length"),
        attention=_attention(keys, family, sliding, recurrent),
        sliding_window=window if sliding else None,
        n_sliding_layers=len(sliding) or None,
        sliding_layers=sliding or None,
        head_dim_k_sliding=keys.figure("attention.key_length_swa"),
        head_dim_v_sliding=keys.figure("attention.value_length_swa"),
        n_kv_shared_layers=keys.figure("attention.shared_kv_layers"),
        n_experts=keys.figure("expert_count"),
        n_experts_used=keys.figure("expert_used_count"),
        state_bytes_per_slot=_state_bytes(keys, family, layers, recurrent),
    )


def _attention(keys: _Keys, family: str, sliding: tuple[int, ...], recurrent: frozenset[int]) -> str:
    if family in ENCODERS or keys.figures("attention.causal") == (0,):
        return "encoder"
    if family in RECURRENT:
        return "recurrent"
    if keys.has("attention.kv_lora_rank"):
        return "mla"
    if recurrent:
        return "hybrid"
    return "sliding" if sliding else "full"


def _window(keys: _Keys, family: str) -> int | None:
    if family == "llama4" and not keys.has("attention.sliding_window"):
        return LLAMA4_WINDOW
    return keys.figure("attention.sliding_window")


def _sliding_layers(keys: _Keys, family: str, layers: int | None) -> tuple[int, ...]:
    if layers is None:
        return ()
    pattern = keys.figures("attention.sliding_window_pattern")
    if pattern is not None and keys.is_list("attention.sliding_window_pattern"):
        return tuple(layer for layer, slides in enumerate(pattern[:layers]) if slides)
    period = pattern[0] if pattern else SLIDING_PERIODS.get(family, 1)
    return tuple(layer for layer in range(layers) if period > 1 and layer % period < period - 1)


def _recurrent_layers(keys: _Keys, family: str, layers: int | None) -> frozenset[int]:
    """Layers that keep a state instead of a cache, in models that have both."""
    if layers is None:
        return frozenset()
    flags = keys.figures("attention.recurrent_layers")
    if flags is not None:
        return frozenset(layer for layer, flag in enumerate(flags[:layers]) if flag)
    interval = keys.figure("full_attention_interval")
    if interval is not None or family in INTERVAL_FAMILIES:
        interval = interval or DEFAULT_INTERVAL
        return frozenset(layer for layer in range(layers) if (layer + 1) % interval)
    heads = keys.figures("attention.head_count_kv")
    if heads is not None and keys.is_list("attention.head_count_kv"):
        return frozenset(layer for layer, count in enumerate(heads[:layers]) if count == 0)
    return frozenset()


def _kv_heads(
    keys: _Keys, layers: int | None, heads: int | None, recurrent: frozenset[int]
) -> int | tuple[int, ...] | None:
    stated = keys.figures("attention.head_count_kv")
    if not stated:
        stated = (heads,) if heads is not None else None
    if stated is None or layers is None:
        return stated[0] if stated else None
    by_layer = stated if len(stated) > 1 else stated * layers
    by_layer = tuple(0 if layer in recurrent else max(0, count) for layer, count in enumerate(by_layer))
    return by_layer[0] if len(set(by_layer)) == 1 else by_layer


def _feed_forward(keys: _Keys) -> int | None:
    """The widest block, or what the experts used together come to."""
    dense = keys.figure("feed_forward_length") or 0
    expert = keys.figure("expert_feed_forward_length") or 0
    return max(dense, expert * (keys.figure("expert_used_count") or 1)) or None


def _state_bytes(keys: _Keys, family: str, layers: int | None, recurrent: frozenset[int]) -> int | None:
    """Recurrent state of one sequence (f32): a convolution's past and the state itself, per layer."""
    if layers is None:
        return None
    head, hidden = keys.figure("wkv.head_size"), keys.figure("embedding_length")
    if head is not None and hidden is not None:
        return layers * 4 * hidden * ((keys.figure("token_shift_count") or 2) + head)
    inner, state = keys.figure("ssm.inner_size"), keys.figure("ssm.state_size")
    if inner is None or state is None:
        return None
    kept = max(0, (keys.figure("ssm.conv_kernel") or 1) - 1)
    past = kept * (inner + 2 * (keys.figure("ssm.group_count") or 1) * state)
    return (len(recurrent) or layers) * 4 * (past + inner * state)
