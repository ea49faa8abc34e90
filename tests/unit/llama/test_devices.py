"""The part of a load that each graphics card takes, on what real builds list."""

import pytest
from msgspec.structs import replace

from modelhubd.llama.builds import read_devices
from modelhubd.llama.devices import shares
from modelhubd.llama.fit_params import read_figures
from modelhubd.llama.memory import Need

GIB = 1024**3
MIB = 1024**2
ONE = read_devices(
    "ggml_cuda_init: found 1 CUDA devices:\n"
    "  Device 0: NVIDIA GeForce RTX 4090, compute capability 8.9, VMM: yes\n"
    "Available devices:\n  CUDA0: NVIDIA GeForce RTX 4090 (24077 MiB, 23077 MiB free)\n"
)
TWO = read_devices(
    "Available devices:\n"
    "  Vulkan0: AMD Radeon RX 7900 XTX (RADV NAVI31) (24560 MiB, 12288 MiB free)\n"
    "  Vulkan1: Intel(R) Arc(tm) A770 Graphics (DG2) (16288 MiB, 4096 MiB free)\n"
)
APPLE = read_devices("Available devices:\n  MTL0: Apple M2 Max (22906 MiB, 22905 MiB free)\n")
NEED = Need(weights_bytes=7 * GIB, kv_bytes=GIB, compute_bytes=GIB // 2, overhead_bytes=GIB // 4, exact=True)
MOVED = NEED.weights_bytes + NEED.kv_bytes + NEED.compute_bytes


def needed(*arguments: object) -> list[int]:
    return [share.needed_bytes for share in shares(NEED, *arguments)]  # type: ignore[arg-type]


def test_without_cards_or_layers_on_them_nothing_is_shared() -> None:
    assert shares(NEED, (), 32, "auto") == ()
    assert shares(NEED, ONE, 32, 0) == ()
    assert shares(NEED, APPLE, 32, "all") == (), "its memory is the main memory"


def test_all_that_belongs_to_layers_goes_to_the_card_where_it_fits() -> None:
    (share,) = shares(NEED, ONE, 32, "auto")
    assert (share.id, share.name, share.fits) == ("CUDA0", "NVIDIA GeForce RTX 4090", True)
    assert share.needed_bytes == MOVED
    assert share.free_bytes == 23077 * MIB
    assert needed(ONE, None, None) == [MOVED]


def test_layers_that_are_asked_for_by_number_take_their_part() -> None:
    assert needed(ONE, 32, 11) == [MOVED // 3]
    assert needed(ONE, 32, 999) == [MOVED]
    (share,) = shares(replace(NEED, weights_bytes=60 * GIB), ONE, 32, "all")
    assert not share.fits


def test_left_to_itself_llama_cpp_leaves_a_gibibyte_free() -> None:
    large = replace(NEED, weights_bytes=60 * GIB)
    (share,) = shares(large, ONE, 60, "auto")
    assert share.fits
    assert 0 < share.free_bytes - share.needed_bytes - GIB < large.weights_bytes // 30
    full = (replace(ONE[0], free_bytes=GIB // 2),)
    assert [share.needed_bytes for share in shares(NEED, full, 32, "auto")] == [0]


def test_several_cards_share_by_the_memory_that_is_free() -> None:
    first, second = needed(TWO, 32, "all")
    assert first == 3 * second
    assert first + second == pytest.approx(MOVED, abs=2)
    idle = tuple(replace(card, free_bytes=0) for card in TWO)
    assert needed(idle, 32, "all") == [MOVED // 2, MOVED // 2]


def test_llama_cpps_own_figures_come_first() -> None:
    told = replace(NEED, figures=read_figures("Vulkan1 100 10 1 \nHost 500 0 1 \n"))
    assert [share.needed_bytes for share in shares(told, TWO, 32, "auto")] == [0, 112 * MIB + MIB // 2]
    empty = replace(NEED, weights_bytes=0, kv_bytes=0, compute_bytes=0)
    assert [share.needed_bytes for share in shares(empty, ONE, 32, "auto")] == [0]
