"""Entries and machines for the catalog's tests."""

from typing import Any

import msgspec

from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.device import Device

GIB = 1024**3
SHA = "ab" * 32


def entry_json(ident: str = "me/tiny", **more: Any) -> dict[str, Any]:
    """An entry as somebody writes it, with one GGUF option of 1 GB."""
    return {"id": ident, "options": [option_json()]} | more


def option_json(ident: str = "gguf-q4_k_m", **more: Any) -> dict[str, Any]:
    return {"id": ident, "format": "gguf", "quantization": "Q4_K_M", "files": [file_json()]} | more


def file_json(name: str = "tiny.gguf", **more: Any) -> dict[str, Any]:
    return {"name": name, "size_bytes": 10**9, "sha256": SHA, "urls": ["http://127.0.0.1:1/tiny.gguf"]} | more


def entry(ident: str = "me/tiny", **more: Any) -> CatalogEntry:
    return msgspec.convert(entry_json(ident, **more), CatalogEntry)


def device(ram_gib: float = 16, **more: Any) -> Device:
    values: dict[str, Any] = {
        "os": "linux", "os_version": "", "arch": "x86_64", "cpu_model": None,
        "cpu_cores": 4, "cpu_threads": 8,
        "ram_total_bytes": int(ram_gib * GIB), "ram_available_bytes": int(ram_gib * GIB * 0.75),
        "models_dir": "~/models", "models_dir_present": True,
        "disk_total_bytes": 500 * GIB, "disk_free_bytes": 200 * GIB,
    }  # fmt: skip
    return Device(**(values | more))
