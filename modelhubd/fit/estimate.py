"""Memory that llama-server takes to run a model, from the model's shape and the settings.

The one estimator: catalog badge, load form, warning and placement all ask it.

    kv       cells · Σ layers n_kv_heads · (d_k·B_k + d_v·B_v), cells = slots · pad256(ctx / slots)
    compute  ub · (4·max(attention, feed-forward) + mask), ub = min(batch, 512, ctx), where
             attention     3·n_embd + 3·n_heads·d_k, and without flash attention 2·n_kv_heads·d_k +
                           ctx/slots·n_heads more
             feed-forward  3·n_ff + 5·n_embd, or 2·(used·n_embd + n_ff) of a mixture of experts
             mask          2 B (4 B without flash attention) for each cell of a slot, sliding ones again
    overhead 10 MiB + 160 B per vocabulary entry + 4 B per entry and slot (logits) + prompt cache

Compared with llama.cpp's own log (docs/benchmarks/estimate.md): within 10 % for dense models on the CPU, save
for weights that it repacks. A sliding layer keeps min(cells, pad256(window + ub)) of each slot; experts count
as one feed-forward block as wide as those used together. docs/decisions/0023 tells where the terms come from.
"""

from msgspec import Struct

from modelhubd.wire.architecture import Architecture

MIB = 1024 * 1024
KV_BYTES: dict[str, float] = {
    "f32": 4.0,
    "f16": 2.0,
    "bf16": 2.0,
    "q8_0": 1.0625,
    "q5_1": 0.75,
    "q5_0": 0.6875,
    "q4_1": 0.625,
    "q4_0": 0.5625,
    "iq4_nl": 0.5625,
}
"""Bytes of one KV-cache value of each type."""
UBATCH = 512
FIXED_OVERHEAD = 10 * MIB
VOCABULARY_ENTRY = 160
LOGIT = 4
LAYERS_MAX = 4096
FIGURE_MAX = 1 << 30
STATE_MAX = 1 << 40


class MemoryNeed(Struct, frozen=True, kw_only=True):
    """Memory of one loaded model, in bytes."""

    weights_bytes: int
    kv_bytes: int
    compute_bytes: int
    overhead_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.kv_bytes + self.compute_bytes + self.overhead_bytes


