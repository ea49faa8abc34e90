import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.fit.estimate import FIXED_OVERHEAD, KV_BYTES, MemoryNeed, estimate, is_dense
from modelhubd.wire.architecture import Architecture
from tests.unit.fit.devices import LLAMA_8B, MIB

replace = msgspec.structs.replace

MEASURED = Architecture(
    family="llama",
    n_layers=4,
    n_heads=4,
    n_kv_heads=4,
    head_dim_k=32,
    head_dim_v=32,
    hidden_size=128,
    feed_forward_size=512,
    vocab_size=151936,
    context_length=32768,
)
WIDER = replace(
    MEASURED, n_heads=8, hidden_size=256, feed_forward_size=1024, vocab_size=32000, context_length=4096
)


def need(architecture: Architecture, *, ctx: int, slots: int = 1) -> MemoryNeed:
    found = estimate(architecture, 1000, ctx=ctx, slots=slots)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("architecture", "ctx", "flash", "slots", "batch", "kv_mib", "compute_mib"),
    [
        (MEASURED, 8192, True, 1, 512, 16.00, 12.27),
        (MEASURED, 8192, False, 1, 512, 16.00, 82.01),
        (MEASURED, 8192, True, 4, 512, 16.00, 6.27),
        (MEASURED, 8192, True, 1, 256, 16.00, 6.13),
        (WIDER, 4096, True, 1, 512, 8.00, 12.52),
        (WIDER, 16384, True, 1, 512, 32.00, 24.52),
    ],
)
def test_the_estimate_agrees_with_what_llama_server_reports(
    architecture: Architecture,
    ctx: int,
    flash: bool,
    slots: int,
    batch: int,
    kv_mib: float,
    compute_mib: float,
) -> None:
    """Buffers that llama.cpp logged for generated models of these shapes on the CPU."""
    found = estimate(architecture, 0, ctx=ctx, flash_attention=flash, slots=slots, batch=batch)
    assert found is not None
    assert found.kv_bytes / MIB == pytest.approx(kv_mib, rel=0.001)
    assert found.compute_bytes / MIB == pytest.approx(compute_mib, rel=0.01)


def test_an_8b_model_takes_a_gibibyte_of_cache_for_8192_tokens() -> None:
    found = need(LLAMA_8B, ctx=8192)
    assert found.kv_bytes == 1024 * MIB
    assert found.weights_bytes == 1000
    assert found.overhead_bytes == FIXED_OVERHEAD + 128256 * 164
    assert found.total_bytes == (
        found.weights_bytes + found.kv_bytes + found.compute_bytes + found.overhead_bytes
    )


def test_the_prompt_cache_and_the_slots_count_as_overhead() -> None:
    plain = need(LLAMA_8B, ctx=8192)
    cached = estimate(LLAMA_8B, 1000, ctx=8192, cache_ram_bytes=5000)
    assert cached is not None
    assert cached.overhead_bytes == plain.overhead_bytes + 5000
    assert need(LLAMA_8B, ctx=8192, slots=3).overhead_bytes == plain.overhead_bytes + 2 * 4 * 128256


@pytest.mark.parametrize(("kv_type", "size"), KV_BYTES.items())
def test_each_cache_type_takes_its_share(kv_type: str, size: float) -> None:
    both = estimate(LLAMA_8B, 0, ctx=8192, kv_type_k=kv_type, kv_type_v=kv_type)
    keys = estimate(LLAMA_8B, 0, ctx=8192, kv_type_k=kv_type)
    assert both is not None
    assert keys is not None
    assert both.kv_bytes == 512 * MIB * size
    assert keys.kv_bytes == 512 * MIB * (1 + size / 2)


def test_cells_are_padded_to_256_in_each_slot() -> None:
    assert need(LLAMA_8B, ctx=1).kv_bytes == need(LLAMA_8B, ctx=256).kv_bytes
    assert need(LLAMA_8B, ctx=257).kv_bytes == need(LLAMA_8B, ctx=512).kv_bytes
    assert need(LLAMA_8B, ctx=1000, slots=4).kv_bytes == need(LLAMA_8B, ctx=1024).kv_bytes
    assert need(LLAMA_8B, ctx=2, slots=4).kv_bytes == need(LLAMA_8B, ctx=1024).kv_bytes


