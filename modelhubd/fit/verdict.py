"""Whether an option runs on this device, with a reason in words.

Where the limits lie, so that a badge does not flicker with every program somebody opens: `too_large` is
weighed against what the machine *has* (all memory less what the system keeps), `compatible` against what
is free *now* (85 % of it), and what lies between is `tight`. A graphics card counts with its free memory,
and never makes a verdict worse than it would be without: the better of card and main memory alone counts,
and what only both together hold is `partial`. On Apple silicon three quarters of the memory are usable by
the GPU. Declared hardware can only make a verdict stricter.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from modelhubd.fit.estimate import MemoryNeed, estimate
from modelhubd.fit.memory import all_memory, gpu_memory, kept_by_system, main_memory
from modelhubd.fit.memory import memory_available as memory_available
from modelhubd.fit.vision import assumed_encoder_bytes
from modelhubd.fit.weights import weights_of
from modelhubd.wire.architecture import Architecture
from modelhubd.wire.catalog import Format, Hardware, OptionFile, Role
from modelhubd.wire.device import Device
from modelhubd.wire.fit import Assumes, Fit, Verdict
from modelhubd.wire.units import human_bytes

ASSUMED_CTX = 8192
KV_TYPE = "f16"
COMFORT = 0.85
"""Share of the free memory that a compatible model may take."""
DECLARED_SHARE = 0.92
"""A machine sold with so much memory shows a little less: firmware keeps a part."""
GPU_WORTHWHILE = 10
"""Per cent of a model from which on the part that a graphics card holds is told."""

_OS_NAMES = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}
_ALIASES = {"darwin": "macos", "amd64": "x86_64", "x64": "x86_64", "aarch64": "arm64"}


class AnOption(Protocol):
    """What a judgement reads of an option: the catalog's own or a judged one."""

    @property
    def format(self) -> Format: ...
    @property
    def size_bytes(self) -> int | None: ...
    @property
    def quantization(self) -> str | None: ...
    @property
    def files(self) -> tuple[OptionFile, ...]: ...


class Sized(Protocol):
    """An option as far as choosing one goes."""

    @property
    def size_bytes(self) -> int | None: ...


S = TypeVar("S", bound=Sized)
BEST_FIRST = (
    Verdict.COMPATIBLE,
    Verdict.TIGHT,
    Verdict.PARTIAL,
    Verdict.UNKNOWN,
    Verdict.TOO_LARGE,
    Verdict.UNSUPPORTED,
)
"""Verdicts by what somebody would rather try: what cannot be told may run yet."""


def default_ctx(architecture: Architecture) -> int:
    """The context length a verdict assumes: the model's own, at most 8192."""
    return min(architecture.context_length or ASSUMED_CTX, ASSUMED_CTX)


def judge(
    option: AnOption,
    *,
    architecture: Architecture,
    hardware: Hardware,
    parameters: int | None,
    device: Device,
    installed: bool,
    ctx: int | None = None,
) -> Fit:
    """The verdict for one option on this device, with a context of `ctx` tokens, `default_ctx` if None."""
    for refusal in _refusals(option, hardware, device, installed):
        return refusal
    weights, exact = weights_of(option, parameters)
    if weights is None:
        return Fit(verdict=Verdict.UNKNOWN, reason="The catalog states neither the size nor the parameters.")
    ctx = ctx or default_ctx(architecture)
    need = estimate(architecture, weights, ctx=ctx, kv_type_k=KV_TYPE, kv_type_v=KV_TYPE)
    encoder = _assumed_encoder(option)
    fit = _rough(weights, device) if need is None else _weigh(need, encoder, ctx, device, exact=exact)
    recommended = hardware.recommended_ram_bytes
    if (
        fit.verdict is Verdict.COMPATIBLE
        and recommended is not None
        and all_memory(device) < recommended * DECLARED_SHARE
    ):
        return _changed(
            fit,
            Verdict.TIGHT,
            f"{fit.reason} The catalog recommends {human_bytes(recommended)} of memory, this machine has "
            f"{human_bytes(all_memory(device))}.",
        )
    return fit


def _refusals(option: AnOption, hardware: Hardware, device: Device, installed: bool) -> Iterator[Fit]:
    """Reasons that need no memory estimate, the most final first."""
    if option.format is Format.SAFETENSORS:
        yield _unsupported("llama-server runs GGUF files, and these are safetensors.")
    if option.format is Format.MLX and not device.apple_silicon:
        yield _unsupported(f"MLX models need macOS on Apple silicon; this is {_machine(device)}.")
    if option.format is Format.MLX:
        yield _unsupported(
            "llama-server runs GGUF files, and these are for MLX, which nothing here runs yet."
        )
    for declared, own, what in (
        (hardware.os, device.os, "system"),
        (hardware.arch, device.arch, "processor"),
    ):
        known = [_ALIASES.get(value.lower(), value.lower()) for value in declared]
        if known and own not in known:
            names = ", ".join(_OS_NAMES.get(value, value) for value in known)
            yield _unsupported(f"The catalog names another {what} ({names}); this is {_machine(device)}.")
    minimum, installed_memory = hardware.min_ram_bytes, all_memory(device)
    if minimum is not None and installed_memory < minimum * DECLARED_SHARE:
        yield Fit(
            verdict=Verdict.TOO_LARGE,
            reason=f"The catalog states a minimum of {human_bytes(minimum)} of memory; this machine has "
            f"{human_bytes(installed_memory)}.",
            needed_bytes=minimum,
            available_bytes=installed_memory,
        )
    size, free = option.size_bytes, device.disk_free_bytes
    if not installed and size is not None and free is not None and size > free - device.reserve_bytes:
        room = max(0, free - device.reserve_bytes)
        kept = f" ({human_bytes(device.reserve_bytes)} are kept free)" if device.reserve_bytes else ""
        yield Fit(
            verdict=Verdict.TOO_LARGE,
            reason=f"The download takes {human_bytes(size)} of disk; {human_bytes(room)} can be used{kept}.",
            needed_bytes=size,
            available_bytes=room,
        )