def estimate(
    architecture: Architecture,
    weights_bytes: int,
    *,
    ctx: int,
    kv_type_k: str = "f16",
    kv_type_v: str = "f16",
    flash_attention: bool = True,
    slots: int = 1,
    batch: int = UBATCH,
    cache_ram_bytes: int = 0,
) -> MemoryNeed | None:
    """What a load takes in all; None where the architecture lacks the facts or states absurd ones.

    `ctx` is shared by the `slots` (0 means the model's own); the KV types are keys of `KV_BYTES`.
    """
    ctx = ctx or architecture.context_length or 0
    if ctx <= 0 or architecture.hidden_size is None or not is_plausible(architecture):
        return None
    per_slot = max(1, ctx // slots)
    ub = min(batch, UBATCH, ctx)
    kv = _kv_bytes(architecture, per_slot, slots, ub, KV_BYTES[kv_type_k], KV_BYTES[kv_type_v])
    compute = _compute_bytes(
        architecture,
        architecture.hidden_size,
        per_slot,
        ub,
        flash=flash_attention,
        quantised=KV_BYTES[kv_type_k] < KV_BYTES["f16"],
    )
    if kv is None or compute is None:
        return None
    vocabulary = architecture.vocab_size or 0
    return MemoryNeed(
        weights_bytes=weights_bytes,
        kv_bytes=round(kv),
        compute_bytes=compute,
        overhead_bytes=FIXED_OVERHEAD + vocabulary * (VOCABULARY_ENTRY + LOGIT * slots) + cache_ram_bytes,
    )


def is_dense(architecture: Architecture) -> bool:
    """Whether the formula is known to be near for this kind of model: every layer attends to everything, and
    every weight is used for every token. For the others it is a good guess."""
    return (
        architecture.attention == "full"
        and not architecture.n_experts
        and not architecture.sliding_window
        and not architecture.state_bytes_per_slot
        and not architecture.n_kv_shared_layers
    )


def _compute_bytes(
    architecture: Architecture, hidden: int, per_slot: int, ub: int, *, flash: bool, quantised: bool
) -> int | None:
    """The most that is at work at a time in any layer, and the masks.

    Blocks that are narrower than twice the model's width are rare. For them it matters what llama.cpp's
    allocator can put where something else was; these terms were found by measuring.
    """
    heads = architecture.n_heads
    if heads is None and not flash and architecture.attention != "recurrent":
        return None
    d_k, _ = head_dims(architecture)
    kv_heads = architecture.n_kv_heads or 0
    queries = (heads or 0) * (d_k or 0)
    keys = (kv_heads if isinstance(kv_heads, int) else max(kv_heads, default=0)) * (d_k or 0)
    # A source that does not state the width of the feed-forward block rarely has one above 4 · hidden.
    wide = architecture.feed_forward_size or 4 * hidden
    attention = 3 * hidden + 3 * queries
    if not flash:
        attention += per_slot * (heads or 0) + 2 * keys
    elif keys >= queries:
        attention += hidden
    if wide < hidden and not quantised:
        attention += hidden
    if architecture.n_experts:
        feed_forward = 2 * ((architecture.n_experts_used or 1) * hidden + wide)
    elif wide > 2 * hidden or (2 * wide >= 3 * hidden and quantised):
        feed_forward = 3 * wide + 5 * hidden
    else:
        feed_forward = 2 * wide + 5 * hidden if wide > hidden else 0
    if architecture.attention == "recurrent":
        return ub * 4 * feed_forward
    masked = per_slot
    if architecture.sliding_window is not None:
        masked += min(per_slot, _pad(architecture.sliding_window + ub))
    return ub * (4 * max(attention, feed_forward) + (2 if flash else 4) * masked)


def _kv_bytes(
    architecture: Architecture, per_slot: int, slots: int, ub: int, bytes_k: float, bytes_v: float
) -> float | None:
    if architecture.attention == "encoder":
        return 0.0
    state = float(slots * (architecture.state_bytes_per_slot or 0))
    if architecture.attention == "recurrent":
        return state
    full = _pad(per_slot)
    sliding = full
    if architecture.sliding_window is not None:
        sliding = min(full, _pad(architecture.sliding_window + ub))
    per_token = _stated_kv(architecture, bytes_k, bytes_v) or _layered_kv(architecture, bytes_k, bytes_v)
    if per_token is None:
        return None
    return state + slots * (full * per_token[0] + sliding * per_token[1])


def _pad(cells: int) -> int:
    return -(-cells // 256) * 256


def _stated_kv(architecture: Architecture, bytes_k: float, bytes_v: float) -> tuple[float, float] | None:
    """The same as `_layered_kv` from a source's own figure, where the shape alone is no guide."""
    stated = architecture.kv_bytes_per_token_f16
    if stated is None:
        return None
    by_layer = isinstance(architecture.n_kv_heads, tuple) or architecture.sliding_layers is not None
    irregular = architecture.attention in ("mla", "hybrid", "sliding") and not by_layer
    layered = _layered_kv(architecture, bytes_k, bytes_v)
    if layered is not None and not irregular:
        return None
    scale = (bytes_k + bytes_v) / 4
    return stated * scale, 0.0 if layered is None else layered[1]


def _layered_kv(architecture: Architecture, bytes_k: float, bytes_v: float) -> tuple[float, float] | None:
    """Bytes per token of full and of sliding layers, summed over the layers."""
    layers, heads = architecture.n_layers, architecture.n_kv_heads
    d_k, d_v = head_dims(architecture)
    if layers is None or heads is None or d_k is None or d_v is None:
        return None
    if architecture.attention == "mla" and heads == 1:
        d_v = 0  # the value is read out of the latent that is kept as key
    kept = range(max(0, layers - (architecture.n_kv_shared_layers or 0)))
    if architecture.sliding_layers is None:
        sliding_layers = frozenset(range(architecture.n_sliding_layers or 0))
    else:
        sliding_layers = frozenset(architecture.sliding_layers)
    full = sliding = 0
    for layer in kept:
        count = heads if isinstance(heads, int) else heads[layer] if layer < len(heads) else 0
        if layer in sliding_layers:
            sliding += count
        else:
            full += count
    sliding_k = architecture.head_dim_k_sliding or d_k
    sliding_v = architecture.head_dim_v_sliding or d_v
    return full * (bytes_k * d_k + bytes_v * d_v), sliding * (bytes_k * sliding_k + bytes_v * sliding_v)


def is_plausible(architecture: Architecture) -> bool:
    """Whether the figures can be those of a model; a stranger may have written them."""
    sliding, heads = architecture.sliding_layers or (), architecture.n_kv_heads
    layers = (
        architecture.n_layers,
        architecture.n_sliding_layers,
        architecture.n_kv_shared_layers,
        len(sliding),
        *sliding[:LAYERS_MAX],
        len(heads) if isinstance(heads, tuple) else None,
    )
    figures = (
        architecture.n_heads,
        *(heads[:LAYERS_MAX] if isinstance(heads, tuple) else (heads,)),
        architecture.head_dim_k,
        architecture.head_dim_v,
        architecture.head_dim_k_sliding,
        architecture.head_dim_v_sliding,
        architecture.hidden_size,
        architecture.feed_forward_size,
        architecture.vocab_size,
        architecture.context_length,
        architecture.sliding_window,
        architecture.kv_bytes_per_token_f16,
        architecture.n_experts,
        architecture.n_experts_used,
    )
    state = architecture.state_bytes_per_slot
    if state is not None and not 0 <= state <= STATE_MAX:
        return False
    return all(figure is None or 0 <= figure <= FIGURE_MAX for figure in figures) and all(
        count is None or 0 <= count <= LAYERS_MAX for count in layers
    )


def head_dims(architecture: Architecture) -> tuple[int | None, int | None]:
    """Sizes of a key and of a value head; hidden size over heads where they are not stated."""
    even = None
    if architecture.hidden_size is not None and architecture.n_heads:
        even = architecture.hidden_size // architecture.n_heads
    d_k = architecture.head_dim_k or even
    return d_k, architecture.head_dim_v or architecture.head_dim_k or even