def test_context_0_is_the_models_own() -> None:
    assert estimate(LLAMA_8B, 1, ctx=0) == estimate(LLAMA_8B, 1, ctx=131072)
    assert estimate(replace(LLAMA_8B, context_length=None), 1, ctx=0) is None


def test_layers_may_have_different_heads() -> None:
    mixed = replace(LLAMA_8B, n_kv_heads=(8, 0) * 16)
    assert need(mixed, ctx=8192).kv_bytes == 512 * MIB
    assert need(replace(LLAMA_8B, n_kv_heads=(8,)), ctx=8192).kv_bytes == 32 * MIB


def test_head_sizes_that_are_not_stated_follow_from_the_width() -> None:
    bare = replace(LLAMA_8B, head_dim_k=None, head_dim_v=None)
    assert need(bare, ctx=8192) == need(LLAMA_8B, ctx=8192)
    assert need(replace(LLAMA_8B, head_dim_v=None), ctx=8192) == need(LLAMA_8B, ctx=8192)
    assert estimate(replace(bare, n_heads=None), 1, ctx=8192) is None


def test_a_sliding_layer_keeps_its_window_and_a_batch() -> None:
    sliding = replace(LLAMA_8B, attention="sliding", sliding_window=1000, n_sliding_layers=16)
    per_cell = 4096
    assert need(sliding, ctx=8192).kv_bytes == 16 * per_cell * (8192 + 1536)
    assert need(sliding, ctx=512).kv_bytes == 32 * per_cell * 512
    assert need(sliding, ctx=16384, slots=2).kv_bytes == 2 * need(sliding, ctx=8192).kv_bytes
    listed = replace(sliding, n_sliding_layers=None, sliding_layers=tuple(range(1, 32, 2)))
    assert need(listed, ctx=8192) == need(sliding, ctx=8192)
    unknown = replace(sliding, n_sliding_layers=None)
    assert need(unknown, ctx=8192).kv_bytes == 1024 * MIB


def test_sliding_layers_may_have_heads_of_their_own_and_layers_may_share_a_cache() -> None:
    """The shape of Gemma 4: wide heads in full layers, the last layers without a cache."""
    gemma = replace(
        LLAMA_8B,
        n_layers=6,
        n_kv_heads=(16, 16, 4, 16, 16, 4),
        sliding_layers=(0, 1, 3, 4),
        sliding_window=512,
        head_dim_k=512,
        head_dim_v=512,
        head_dim_k_sliding=256,
        head_dim_v_sliding=256,
        attention="sliding",
    )
    full, window = 4 * 4 * 512, 4 * 16 * 256
    assert need(gemma, ctx=8192).kv_bytes == 2 * full * 8192 + 4 * window * 1024
    shared = replace(gemma, n_kv_shared_layers=3)
    assert need(shared, ctx=8192).kv_bytes == full * 8192 + 2 * window * 1024
    assert need(replace(gemma, n_kv_shared_layers=7), ctx=8192).kv_bytes == 0


def test_a_stated_cache_size_serves_where_the_shape_does_not() -> None:
    stated = replace(LLAMA_8B, n_kv_heads=None, kv_bytes_per_token_f16=1000)
    assert need(stated, ctx=8192).kv_bytes == 1000 * 8192
    quarter = estimate(stated, 0, ctx=8192, kv_type_k="f32", kv_type_v="f32")
    assert quarter is not None
    assert quarter.kv_bytes == 2000 * 8192
    assert need(replace(stated, n_kv_heads=8), ctx=8192).kv_bytes == 1024 * MIB
    assert need(replace(stated, n_kv_heads=8, attention="mla"), ctx=8192).kv_bytes == 1000 * 8192
    by_layer = replace(stated, n_kv_heads=(8,) * 32, attention="hybrid")
    assert need(by_layer, ctx=8192).kv_bytes == 1024 * MIB


