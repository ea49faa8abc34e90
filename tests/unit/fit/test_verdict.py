import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.fit.estimate import estimate
from modelhubd.fit.memory import kept_by_system
from modelhubd.fit.verdict import BEST_FIRST, best_option, default_ctx, judge, least_bad, memory_available
from modelhubd.wire.architecture import Architecture
from modelhubd.wire.catalog import Format, Hardware, Option, OptionFile, Role
from modelhubd.wire.device import Device, Gpu
from modelhubd.wire.fit import Assumes, Fit, Verdict
from tests.unit.fit.devices import GB, LLAMA_8B, MIB, card, mac, machine

NO_DEMANDS = Hardware()


def option(size: int | None = 5 * GB, format_: Format = Format.GGUF, quantization: str = "Q4_K_M") -> Option:
    file = OptionFile(name=f"x.{'gguf' if format_ is Format.GGUF else 'safetensors'}", size_bytes=size)
    return Option(id="x", format=format_, quantization=quantization, size_bytes=size, files=(file,))


def judged(
    device: Device,
    size: int | None = 5 * GB,
    *,
    format_: Format = Format.GGUF,
    architecture: Architecture = LLAMA_8B,
    hardware: Hardware = NO_DEMANDS,
    parameters: int | None = None,
    installed: bool = False,
) -> Fit:
    return judge(
        option(size, format_),
        architecture=architecture,
        hardware=hardware,
        parameters=parameters,
        device=device,
        installed=installed,
    )


def total(weights: int) -> int:
    need = estimate(LLAMA_8B, weights, ctx=8192)
    assert need is not None
    return need.total_bytes


def test_a_model_with_room_to_spare_is_compatible_and_the_reason_has_the_numbers() -> None:
    fit = judged(machine(16 * GB, 12 * GB))
    assert fit.verdict is Verdict.COMPATIBLE
    assert fit.reason == "Needs 6.24 GB of memory; 12.0 GB free of 16.0 GB."
    assert fit.needed_bytes == total(5 * GB)
    assert fit.available_bytes == 12 * GB
    assert fit.assumes == Assumes(ctx=8192, kv_type="f16")


