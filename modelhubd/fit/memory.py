"""The memory of a device that models may use."""

from typing import NamedTuple

from modelhubd.wire.device import Device
from modelhubd.wire.units import human_bytes

MIB = 1024 * 1024
UNIFIED_SHARE = 0.75
"""Part of unified memory that macOS lets the GPU use."""


class Memory(NamedTuple):
    """Bytes free now, bytes usable at all, and how a sentence names them."""

    free: int
    usable: int
    words: str


def kept_by_system(total: int) -> int:
    """Memory that no model gets: an eighth, at least 512 MiB and at most 2 GiB."""
    return max(512 * MIB, min(total // 8, 2048 * MIB))


def main_memory(device: Device) -> Memory:
    """The processor's memory; on Apple silicon the part of it that the GPU may use."""
    total = device.ram_total_bytes
    usable = max(0, total - kept_by_system(total))
    if device.apple_silicon:
        usable = min(usable, int(total * UNIFIED_SHARE))
    free = min(device.ram_available_bytes, usable)
    return Memory(free, usable, f"{human_bytes(free)} free of {human_bytes(total)}")


def gpu_memory(device: Device) -> Memory:
    """Cards with memory of their own, together."""
    cards = [] if device.apple_silicon else [gpu for gpu in device.gpus if not gpu.unified]
    free = sum(card.free_bytes for card in cards)
    total = sum(card.total_bytes for card in cards)
    name = cards[0].name if len(cards) == 1 else f"{len(cards)} GPUs"
    return Memory(free, free, f"{human_bytes(free)} free of {human_bytes(total)} on {name}")


def all_memory(device: Device) -> int:
    """Bytes of memory this machine was built with: the main memory and that of its graphics cards."""
    cards = () if device.apple_silicon else device.gpus
    return device.ram_total_bytes + sum(card.total_bytes for card in cards if not card.unified)


def memory_available(device: Device) -> int:
    """Memory a model could take now, in bytes: the GPU's where that is more than the main memory's."""
    return max(main_memory(device).free, gpu_memory(device).free)