def test_a_stated_cache_size_of_full_layers_has_the_windows_of_the_others_on_top() -> None:
    gemma2 = Architecture(
        n_layers=26,
        n_heads=8,
        n_kv_heads=4,
        head_dim_k=256,
        head_dim_v=256,
        hidden_size=2304,
        attention="sliding",
        sliding_window=4096,
        n_sliding_layers=13,
        kv_bytes_per_token_f16=53248,
    )
    assert need(gemma2, ctx=8192).kv_bytes == 53248 * 8192 + 53248 * (4096 + 512)
    assert need(replace(gemma2, n_sliding_layers=None), ctx=8192).kv_bytes == 53248 * 8192


def test_an_encoder_has_no_cache_and_a_recurrent_model_a_state() -> None:
    assert need(replace(LLAMA_8B, attention="encoder"), ctx=512).kv_bytes == 0
    assert need(Architecture(hidden_size=768, attention="encoder"), ctx=512).kv_bytes == 0
    mamba = replace(LLAMA_8B, attention="recurrent", state_bytes_per_slot=1000)
    assert need(mamba, ctx=8192).kv_bytes == 1000
    assert need(mamba, ctx=8192, slots=4).kv_bytes == 4000
    hybrid = replace(LLAMA_8B, attention="hybrid", state_bytes_per_slot=1000)
    assert need(hybrid, ctx=8192).kv_bytes == 1024 * MIB + 1000


def test_an_unstated_feed_forward_width_counts_as_four_times_the_hidden_size() -> None:
    unstated = replace(LLAMA_8B, feed_forward_size=None)
    assert need(unstated, ctx=8192) == need(replace(LLAMA_8B, feed_forward_size=16384), ctx=8192)
    assert estimate(replace(LLAMA_8B, n_heads=None), 1, ctx=8192, flash_attention=False) is None
    assert need(replace(LLAMA_8B, vocab_size=None), ctx=8192).overhead_bytes == FIXED_OVERHEAD


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": None},
        {"n_layers": None},
        {"n_kv_heads": None},
        {"n_layers": 10**12},
        {"n_layers": -1},
        {"hidden_size": -4096},
        {"n_kv_heads": (8, 10**18)},
        {"vocab_size": 10**18},
        {"kv_bytes_per_token_f16": -1},
        {"n_sliding_layers": 10**9},
        {"n_kv_shared_layers": -5},
    ],
)
def test_missing_and_absurd_facts_give_no_estimate(change: dict[str, object]) -> None:
    assert estimate(replace(LLAMA_8B, **change), 1, ctx=8192) is None


figures = st.none() | st.integers(-2, 300) | st.integers()
architectures = st.builds(
    Architecture,
    n_layers=figures,
    n_heads=figures,
    n_kv_heads=figures | st.lists(st.integers(-1, 9), max_size=5).map(tuple),
    head_dim_k=figures,
    head_dim_v=figures,
    hidden_size=figures,
    feed_forward_size=figures,
    vocab_size=figures,
    context_length=figures,
    attention=st.sampled_from([None, "full", "sliding", "mla", "hybrid", "recurrent", "encoder", "new"]),
    sliding_window=figures,
    n_sliding_layers=figures,
    kv_bytes_per_token_f16=figures,
    n_kv_shared_layers=figures,
)


@given(architectures, st.integers(0, 2**24), st.integers(1, 256), st.booleans())
def test_any_architecture_gets_an_estimate_that_is_not_negative_or_none(
    architecture: Architecture, ctx: int, slots: int, flash: bool
) -> None:
    found = estimate(architecture, 5, ctx=ctx, slots=slots, flash_attention=flash)
    if found is not None:
        assert min(found.kv_bytes, found.compute_bytes, found.overhead_bytes) >= 0


@given(st.integers(1, 2**20), st.integers(1, 2**20), st.booleans())
def test_more_context_never_takes_less(one: int, other: int, flash: bool) -> None:
    low, high = sorted((one, other))
    less = estimate(LLAMA_8B, 0, ctx=low, flash_attention=flash)
    more = estimate(LLAMA_8B, 0, ctx=high, flash_attention=flash)
    assert less is not None
    assert more is not None
    assert less.total_bytes <= more.total_bytes