@pytest.mark.parametrize(
    ("free", "verdict"),
    [
        (total(5 * GB) * 100 // 85 + 2, Verdict.COMPATIBLE),
        (total(5 * GB) * 100 // 85 - 2, Verdict.TIGHT),
        (total(5 * GB), Verdict.TIGHT),
        (total(5 * GB) - 1, Verdict.TIGHT),
        (0, Verdict.TIGHT),
    ],
)
def test_what_the_machine_could_hold_is_never_too_large_however_little_is_free(
    free: int, verdict: Verdict
) -> None:
    assert judged(machine(16 * GB, free)).verdict is verdict


def test_a_tight_verdict_says_what_to_do() -> None:
    assert judged(machine(16 * GB, 3 * GB)).reason == (
        "Needs 6.24 GB of memory; only 3.00 GB free of 16.0 GB: close other programs first."
    )
    assert judged(machine(16 * GB, 7 * GB)).reason == (
        "Needs 6.24 GB of memory; just fits: 7.00 GB free of 16.0 GB."
    )


def test_what_the_machine_cannot_hold_is_too_large() -> None:
    fit = judged(machine(8 * GB, 7 * GB), 6 * GB)
    assert fit.verdict is Verdict.TOO_LARGE
    assert fit.reason == "Needs 7.24 GB of memory; at most 7.00 GB can be used here."
    assert fit.available_bytes == 7 * GB


def test_the_system_keeps_an_eighth_between_half_a_gibibyte_and_two() -> None:
    assert kept_by_system(1 * GB) == 512 * MIB
    assert kept_by_system(8 * GB) == GB
    assert kept_by_system(64 * GB) == 2048 * MIB
    assert judged(machine(256 * MIB, 100 * MIB)).available_bytes == 0


def test_a_model_that_fits_on_the_graphics_card_is_judged_by_it_alone() -> None:
    fit = judged(machine(8 * GB, GB, gpus=(card(20 * GB),)))
    assert fit.verdict is Verdict.COMPATIBLE
    assert fit.reason == "Needs 6.24 GB of memory; 20.0 GB free of 24.0 GB on RTX 4090."
    assert judged(machine(8 * GB, GB, gpus=(card(7 * GB),))).verdict is Verdict.TIGHT


def test_several_cards_count_together() -> None:
    fit = judged(machine(8 * GB, GB, gpus=(card(4 * GB), card(4 * GB))))
    assert fit.verdict is Verdict.COMPATIBLE
    assert "8.00 GB free of 48.0 GB on 2 GPUs" in fit.reason


def test_a_model_that_only_card_and_memory_together_hold_is_partial() -> None:
    fit = judged(machine(8 * GB, 7 * GB, gpus=(card(4 * GB),)), 7 * GB)
    assert fit.verdict is Verdict.PARTIAL
    assert fit.reason == (
        "Needs 8.24 GB of memory; 48 % fit on the GPU (4.00 GB free of 24.0 GB on RTX 4090), "
        "the rest runs from main memory."
    )
    too_large = judged(machine(16 * GB, 12 * GB, gpus=(card(4 * GB),)), 60 * GB)
    assert too_large.verdict is Verdict.TOO_LARGE
    assert "at most 18.0 GB can be used" in too_large.reason


def test_a_small_card_beside_ample_memory_takes_nothing_away() -> None:
    fit = judged(machine(16 * GB, 12 * GB, gpus=(card(4 * GB),)))
    assert fit.verdict is Verdict.COMPATIBLE
    assert fit.reason == (
        "Needs 6.24 GB of memory; 12.0 GB free of 16.0 GB, "
        "and 64 % fit on the GPU (4.00 GB free of 24.0 GB on RTX 4090)."
    )


def test_a_card_that_would_hold_next_to_nothing_is_not_mentioned() -> None:
    fit = judged(machine(16 * GB, 12 * GB, gpus=(card(GB // 2),)))
    assert fit.reason == "Needs 6.24 GB of memory; 12.0 GB free of 16.0 GB."


def test_a_gpu_that_shares_the_memory_does_not_add_to_it() -> None:
    shared = Gpu(id="Vulkan0", name="iGPU", total_bytes=16 * GB, free_bytes=16 * GB, unified=True)
    device = machine(8 * GB, 4 * GB, gpus=(shared,))
    assert judged(device, 9 * GB).verdict is Verdict.TOO_LARGE
    assert memory_available(device) == 4 * GB


def test_apple_silicon_gives_three_quarters_of_its_memory_to_the_gpu() -> None:
    assert judged(mac(16 * GB, 14 * GB), 5 * GB).verdict is Verdict.COMPATIBLE
    assert judged(mac(16 * GB, 14 * GB), 5 * GB).available_bytes == 12 * GB
    assert judged(mac(16 * GB, 14 * GB), 10 * GB).verdict is Verdict.TIGHT
    partial = judged(mac(16 * GB, 15 * GB), 12 * GB)
    assert partial.verdict is Verdict.PARTIAL
    assert "the GPU may use 12.0 GB of 16.0 GB, the rest runs on the processor" in partial.reason
    assert judged(mac(16 * GB, 15 * GB), 13 * GB).verdict is Verdict.TOO_LARGE


def test_memory_available_is_the_larger_of_the_two_pools() -> None:
    assert memory_available(machine(16 * GB, 12 * GB)) == 12 * GB
    assert memory_available(machine(16 * GB, 12 * GB, gpus=(card(20 * GB),))) == 20 * GB
    assert memory_available(machine(16 * GB, 16 * GB)) == 14 * GB


def test_mlx_models_say_where_they_would_run_and_that_nothing_here_runs_them_yet() -> None:
    for device in (machine(), machine(os="macos", arch="x86_64"), machine(arch="arm64")):
        fit = judged(device, format_=Format.MLX)
        assert fit.verdict is Verdict.UNSUPPORTED
        assert fit.reason.startswith("MLX models need macOS on Apple silicon; this is ")
    fit = judged(mac(), format_=Format.MLX)
    assert fit.verdict is Verdict.UNSUPPORTED
    assert fit.reason.endswith("MLX, which nothing here runs yet.")


def test_safetensors_are_not_run_by_llama_server() -> None:
    fit = judged(mac(), format_=Format.SAFETENSORS)
    assert fit.verdict is Verdict.UNSUPPORTED
    assert fit.reason == "llama-server runs GGUF files, and these are safetensors."


def test_a_declared_minimum_may_be_met_by_the_graphics_card() -> None:
    demanding = Hardware(min_ram_bytes=32 * GB, recommended_ram_bytes=40 * GB)
    assert judged(machine(gpus=(card(20 * GB),)), hardware=demanding).verdict is Verdict.COMPATIBLE
    assert judged(machine(), hardware=demanding).reason == (
        "The catalog states a minimum of 32.0 GB of memory; this machine has 16.0 GB."
    )


@pytest.mark.parametrize(
    ("hardware", "verdict"),
    [
        (Hardware(os=("linux",)), Verdict.COMPATIBLE),
        (Hardware(os=("Linux", "macos"), arch=("amd64",)), Verdict.COMPATIBLE),
        (Hardware(os=("darwin",)), Verdict.UNSUPPORTED),
        (Hardware(arch=("aarch64",)), Verdict.UNSUPPORTED),
        (Hardware(min_ram_bytes=32 * GB), Verdict.TOO_LARGE),
        (Hardware(min_ram_bytes=17 * GB), Verdict.COMPATIBLE),
        (Hardware(recommended_ram_bytes=32 * GB), Verdict.TIGHT),
        (Hardware(recommended_ram_bytes=16 * GB), Verdict.COMPATIBLE),
    ],
)
def test_declared_hardware_only_makes_a_verdict_stricter(hardware: Hardware, verdict: Verdict) -> None:
    fit = judged(machine(), hardware=hardware)
    assert fit.verdict is verdict
    assert fit.reason.endswith(".")
    assert judged(machine(), 200 * GB, hardware=hardware).verdict not in (Verdict.COMPATIBLE, Verdict.TIGHT)


def test_a_declared_system_is_named_in_the_reason() -> None:
    assert judged(machine(), hardware=Hardware(os=("macos", "windows"))).reason == (
        "The catalog names another system (macOS, Windows); this is Linux on x86_64."
    )
    assert judged(machine(), hardware=Hardware(recommended_ram_bytes=32 * GB)).reason.endswith(
        "The catalog recommends 32.0 GB of memory, this machine has 16.0 GB."
    )


def test_a_download_needs_its_room_on_disk_less_the_reserve() -> None:
    fit = judged(machine(disk_free=6 * GB, reserve=2 * GB))
    assert fit.verdict is Verdict.TOO_LARGE
    assert fit.reason == ("The download takes 5.00 GB of disk; 4.00 GB can be used (2.00 GB are kept free).")
    assert (fit.needed_bytes, fit.available_bytes) == (5 * GB, 4 * GB)
    assert judged(machine(disk_free=GB)).reason == "The download takes 5.00 GB of disk; 1.00 GB can be used."
    assert judged(machine(disk_free=7 * GB, reserve=2 * GB)).verdict is Verdict.COMPATIBLE
    assert judged(machine(disk_free=0), installed=True).verdict is Verdict.COMPATIBLE
    assert judged(machine(disk_free=None)).verdict is Verdict.COMPATIBLE


def test_without_sizes_the_parameters_and_the_quantization_tell_about_how_much() -> None:
    fit = judged(machine(), None, parameters=8 * 10**9)
    assert fit.verdict is Verdict.COMPATIBLE
    assert fit.reason.startswith("Needs about 6.14 GB of memory")
    assert judged(machine(), None).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("quantization", "gigabytes"),
    [("Q4_K_M", 4.9), ("UD-IQ2_XXS", 2.7), ("F16", 16.0), ("BF16", 16.0), ("4bit", 4.5), ("Q8_0", 8.5)],
)
def test_a_quantization_has_its_usual_bits(quantization: str, gigabytes: float) -> None:
    found = judge(
        option(None, quantization=quantization),
        architecture=LLAMA_8B,
        hardware=NO_DEMANDS,
        parameters=8 * 10**9,
        device=machine(64 * GB, 60 * GB),
        installed=False,
    )
    assert found.needed_bytes == total(round(gigabytes * GB))


def test_an_unknown_quantization_leaves_the_size_unknown() -> None:
    for name in ("XYZ", ""):
        odd = option(None, quantization=name)
        fit = judge(
            odd,
            architecture=LLAMA_8B,
            hardware=NO_DEMANDS,
            parameters=8 * 10**9,
            device=machine(),
            installed=False,
        )
        assert fit.verdict is Verdict.UNKNOWN


def test_only_the_files_that_are_loaded_count_as_weights() -> None:
    files = (
        OptionFile(name="x-1.gguf", role=Role.SHARD, size_bytes=2 * GB),
        OptionFile(name="x-2.gguf", role=Role.SHARD, size_bytes=2 * GB),
        OptionFile(name="mmproj.gguf", role=Role.PROJECTOR, size_bytes=GB),
        OptionFile(name="draft.gguf", role=Role.DRAFT, size_bytes=7 * GB),
        OptionFile(name="config.json", size_bytes=GB),
    )
    several = Option(id="x", format=Format.GGUF, size_bytes=13 * GB, files=files)

    def needed(it: Option) -> int | None:
        return judge(
            it,
            architecture=LLAMA_8B,
            hardware=NO_DEMANDS,
            parameters=None,
            device=machine(64 * GB, 60 * GB),
            installed=False,
        ).needed_bytes

    for_images = GB // 2
    assert needed(several) == total(5 * GB) + for_images
    unsized = msgspec.structs.replace(several, files=(*files, OptionFile(name="x-3.gguf", role=Role.SHARD)))
    assert needed(unsized) == total(13 * GB) + for_images
    assert needed(msgspec.structs.replace(several, files=())) == total(13 * GB)


def test_what_is_set_aside_for_images_is_told_before_the_download() -> None:
    def reason(*projectors: OptionFile) -> str:
        files = (OptionFile(name="x.gguf", size_bytes=5 * GB), *projectors)
        seeing = Option(id="x", format=Format.GGUF, size_bytes=5 * GB, files=files)
        return judge(
            seeing,
            architecture=LLAMA_8B,
            hardware=NO_DEMANDS,
            parameters=None,
            device=machine(64 * GB, 60 * GB),
            installed=False,
        ).reason

    assert reason().startswith("Needs 6.24 GB of memory; ")
    sized = reason(OptionFile(name="mmproj.gguf", role=Role.PROJECTOR, size_bytes=GB))
    assert sized.startswith("Needs about 7.74 GB of memory, 500 MB of it set aside for looking at images; ")
    unsized = reason(OptionFile(name="mmproj.gguf", role=Role.PROJECTOR))
    assert "67.1 MB of it set aside for looking at images" in unsized


def test_a_model_of_unknown_shape_is_judged_as_far_as_its_weights_allow() -> None:
    unknown = Architecture()
    small = judged(machine(), 2 * GB, architecture=unknown)
    assert small.verdict is Verdict.COMPATIBLE
    assert "does not state its shape" in small.reason
    assert small.assumes is None
    middling = judged(machine(), 9 * GB, architecture=unknown)
    assert middling.verdict is Verdict.UNKNOWN
    assert "9.00 GB" in middling.reason
    large = judged(machine(), 15 * GB, architecture=unknown)
    assert large.verdict is Verdict.TOO_LARGE
    assert "15.0 GB" in large.reason
    assert (
        judged(
            machine(), 2 * GB, architecture=unknown, hardware=Hardware(recommended_ram_bytes=64 * GB)
        ).verdict
        is Verdict.TIGHT
    )


def test_the_assumed_context_is_the_models_own_up_to_8192() -> None:
    assert default_ctx(LLAMA_8B) == 8192
    assert default_ctx(Architecture(context_length=512)) == 512
    assert default_ctx(Architecture()) == 8192


def pair(verdict: Verdict, size: int | None) -> tuple[Option, Fit]:
    return option(size), Fit(verdict=verdict, reason="x")


def test_a_bare_download_takes_the_largest_compatible_option() -> None:
    options = [pair(Verdict.TIGHT, 9), pair(Verdict.COMPATIBLE, 3), pair(Verdict.COMPATIBLE, 5)]
    best = best_option([*options, pair(Verdict.COMPATIBLE, 4)])
    assert best is options[2][0]


def test_else_the_smallest_tight_else_the_smallest_partial_else_none() -> None:
    tight = [pair(Verdict.TIGHT, 9), pair(Verdict.TIGHT, 8), pair(Verdict.PARTIAL, 1)]
    assert best_option(tight) is tight[1][0]
    partial = [pair(Verdict.TOO_LARGE, 1), pair(Verdict.PARTIAL, 6), pair(Verdict.PARTIAL, 5)]
    assert best_option(partial) is partial[2][0]
    none = [pair(Verdict.TOO_LARGE, 1), pair(Verdict.UNKNOWN, 1), pair(Verdict.UNSUPPORTED, 1)]
    assert best_option(none) is None
    assert best_option([]) is None


def test_the_least_bad_option_has_the_best_verdict_and_then_the_smallest_size() -> None:
    options = [pair(Verdict.UNSUPPORTED, 1), pair(Verdict.TOO_LARGE, 9), pair(Verdict.TOO_LARGE, 7)]
    assert least_bad(options) is options[2]
    unclear = [*options, pair(Verdict.UNKNOWN, 8)]
    assert least_bad(unclear) is unclear[3], "it may run yet"
    unsized = [*options, pair(Verdict.TOO_LARGE, None)]
    assert least_bad(unsized) is unsized[3]
    assert least_bad([]) is None


sizes = st.integers(0, 200 * GB)
gpus = st.lists(
    st.builds(
        Gpu,
        id=st.just("0"),
        name=st.just("GPU"),
        total_bytes=st.just(200 * GB),
        free_bytes=sizes,
        unified=st.booleans(),
    ),
    max_size=3,
).map(tuple)
devices = st.builds(
    machine,
    sizes,
    sizes,
    gpus=gpus,
    os=st.sampled_from(["linux", "macos"]),
    arch=st.sampled_from(["x86_64", "arm64"]),
)


@given(devices, sizes, sizes)
def test_a_smaller_option_never_fits_worse(device: Device, one: int, other: int) -> None:
    small, large = sorted((one, other))
    better, worse = judged(device, small).verdict, judged(device, large).verdict
    assert BEST_FIRST.index(better) <= BEST_FIRST.index(worse)


@given(devices, sizes)
def test_a_graphics_card_never_makes_a_verdict_worse(device: Device, size: int) -> None:
    without = judged(msgspec.structs.replace(device, gpus=()), size).verdict
    assert BEST_FIRST.index(judged(device, size).verdict) <= BEST_FIRST.index(without)


@given(devices, sizes, st.booleans())
def test_every_reason_is_one_clear_sentence_or_two(device: Device, size: int, installed: bool) -> None:
    fit = judged(device, size, installed=installed)
    assert fit.reason[0].isupper()
    assert fit.reason.endswith(".")
    assert fit.reason.isprintable()
