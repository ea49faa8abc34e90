"""Machines to judge for."""

from modelhubd.wire.architecture import Architecture
from modelhubd.wire.device import Device, Gpu

GB = 1_000_000_000
MIB = 1024 * 1024


def machine(
    ram: int = 16 * GB,
    free: int = 12 * GB,
    *,
    os: str = "linux",
    arch: str = "x86_64",
    gpus: tuple[Gpu, ...] = (),
    disk_free: int | None = 500 * GB,
    reserve: int = 0,
) -> Device:
    return Device(
        os=os,
        os_version="1",
        arch=arch,
        cpu_model=None,
        cpu_cores=4,
        cpu_threads=8,
        ram_total_bytes=ram,
        ram_available_bytes=free,
        models_dir="~/models",
        models_dir_present=True,
        disk_total_bytes=None if disk_free is None else 1000 * GB,
        disk_free_bytes=disk_free,
        reserve_bytes=reserve,
        gpus=gpus,
    )


def mac(ram: int = 16 * GB, free: int = 12 * GB) -> Device:
    unified = Gpu(id="MTL0", name="Apple M3", total_bytes=ram, free_bytes=ram, unified=True)
    return machine(ram, free, os="macos", arch="arm64", gpus=(unified,))


def card(free: int, total: int = 24 * GB) -> Gpu:
    return Gpu(id="CUDA0", name="RTX 4090", total_bytes=total, free_bytes=free)


LLAMA_8B = Architecture(
    family="llama",
    n_layers=32,
    n_heads=32,
    n_kv_heads=8,
    head_dim_k=128,
    head_dim_v=128,
    hidden_size=4096,
    feed_forward_size=14336,
    vocab_size=128256,
    context_length=131072,
)