def _assumed_encoder(option: AnOption) -> int:
    """What an option with a projector takes for images. A bound: no catalog states its encoder's shape."""
    projectors = [file for file in option.files if file.role is Role.PROJECTOR]
    return assumed_encoder_bytes(sum(file.size_bytes or 0 for file in projectors)) if projectors else 0


def _weigh(need: MemoryNeed, encoder: int, ctx: int, device: Device, *, exact: bool) -> Fit:
    total = need.total_bytes + encoder
    needs = f"Needs {'' if exact and not encoder else 'about '}{human_bytes(total)} of memory"
    if encoder:
        needs += f", {human_bytes(encoder)} of it set aside for looking at images"
    main, gpu = main_memory(device), gpu_memory(device)

    def fit(verdict: Verdict, reason: str, available: int) -> Fit:
        assumes = Assumes(ctx=ctx, kv_type=KV_TYPE)
        return Fit(
            verdict=verdict, reason=reason, needed_bytes=total, available_bytes=available, assumes=assumes
        )

    share = min(100, 100 * gpu.free // total)
    part = f"{share} % fit on the GPU ({gpu.words})"
    beside = f", and {part}" if share >= GPU_WORTHWHILE else ""
    if total <= gpu.free * COMFORT:
        return fit(Verdict.COMPATIBLE, f"{needs}; {gpu.words}.", gpu.free)
    if total <= main.free * COMFORT:
        return fit(Verdict.COMPATIBLE, f"{needs}; {main.words}{beside}.", main.free)
    if total <= gpu.free:
        return fit(Verdict.TIGHT, f"{needs}; just fits: {gpu.words}.", gpu.free)
    if total <= main.free:
        return fit(Verdict.TIGHT, f"{needs}; just fits: {main.words}{beside}.", main.free)
    if total <= main.usable:
        words = f"only {main.words}{beside}: close other programs first"
        return fit(Verdict.TIGHT, f"{needs}; {words}.", main.free)
    if total <= main.usable + gpu.free:
        return fit(Verdict.PARTIAL, f"{needs}; {part}, the rest runs from main memory.", gpu.free)
    ram = device.ram_total_bytes
    if device.apple_silicon and total <= ram - kept_by_system(ram):
        words = f"the GPU may use {human_bytes(main.usable)} of {human_bytes(ram)}"
        return fit(Verdict.PARTIAL, f"{needs}; {words}, the rest runs on the processor.", main.usable)
    limit = main.usable + gpu.usable
    return fit(Verdict.TOO_LARGE, f"{needs}; at most {human_bytes(limit)} can be used here.", limit)


def _rough(weights: int, device: Device) -> Fit:
    """The verdict where the shape is unknown: what its weights alone tell, with half as much again and 1 GiB
    to be on the safe side."""
    main, gpu = main_memory(device), gpu_memory(device)
    limit, free = main.usable + gpu.usable, memory_available(device)
    if weights > limit:
        return Fit(
            verdict=Verdict.TOO_LARGE,
            reason=f"Its weights alone take {human_bytes(weights)}; at most {human_bytes(limit)} can be used "
            "here.",
            needed_bytes=weights,
            available_bytes=limit,
        )
    generous = weights + weights // 2 + (1 << 30)
    if generous <= free * COMFORT:
        return Fit(
            verdict=Verdict.COMPATIBLE,
            reason=f"Its weights take {human_bytes(weights)}, which leaves ample room in the "
            f"{human_bytes(free)} that are free; the catalog does not state its shape.",
            needed_bytes=generous,
            available_bytes=free,
        )
    return Fit(
        verdict=Verdict.UNKNOWN,
        reason=f"Its weights take {human_bytes(weights)} and {human_bytes(free)} are free; what it needs "
        "besides cannot be told, because the catalog does not state its shape.",
        needed_bytes=weights,
        available_bytes=free,
    )


def _machine(device: Device) -> str:
    return f"{_OS_NAMES.get(device.os, device.os)} on {device.arch}"


def _unsupported(reason: str) -> Fit:
    return Fit(verdict=Verdict.UNSUPPORTED, reason=reason)


def _changed(fit: Fit, verdict: Verdict, reason: str) -> Fit:
    return Fit(
        verdict=verdict,
        reason=reason,
        needed_bytes=fit.needed_bytes,
        available_bytes=fit.available_bytes,
        assumes=fit.assumes,
    )


def best_option(judged: Sequence[tuple[S, Fit]]) -> S | None:
    """The default of a download: the largest `compatible` option, else the smallest `tight`, else the
    smallest `partial`; None where there is none of these (refused). The first listed wins a draw."""
    for verdict in (Verdict.COMPATIBLE, Verdict.TIGHT, Verdict.PARTIAL):
        options = [option for option, fit in judged if fit.verdict is verdict]
        if options:
            return max(options, key=_size) if verdict is Verdict.COMPATIBLE else min(options, key=_size)
    return None


def least_bad(judged: Sequence[tuple[S, Fit]]) -> tuple[S, Fit] | None:
    """What a model without a best option is shown with: the best verdict, then the smallest size; None
    where there are no options."""
    if not judged:
        return None
    return min(judged, key=lambda pair: (BEST_FIRST.index(pair[1].verdict), _size(pair[0])))


def _size(option: Sized) -> int:
    return option.size_bytes or 0
