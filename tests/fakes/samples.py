"""Wire values for tests, with everything filled in that a type demands."""

from typing import Any

from modelhubd.wire.architecture import Architecture
from modelhubd.wire.catalog import (
    CatalogInfo,
    CatalogPage,
    Counters,
    Format,
    Hardware,
    JudgedOption,
    License,
    ModelDetail,
    ModelSummary,
    OptionFile,
    Requires,
    VersionNote,
)
from modelhubd.wire.device import Device, LlamaBuild
from modelhubd.wire.downloads import Download, DownloadFile, DownloadState, Progress
from modelhubd.wire.fit import Assumes, Fit, Verdict
from modelhubd.wire.library import Artifact, ArtifactFile, ArtifactState
from modelhubd.wire.servers import EffectiveSetting, Server, ServerMemory, ServerState
from modelhubd.wire.status import ApiRange, QueueSummary, Status, Version

NOW = "2026-03-01T12:00:00.000Z"
FITS = Fit(
    verdict=Verdict.COMPATIBLE,
    reason="needs 1.2 GB, 11.0 GB free of 16.0 GB",
    needed_bytes=1_200_000_000,
    available_bytes=11_000_000_000,
    assumes=Assumes(ctx=8192, kv_type="f16"),
)
TOO_LARGE = Fit(verdict=Verdict.TOO_LARGE, reason="needs 70 GB, 11.0 GB free", needed_bytes=70_000_000_000)


def download(id: str = "aaaa000011112222", state: str = "active", done: int = 0, **rest: Any) -> Download:
    total = rest.pop("total", 1000)
    values: dict[str, Any] = {
        "id": id, "model": "acme/tiny", "version": 1, "option": "gguf-f16", "state": DownloadState(state),
        "progress": Progress(done_bytes=done, total_bytes=total), "priority": 0, "position": 1, "attempts": 0,
        "created_at": NOW, "updated_at": NOW,
        "files": (DownloadFile(name="tiny.gguf", size_bytes=total, sha256=None, done_bytes=done),),
    }  # fmt: skip
    return Download(**(values | rest))


def artifact(id: str = "bbbb000011112222", **rest: Any) -> Artifact:
    values: dict[str, Any] = {
        "id": id, "model": "acme/tiny", "version": 1, "option": "gguf-f16", "format": "gguf",
        "quantization": "F16", "source": "download", "state": ArtifactState.OK, "size_bytes": 1000,
        "digest": "d" * 64,
        "files": (ArtifactFile(name="tiny.gguf", role="model", size_bytes=1000, sha256=None),),
        "verified_at": NOW, "installed_at": NOW, "active": True,
    }  # fmt: skip
    return Artifact(**(values | rest))


def server(id: str = "cccc000011112222", state: str = "ready", **rest: Any) -> Server:
    values: dict[str, Any] = {
        "id": id, "name": "acme/tiny", "library_id": "bbbb000011112222", "model": "acme/tiny", "version": 1,
        "option": "gguf-f16", "state": ServerState(state), "pid": 4711, "build": "b1",
        "settings": {"ctx": EffectiveSetting(value=8192, origin="default")},
        "memory": ServerMemory(estimated_bytes=1_200_000_000), "endpoint": "/v1", "started_at": NOW,
        "ready_at": NOW if state == "ready" else None,
    }  # fmt: skip
    return Server(**(values | rest))


def summary(id: str = "acme/tiny", **rest: Any) -> ModelSummary:
    values: dict[str, Any] = {
        "id": id, "display_name": "Tiny", "publisher": "acme", "description": "A tiny model.",
        "parameters": 135_000_000, "active_parameters": None, "capabilities": ("chat",),
        "license": License(spdx="Apache-2.0"), "tags": (), "context_length": 8192, "verified": False,
        "source": "floor", "version": 1, "published_at": NOW, "counters": Counters(), "installed": False,
        "formats": (Format.GGUF,), "n_options": 1, "best_option": "gguf-f16", "size_bytes": 270_000_000,
        "fit": FITS,
    }  # fmt: skip
    return ModelSummary(**(values | rest))


def page(*models: ModelSummary) -> CatalogPage:
    return CatalogPage(items=models, total=len(models), facets={})


def detail(id: str = "acme/tiny", **rest: Any) -> ModelDetail:
    def option(name: str, fit: Fit) -> JudgedOption:
        file = OptionFile(name=f"{name}.gguf", size_bytes=270_000_000, sha256="e" * 64)
        return JudgedOption(
            id=name, format=Format.GGUF, quantization="F16", size_bytes=270_000_000, files=(file,),
            digest="e" * 64, unverified=False, fit=fit,
        )  # fmt: skip

    values: dict[str, Any] = {
        "id": id, "display_name": "Tiny", "publisher": "acme", "description": "A tiny model.",
        "parameters": 135_000_000, "active_parameters": None, "capabilities": ("chat",),
        "license": License(spdx="Apache-2.0"), "tags": (), "context_length": 8192,
        "architecture": Architecture(), "base_model": None, "homepage": None, "verified": False,
        "source": "floor", "published_by": None, "published_at": NOW, "version": 1,
        "versions": (VersionNote(version=1, notes="First."),), "requires": Requires(), "hardware": Hardware(),
        "counters": Counters(), "best_option": "gguf-f16", "fit": FITS,
        "options": (option("gguf-f16", FITS), option("gguf-f32", TOO_LARGE)), "installed_versions": (),
    }  # fmt: skip
    return ModelDetail(**(values | rest))


def status(**rest: Any) -> Status:
    values: dict[str, Any] = {
        "version": "0.1.0", "pid": 4711, "epoch": "0123abcd", "started_at": NOW, "uptime_s": 12.0,
        "models_installed": 1, "servers_running": 0,
        "catalog": CatalogInfo(source="floor", revision="1", models=105, local_entries=0),
        "downloads": QueueSummary(queued=0, active=0, waiting=0, paused=0, failed=0, rate_bytes_per_s=0),
        "disk_free_bytes": 50_000_000_000, "disk_used_bytes": 1000, "rss_bytes": 60_000_000,
        "llama_server": "b11434", "outbound": (),
    }  # fmt: skip
    return Status(**(values | rest))


def device(**rest: Any) -> Device:
    values: dict[str, Any] = {
        "os": "linux", "os_version": "6.1", "arch": "x86_64", "cpu_model": "A processor", "cpu_cores": 4,
        "cpu_threads": 8, "cpu_features": ("avx2",), "ram_total_bytes": 16_000_000_000,
        "ram_available_bytes": 11_000_000_000, "models_dir": "~/models", "models_dir_present": True,
        "disk_total_bytes": 100_000_000_000, "disk_free_bytes": 50_000_000_000,
        "llama_servers": (LlamaBuild(id="b1", origin="builtin", version="b11434"),),
    }  # fmt: skip
    return Device(**(values | rest))


def version() -> Version:
    return Version(version="0.1.0", api=ApiRange(min=1, max=1), epoch="0123abcd", features=())
