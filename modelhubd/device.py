"""What this machine is: memory, disk, processor, processes. The only module that imports psutil."""

import contextlib
import ctypes
import ctypes.util
import os
import platform
import re
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from modelhubd.wire.device import Device, Gpu, LlamaBuild

_OS_NAMES = {"linux": "linux", "darwin": "macos", "win32": "windows"}
_ARCH_NAMES = {"amd64": "x86_64", "x64": "x86_64", "aarch64": "arm64"}
_CGROUP = Path("/sys/fs/cgroup")
_LISTED_FEATURES = (
    "sse4_2",
    "avx",
    "f16c",
    "fma",
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_int8",
    "asimd",
    "asimdhp",
    "asimddp",
    "i8mm",
    "bf16",
    "sve",
    "sve2",
    "sme",
)
"""Instruction sets that llama.cpp has kernels for, as Linux names them."""
_MACOS_FEATURES = {
    "hw.optional.neon": "asimd",
    "hw.optional.arm.FEAT_DotProd": "asimddp",
    "hw.optional.arm.FEAT_I8MM": "i8mm",
    "hw.optional.arm.FEAT_BF16": "bf16",
    "hw.optional.arm.FEAT_SME": "sme",
    "hw.optional.avx2_0": "avx2",
    "hw.optional.avx512f": "avx512f",
}


class DeviceProbe:
    """Measures this machine. What cannot change while it runs is read once."""

    def __init__(self, models_dir: Path, reserve_bytes: int, home: Path) -> None:
        self._models_dir = models_dir
        self._reserve_bytes = reserve_bytes
        self._shown_dir = shown_path(models_dir, home)
        self._os = _OS_NAMES.get(sys.platform, sys.platform)
        self._os_version = _os_version()
        machine = platform.machine().lower()
        self._arch = _ARCH_NAMES.get(machine, machine)
        self._cpu_model, self._cpu_features = _cpu()
        self._threads = _cpu_threads()
        self._cores = min(psutil.cpu_count(logical=False) or self._threads, self._threads)

    def probe(self, gpus: Iterable[Gpu] = (), llama_servers: Iterable[LlamaBuild] = ()) -> Device:
        """The machine as it is now, with what llama-server builds told of themselves."""
        total, available = _memory()
        disk = _disk(self._models_dir)
        return Device(
            os=self._os,
            os_version=self._os_version,
            arch=self._arch,
            cpu_model=self._cpu_model,
            cpu_cores=self._cores,
            cpu_threads=self._threads,
            cpu_features=self._cpu_features,
            ram_total_bytes=total,
            ram_available_bytes=available,
            models_dir=self._shown_dir,
            models_dir_present=os.path.isdir(self._models_dir),  # noqa: PTH112  # Path.is_dir raises on EIO
            disk_total_bytes=None if disk is None else disk[0],
            disk_free_bytes=None if disk is None else disk[1],
            reserve_bytes=self._reserve_bytes,
            gpus=tuple(gpus),
            llama_servers=tuple(llama_servers),
        )


def available_ram() -> int:
    """Bytes of memory that programs can still get without swapping."""
    return _memory()[1]


def disk_free(path: Path) -> int | None:
    """Bytes this user may still write where `path` is or will be; None where that cannot be told."""
    disk = _disk(path)
    return None if disk is None else disk[1]


def rss_bytes(pid: int | None = None) -> int | None:
    """Resident memory of a process, of this one without a pid; None where it is gone."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def cpu_seconds(pid: int) -> float | None:
    """Processor time that a process has used; None where it is gone."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)


def process_start_time(pid: int) -> float | None:
    """When a process started: with the pid and the boot id it names a process for good, even if the clock
    is set. In seconds since the boot on Linux, since the epoch elsewhere. None where it is gone, or only
    waits to be reaped."""
    if sys.platform == "linux":
        return _start_since_boot(Path(f"/proc/{pid}/stat"))
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _start_since_boot(stat_file: Path) -> float | None:
    try:
        text = stat_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()  # the name in brackets may hold anything
    return None if state in "ZX" else int(fields[18]) / os.sysconf("SC_CLK_TCK")


