"""What a vision encoder computes with, from its shape; tests/real/test_estimate.py loads some."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.fit.vision import (
    ASSUMED_LEAST,
    ASSUMED_MOST,
    BYTES_MAX,
    MIB,
    WARMED_UP,
    assumed_encoder_bytes,
    encoder_bytes,
)
from modelhubd.wire.architecture import Vision

LLAVA = Vision(
    kind="mlp",
    image_size=336,
    patch_size=14,
    hidden_size=1024,
    feed_forward_size=4096,
    n_heads=16,
    projection_size=1024,
)


def mib(*, flash: bool = True, **changes: Any) -> float:
    found = encoder_bytes(msgspec.structs.replace(LLAVA, **changes), flash_attention=flash)
    assert found is not None
    return found / MIB


@pytest.mark.parametrize(
    ("changes", "flash", "reported"),
    [
        ({}, True, 19.32),
        ({}, False, 32.88),
        ({"n_heads": 8}, False, 22.72),
        ({"feed_forward_size": 512}, True, 14.82),
        ({"projection_size": 8192, "feed_forward_size": 1024}, True, 39.55),
        ({"image_size": 896, "hidden_size": 1152, "feed_forward_size": 4304}, True, 148.5),
        ({"image_size": 896, "hidden_size": 1152, "feed_forward_size": 4304}, False, 1123.74),
    ],
)
def test_it_is_what_llama_server_reserved(changes: dict[str, int], flash: bool, reported: float) -> None:
    assert mib(flash=flash, **changes) == pytest.approx(reported, rel=0.01)


def test_very_large_patches_count_with_the_first_step() -> None:
    shape: dict[str, Any] = {
        "image_size": 768,
        "patch_size": 64,
        "hidden_size": 512,
        "feed_forward_size": 1024,
    }
    assert mib(**shape, projection_size=None) == pytest.approx(10.14, rel=0.03)


def test_a_gate_makes_the_feed_forward_block_count_thrice() -> None:
    assert mib(gated=True) - mib() == pytest.approx(577 * 2 * 4096 * 4 / MIB)


def test_kinds_that_take_any_size_count_with_the_image_of_the_warm_up() -> None:
    any_size: dict[str, Any] = {"kind": "qwen2.5vl_merger", "image_size": None}
    assert mib(**any_size) == mib(image_size=46 * 14 * 2)
    assert mib(**any_size, merged=1) == mib(image_size=46 * 14)
    assert encoder_bytes(msgspec.structs.replace(LLAVA, **any_size, patch_size=None)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"image_size": None},
        {"patch_size": None},
        {"hidden_size": None},
        {"feed_forward_size": None},
        {"n_heads": None},
        {"patch_size": 0},
        {"patch_size": 337},
        {"image_size": 16_385},
        {"n_heads": 4097},
        {"projection_size": (1 << 20) + 1},
        {"image_size": 16_384, "patch_size": 1},
    ],
)
def test_without_a_figure_or_with_an_absurd_one_nothing_is_told(changes: dict[str, int | None]) -> None:
    assert encoder_bytes(msgspec.structs.replace(LLAVA, **changes), flash_attention=False) is None


FIGURES = st.none() | st.integers(0, 1 << 12) | st.integers(-1, 1 << 31)


@given(
    st.builds(
        Vision,
        kind=st.sampled_from([None, "mlp", *WARMED_UP]),
        image_size=FIGURES,
        patch_size=FIGURES,
        hidden_size=FIGURES,
        feed_forward_size=FIGURES,
        n_heads=FIGURES,
        projection_size=FIGURES,
        merged=FIGURES,
        gated=st.booleans(),
    ),
    st.booleans(),
)
def test_no_file_makes_it_fail_or_absurd(vision: Vision, flash: bool) -> None:
    found = encoder_bytes(vision, flash_attention=flash)
    assert found is None or 0 < found <= BYTES_MAX


def test_without_a_shape_half_of_the_file_is_set_aside_within_bounds() -> None:
    assert assumed_encoder_bytes(600 * MIB) == 300 * MIB
    assert assumed_encoder_bytes(0) == ASSUMED_LEAST
    assert assumed_encoder_bytes(1 << 40) == ASSUMED_MOST
