import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from modelhubd import device
from modelhubd.device import (
    DeviceProbe,
    available_ram,
    boot_id,
    disk_free,
    process_start_time,
    read_cpuinfo,
    rss_bytes,
    shown_path,
    within_limit,
)
from modelhubd.wire.device import Gpu, LlamaBuild

GB = 1_000_000_000


def test_the_probe_tells_what_this_machine_is(tmp_path: Path) -> None:
    gpu = Gpu(id="CUDA0", name="x", total_bytes=2, free_bytes=1)
    build = LlamaBuild(id="a", origin="path", version="b1")
    found = DeviceProbe(tmp_path, 7, tmp_path.parent).probe([gpu], [build])
    assert found.os in ("linux", "macos", "windows")
    assert found.arch in ("x86_64", "arm64")
    assert found.os_version
    assert 0 < found.cpu_cores <= found.cpu_threads
    assert 0 < found.ram_available_bytes <= found.ram_total_bytes
    assert found.models_dir == f"~/{tmp_path.name}"
    assert found.models_dir_present
    assert found.disk_total_bytes is not None
    assert found.disk_free_bytes is not None
    assert 0 <= found.disk_free_bytes <= found.disk_total_bytes
    assert found.reserve_bytes == 7
    assert found.gpus == (gpu,)
    assert found.llama_servers == (build,)


def test_a_models_directory_that_is_not_there_yet_has_the_disk_of_the_folder_above(tmp_path: Path) -> None:
    found = DeviceProbe(tmp_path / "not" / "yet", 0, Path("/nobody")).probe()
    assert not found.models_dir_present
    assert found.disk_free_bytes is not None
    assert found.models_dir == str(tmp_path / "not" / "yet")
    assert disk_free(tmp_path / "not" / "yet") is not None


def test_free_disk_that_cannot_be_told_is_none(tmp_path: Path) -> None:
    assert disk_free(tmp_path / ("x" * 300)) is None
    (tmp_path / "file").touch()
    assert disk_free(tmp_path / "file" / "below") is None


def test_a_models_directory_that_cannot_be_looked_at_is_not_there(tmp_path: Path) -> None:
    """A failing disk and a lost network share raise errors other than "not found"."""
    found = DeviceProbe(tmp_path / ("x" * 300), 0, Path("/nobody")).probe()
    assert not found.models_dir_present


def test_the_home_folder_is_shown_as_a_tilde() -> None:
    home = Path("/home/somebody")
    assert shown_path(home / "models", home) == "~/models"
    assert shown_path(home, home) == "~"
    assert shown_path(Path("/data/models"), home) == "/data/models"


def test_memory_of_processes_is_measured() -> None:
    mine = rss_bytes()
    assert mine is not None
    assert mine > 1_000_000
    assert rss_bytes(os.getpid()) is not None
    assert available_ram() > 0


def test_a_process_that_is_gone_or_a_zombie_has_no_start_time_or_none_that_lasts() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = process_start_time(child.pid)
    assert started is not None
    assert process_start_time(child.pid) == started
    assert process_start_time(os.getpid()) != started
    assert child.stdin is not None
    child.stdin.close()
    limit = time.monotonic() + 20
    while process_start_time(child.pid) is not None and time.monotonic() < limit:
        time.sleep(0.01)
    assert process_start_time(child.pid) is None  # not reaped yet
    child.wait(20)
    assert process_start_time(child.pid) is None
    assert rss_bytes(child.pid) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_start_time_does_not_depend_on_the_clock() -> None:
    started = process_start_time(os.getpid())
    assert started is not None
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert started == pytest.approx(uptime - (time.time() - psutil.Process().create_time()), abs=5)


def test_a_process_name_with_brackets_does_not_confuse(tmp_path: Path) -> None:
    stat_file = tmp_path / "stat"
    fields = " ".join(str(n) for n in range(4, 53))
    stat_file.write_text(f"7 (a) R 1 (b) S {fields}")
    assert device._start_since_boot(stat_file) == 22 / os.sysconf("SC_CLK_TCK")
    stat_file.write_text(f"7 (a) Z {fields}")
    assert device._start_since_boot(stat_file) is None


def test_the_boot_id_stays_the_same() -> None:
    assert boot_id()
    assert boot_id() == boot_id()


STAT = "anon 5\ninactive_file 2000000000\nactive_file 3\n"


@pytest.mark.parametrize(
    ("cgroup", "expected"),
    [
        ({}, (16 * GB, 10 * GB)),
        ({"memory.max": "max\n", "memory.current": "5\n"}, (16 * GB, 10 * GB)),
        ({"memory.max": f"{32 * GB}\n", "memory.current": "5\n"}, (16 * GB, 10 * GB)),
        (
            {"memory.max": f"{8 * GB}\n", "memory.current": f"{3 * GB}\n", "memory.stat": STAT},
            (8 * GB, 7 * GB),
        ),
        ({"memory.max": f"{8 * GB}\n", "memory.current": f"{3 * GB}\n", "memory.stat": ""}, (8 * GB, 5 * GB)),
        ({"memory.max": f"{12 * GB}\n", "memory.current": "0\n", "memory.stat": STAT}, (12 * GB, 10 * GB)),
        ({"memory.max": f"{2 * GB}\n", "memory.current": f"{3 * GB}\n", "memory.stat": ""}, (2 * GB, 0)),
        ({"memory.max": f"{2 * GB}\n", "memory.current": "?"}, (2 * GB, 2 * GB)),
    ],
)
def test_a_containers_memory_limit_is_the_machines(cgroup: dict[str, str], expected: tuple[int, int]) -> None:
    assert within_limit(16 * GB, 10 * GB, cgroup) == expected


def test_a_limit_is_read_from_the_cgroups_files(tmp_path: Path) -> None:
    assert device._read_cgroup(tmp_path) == {}
    for name in ("memory.max", "memory.current", "memory.stat"):
        (tmp_path / name).write_text(name)
    assert device._read_cgroup(tmp_path)["memory.max"] == "memory.max"


def test_a_processor_tells_its_model_and_the_features_that_matter() -> None:
    intel = "model\t\t: 1\nmodel name\t: Some CPU @ 3 GHz\nflags\t\t: fpu avx2 avx sse4_2 hypervisor\n"
    assert read_cpuinfo(intel) == ("Some CPU @ 3 GHz", ("sse4_2", "avx", "avx2"))
    arm = "processor\t: 0\nFeatures\t: fp asimd asimddp\nCPU part\t: 0xd0c\n"
    assert read_cpuinfo(arm) == (None, ("asimd", "asimddp"))
    assert read_cpuinfo("") == (None, ())