def boot_id() -> str:
    """A word that changes with every boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return _sysctl("kern.bootsessionuuid") or f"{psutil.boot_time():.0f}"


def shown_path(path: Path, home: Path) -> str:
    """`path` with the home folder as `~`. Outside it a user's name cannot be told from a folder's."""
    try:
        inside = path.relative_to(home)
    except ValueError:
        return str(path)
    return f"~/{inside}" if inside.parts else "~"


def _memory() -> tuple[int, int]:
    """(total, available) bytes, within the limit a container sets."""
    memory = psutil.virtual_memory()
    return within_limit(memory.total, memory.available, _read_cgroup(_CGROUP))


def within_limit(total: int, available: int, cgroup: Mapping[str, str]) -> tuple[int, int]:
    """(total, available) under the memory limit that a cgroup's files state, if they state one."""
    limit = cgroup.get("memory.max", "max").strip()
    if not limit.isdecimal() or int(limit) >= total:
        return total, available
    used = cgroup.get("memory.current", "0").strip()
    inactive = re.search(r"^inactive_file (\d+)$", cgroup.get("memory.stat", ""), re.MULTILINE)
    held = (int(used) if used.isdecimal() else 0) - (int(inactive[1]) if inactive else 0)
    return int(limit), max(0, min(available, int(limit) - max(0, held)))


def _read_cgroup(folder: Path) -> dict[str, str]:
    files = {}
    for name in ("memory.max", "memory.current", "memory.stat"):
        try:
            files[name] = (folder / name).read_text(encoding="ascii")
        except OSError:
            return {}
    return files


def _disk(path: Path) -> tuple[int, int] | None:
    """(total, free for this user) of the disk that holds `path`, or would once it is made."""
    for folder in (path, *path.parents):
        try:
            usage = psutil.disk_usage(str(folder))
        except FileNotFoundError:
            continue
        except OSError:
            return None
        return usage.total, usage.free
    return None


def _cpu_threads() -> int:
    """Threads this process may run on, which a container or a mask may limit."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return psutil.cpu_count() or 1


def _os_version() -> str:
    if sys.platform == "darwin":
        return platform.mac_ver()[0]
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.release()


def _cpu() -> tuple[str | None, tuple[str, ...]]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        features = sorted({name for key, name in _MACOS_FEATURES.items() if _sysctl_flag(key)})
        return _sysctl("machdep.cpu.brand_string"), tuple(features)
    return read_cpuinfo(text)


def read_cpuinfo(text: str) -> tuple[str | None, tuple[str, ...]]:
    """(model name, features that matter) from Linux's `/proc/cpuinfo`; many ARM boards name no model."""
    model = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(\S.*)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    present = set(flags[1].split()) if flags else set()
    return (model[1].strip() if model else None), tuple(f for f in _LISTED_FEATURES if f in present)


def _sysctl_raw(name: str) -> bytes | None:
    """A value of macOS's sysctl; None where there is none."""
    if sys.platform != "darwin":
        return None
    library = ctypes.CDLL(ctypes.util.find_library("c"))
    size = ctypes.c_size_t(0)
    if library.sysctlbyname(name.encode(), None, ctypes.byref(size), None, ctypes.c_size_t(0)) != 0:
        return None
    value = ctypes.create_string_buffer(size.value)
    if library.sysctlbyname(name.encode(), value, ctypes.byref(size), None, ctypes.c_size_t(0)) != 0:
        return None
    return value.raw[: size.value]


def _sysctl(name: str) -> str | None:
    raw = _sysctl_raw(name)
    return None if raw is None else raw.rstrip(b"\0").decode("utf-8", "replace")


def _sysctl_flag(name: str) -> bool:
    raw = _sysctl_raw(name)
    return raw is not None and any(raw)


def step_back(*, idle: bool) -> None:
    """Have this thread yield to everybody else, for the rest of its life: processor and, on Linux, disk. With
    `idle` it reads only while nobody else does. On macOS a thread has no priority of its own to lower."""
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    with contextlib.suppress(OSError, psutil.Error):
        os.setpriority(os.PRIO_PROCESS, thread, 19 if idle else 10)
        if idle:
            psutil.Process(thread).ionice(psutil.IOPRIO_CLASS_IDLE)


def on_battery() -> bool:
    """Whether this machine lives on its battery just now; no where it has none, or does not tell."""
    with contextlib.suppress(OSError, AttributeError, psutil.Error, ValueError):
        battery = psutil.sensors_battery()
        return battery is not None and battery.power_plugged is False
    return False
