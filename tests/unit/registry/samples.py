"""Publishes, rows and entries for the registry's tests."""

from typing import Any

import msgspec

from modelhubd.registry.versions.rows import VersionRow
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.registry import Issue, Severity, VersionStatus

SHA = "ab" * 32
OTHER = "cd" * 32
URL = "https://models.example.com/tiny.gguf"
SHAPE = {
    "family": "llama", "n_layers": 16, "n_heads": 32, "n_kv_heads": 8, "hidden_size": 2048,
    "feed_forward_size": 8192, "vocab_size": 128256, "context_length": 131072,
}  # fmt: skip


def file_json(name: str = "tiny.gguf", **more: Any) -> dict[str, Any]:
    return {"name": name, "size_bytes": 1000, "sha256": SHA, "urls": [URL]} | more


def option_json(ident: str = "gguf-q4_k_m", **more: Any) -> dict[str, Any]:
    return {"id": ident, "format": "gguf", "quantization": "Q4_K_M", "files": [file_json()]} | more


def publish_json(**more: Any) -> dict[str, Any]:
    """A publish in which nothing is to be noticed."""
    return {
        "display_name": "Tiny",
        "description": "A small model.",
        "capabilities": ["chat"],
        "license": {"spdx": "Apache-2.0", "name": "Apache License 2.0"},
        "context_length": 131072,
        "architecture": SHAPE,
        "options": [option_json()],
    } | more


def entry(ident: str = "acme/tiny", **more: Any) -> CatalogEntry:
    return msgspec.convert({"id": ident} | publish_json(**more), CatalogEntry)


def row(**more: Any) -> VersionRow:
    values: dict[str, Any] = {
        "model": "acme/tiny", "version": 3, "status": VersionStatus.PENDING, "content_sha256": SHA,
        "published_by": "author", "published_at": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip
    return VersionRow(**(values | more))


def issue(severity: Severity = Severity.ERROR, **more: Any) -> Issue:
    values: dict[str, Any] = {"code": "dead_option", "pointer": "/options/0", "message": "no address"}
    return Issue(severity=severity, **(values | more))