@pytest.mark.parametrize(
    ("width", "n_ff", "heads", "head_dim", "kv", "flash", "compute_mib"),
    [
        (2048, 1024, (16, 4), 128, "f16", True, 30.02),
        (2048, 1024, (16, 4), 128, "q8_0", True, 26.10),
        (2048, 1024, (16, 4), 128, "f16", False, 98.01),
        (2048, 2816, (64, 64), None, "f16", True, 33.02),
        (2048, 2816, (64, 64), None, "q8_0", True, 33.05),
        (1024, 1536, (16, 8), None, "q8_0", True, 21.12),
        (512, 8192, (8, 2), None, "f16", False, 57.51),
        (1024, 3072, (16, 8), 128, "f16", False, 90.01),
    ],
)
def test_the_compute_buffer_of_unusual_shapes_is_near_too(
    width: int,
    n_ff: int,
    heads: tuple[int, int],
    head_dim: int | None,
    kv: str,
    flash: bool,
    compute_mib: float,
) -> None:
    """Buffers that the built-in server (b11549) logged at 2048 tokens of context."""
    shape = unusual(width, n_ff, heads, head_dim)
    assert compute_buffer(shape, kv, flash) / MIB == pytest.approx(compute_mib, rel=0.1)


def test_the_compute_buffer_of_a_mixture_with_narrow_experts_is_near_too() -> None:
    shape = unusual(2048, 6144, (32, 4), 128)
    mixture = replace(shape, n_experts=32, n_experts_used=8, attention="full")
    assert compute_buffer(mixture, "f16", True) / MIB == pytest.approx(90.02, rel=0.1)


def unusual(width: int, n_ff: int, heads: tuple[int, int], head_dim: int | None) -> Architecture:
    """`heads` are those of queries and those of keys."""
    return replace(
        MEASURED,
        hidden_size=width,
        feed_forward_size=n_ff,
        n_heads=heads[0],
        n_kv_heads=heads[1],
        head_dim_k=head_dim,
        head_dim_v=head_dim,
    )


def compute_buffer(shape: Architecture, kv: str, flash: bool) -> int:
    found = estimate(shape, 0, ctx=2048, kv_type_k=kv, kv_type_v=kv, flash_attention=flash)
    assert found is not None
    return found.compute_bytes


def test_a_sliding_layer_has_a_mask_of_its_own() -> None:
    sliding = replace(LLAMA_8B, attention="sliding", sliding_window=512, n_sliding_layers=16)
    assert need(sliding, ctx=8192).compute_bytes - need(LLAMA_8B, ctx=8192).compute_bytes == 512 * 2 * 1024


def test_layers_without_heads_need_no_keys() -> None:
    assert need(replace(LLAMA_8B, n_kv_heads=()), ctx=8192).kv_bytes == 0
    assert need(replace(LLAMA_8B, n_kv_heads=(8, 0) * 16), ctx=8192) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"attention": None},
        {"attention": "mla"},
        {"n_experts": 8},
        {"sliding_window": 512},
        {"state_bytes_per_slot": 5},
        {"n_kv_shared_layers": 2},
    ],
)
def test_dense_is_only_what_attends_to_everything_and_uses_every_weight(change: dict[str, object]) -> None:
    dense = replace(LLAMA_8B, attention="full")
    assert is_dense(dense)
    assert not is_dense(replace(dense, **change))


def test_a_latent_keeps_keys_and_values_in_one() -> None:
    latent = replace(LLAMA_8B, attention="mla", n_kv_heads=1, head_dim_k=576, head_dim_v=512)
    assert need(latent, ctx=8192).kv_bytes == 32 * 8192 * 576 * 2
    apart = replace(latent, n_kv_heads=8)
    assert need(apart, ctx=8192).kv_bytes == 32 * 8192 * 8 * (576 + 512) * 2


def test_a_recurrent_model_has_no_attention_to_compute() -> None:
    mamba = replace(LLAMA_8B, attention="recurrent", state_bytes_per_slot=1000, n_heads=None)
    plain = estimate(mamba, 0, ctx=8192, flash_attention=False)
    assert plain is not None
    assert plain.compute_bytes == need(mamba, ctx=65536).compute_bytes == 512 * 4 * (3 * 14336 + 5 * 4096)
