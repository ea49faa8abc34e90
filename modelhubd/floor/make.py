"""Makes the floor again: `python -m modelhubd.floor.make` turns `facts/` into `catalog.json`.

`facts/catalog-facts.json` and `facts/arch-facts.json` are figures read from public sources; the other
files there are ours: descriptions, publishers, licences. What comes out depends on nothing else.

An option gets in with a Hugging Face URL, a size and a SHA-256 for every file, so that everything the floor
offers can be verified. A model gets in with its first such option.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import msgspec

from modelhubd.floor.loader import SCHEMA
from modelhubd.wire.architecture import Architecture
from modelhubd.wire.catalog import (
    CatalogEntry,
    Format,
    Hardware,
    License,
    Option,
    OptionFile,
    Role,
    VersionNote,
)

HERE = Path(__file__).parent
FACTS = HERE / "facts"
FLOOR = HERE / "catalog.json"

ORIGIN = "https://huggingface.co/"
KEPT_SUFFIXES = (".gguf", ".safetensors", ".json", ".txt", ".model", ".jinja")
"""Of a folder's files; licence texts and other tools' duplicates stay behind."""
NOT_WANTED = {"pytorch_model.bin.index.json", "params.json"}

FAMILIES = {
    "llama2": "llama", "llama3": "llama", "mistral": "llama", "smollm2": "llama", "falcon3": "llama",
    "qwen2.5": "qwen2", "qwen3-moe": "qwen3moe", "qwen3-next": "qwen3next", "qwen3.5": "qwen35",
    "roberta": "bert", "xlm-roberta": "bert", "gemma3-encoder": "gemma-embedding",
    "glm4-moe-lite": "deepseek2", "nemotron-h": "nemotron_h_moe",
}  # fmt: skip
"""Names in the facts → llama.cpp's architecture names, where they differ."""

TEXT_ONLY = " The files offered here are for text only."


def make(facts: Path = FACTS) -> bytes:
    """The floor's data file made from `facts`, one line per model; equal facts give equal bytes.

    Raises:
        ValueError: a model lacks a description, publisher or licence of ours, or two options share an id.
    """
    architectures = {item["arch_id"]: item for item in _read(facts, "arch-facts.json")}
    ours = {name: _read(facts, f"{name}.json") for name in ("descriptions", "publishers", "licenses")}
    entries = []
    for model in _read(facts, "catalog-facts.json"):
        options = _options(model)
        if options:
            entries.append(_entry(model, options, architectures.get(model["arch_id"]), ours))
    entries.sort(key=lambda entry: entry.id)
    lines = ",\n".join(_line(entry) for entry in entries)
    return f'{{"schema":{SCHEMA},"models":[\n{lines}\n]}}\n'.encode()


def _read(facts: Path, name: str) -> Any:
    return json.loads((facts / name).read_text(encoding="utf-8"))


def _line(entry: CatalogEntry) -> str:
    return json.dumps(_pruned(msgspec.to_builtins(entry)), ensure_ascii=False, separators=(",", ":"))


def _pruned(value: Any) -> Any:
    """Without what is unknown or empty: reading gives the same entry back."""
    if isinstance(value, dict):
        items = ((key, _pruned(item)) for key, item in value.items())
        return {key: item for key, item in items if item is not None and item != [] and item != {}}
    if isinstance(value, list | tuple):
        return [_pruned(item) for item in value]
    return value


def _entry(
    model: dict[str, Any], options: tuple[Option, ...], shape: dict[str, Any] | None, ours: dict[str, Any]
) -> CatalogEntry:
    name = model["id"]
    for table, key in (
        ("descriptions", name),
        ("publishers", model["publisher"]),
        ("licenses", model["license"]["spdx_or_ref"]),
    ):
        if key not in ours[table]:
            raise ValueError(f"facts/{table}.json lacks {key!r}, which {name} needs")
    publisher = ours["publishers"][model["publisher"]]
    spdx = model["license"]["spdx_or_ref"]
    text_only = "vision" in model["capabilities"] and not _sees(options)
    versions = _versions(model, publisher["name"])
    return CatalogEntry(
        id=f"{publisher['slug']}/{name}",
        display_name=model["display_name"],
        publisher=publisher["name"],
        description=ours["descriptions"][name] + (TEXT_ONLY if text_only else ""),
        parameters=model["parameters"],
        active_parameters=_whole(((shape or {}).get("moe") or {}).get("active_parameters")),
        capabilities=_without_vision(model["capabilities"]) if text_only else tuple(model["capabilities"]),
        license=License(spdx=spdx, name=model["license"]["name"], **ours["licenses"][spdx]),
        tags=_without_vision(model["tags"]) if text_only else tuple(model["tags"]),
        context_length=model["context_length"],
        architecture=_architecture(shape),
        homepage=f"{ORIGIN}{model['base_hf_repo']}",
        published_at=versions[0].published_at if versions else None,
        published_by=publisher["name"],
        versions=versions,
        hardware=_hardware(model["hardware"]),
        options=options,
    )


def _without_vision(words: list[str]) -> tuple[str, ...]:
    return tuple(word for word in words if word not in ("vision", "ocr"))


def _sees(options: tuple[Option, ...]) -> bool:
    """Whether some option brings what looking at pictures takes: a projector, or the whole model."""
    return any(
        option.format != Format.GGUF or any(file.role == Role.PROJECTOR for file in option.files)
        for option in options
    )


def _versions(model: dict[str, Any], publisher: str) -> tuple[VersionNote, ...]:
    """Version 1 with the release date where the facts know one; earlier releases are other models here."""
    history = sorted(model["version_history"], key=lambda item: str(item["date"]))
    if not history:
        return ()
    released = history[-1]
    notes = None if released["version"] == "release" else released["version"]
    return (
        VersionNote(
            version=1, published_at=f"{released['date']}T00:00:00Z", published_by=publisher, notes=notes
        ),
    )


def _hardware(stated: dict[str, Any]) -> Hardware:
    """The memory stated for the model as a whole. A figure for one of its options says nothing of the
    others, which the estimator judges each."""
    if (stated.get("source") or {}).get("note"):
        return Hardware()
    return Hardware(
        min_ram_bytes=stated["min_ram_bytes"], recommended_ram_bytes=stated["recommended_ram_bytes"]
    )


def _architecture(shape: dict[str, Any] | None) -> Architecture:
    if shape is None:
        return Architecture()
    attention, experts = shape["attention"], shape["moe"] or {}
    kv_heads = shape["n_kv_heads"]
    if attention["type"] == "hybrid" and attention.get("n_linear_layers"):
        # three layers without a KV cache, then one with it
        kv_heads = (0, 0, 0, kv_heads) * attention["n_full_layers"]
    family = FAMILIES.get(shape["family"], shape["family"])
    if family == "qwen35" and re.search(r"-a\d+b$", shape["arch_id"]):
        family = "qwen35moe"
    return Architecture(
        family=family,
        n_layers=shape["n_layers"],
        n_heads=shape["n_heads"],
        n_kv_heads=kv_heads,
        head_dim_k=shape["head_dim"],
        head_dim_v=shape["head_dim"],
        hidden_size=shape["hidden_size"],
        feed_forward_size=shape["intermediate_size"],
        vocab_size=shape["vocab_size"],
        context_length=shape["context_length"],
        attention=attention["type"],
        sliding_window=attention.get("window"),
        n_sliding_layers=attention.get("n_sliding_layers"),
        n_experts=experts.get("n_experts"),
        n_experts_used=experts.get("n_active"),
        kv_bytes_per_token_f16=shape["kv_bytes_per_token_fp16"],
    )


def _options(model: dict[str, Any]) -> tuple[Option, ...]:
    """What can be fetched and verified, smallest first, ids unique.

    Where two have the same format and quantization the one pinned to a revision keeps the plain id, the
    others carry their quantizer's name; of two by one quantizer the better sourced one stays.
    """
    found = [option for option in model["options"] if _is_whole(option)]
    found.sort(key=lambda option: (not _one_source(option), not _is_pinned(option)))
    options: dict[str, Option] = {}
    quantizers: set[tuple[str, str]] = set()
    for option in found:
        quantizer = option["hf_repo"].partition("/")[0]
        plain = f"{option['format']}-{option['quantization'].lower()}"
        if (plain, quantizer) in quantizers:
            continue
        quantizers.add((plain, quantizer))
        ident = plain if plain not in options else f"{plain}-{quantizer.lower()}"
        if ident in options:
            raise ValueError(f"{model['id']} has two options {ident}")
        files = _files(option)
        options[ident] = Option(
            id=ident,
            format=Format(option["format"]),
            quantization=option["quantization"],
            quantizer=quantizer,
            size_bytes=sum(file.size_bytes or 0 for file in files),
            files=files,
        )
    return tuple(sorted(options.values(), key=lambda item: (item.format, item.size_bytes or 0, item.id)))


def _is_whole(option: dict[str, Any]) -> bool:
    return (
        option["origin"] == "huggingface"
        and bool(option["files"])
        and all(file["size_bytes"] and file["sha256"] and _urls(file) for file in _kept(option))
    )


def _one_source(option: dict[str, Any]) -> bool:
    return all(file.get("size_and_sha256_from") != "different sources" for file in option["files"])


def _is_pinned(option: dict[str, Any]) -> bool:
    return all("/resolve/main/" not in _urls(file)[0] for file in option["files"])


def _kept(option: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        file
        for file in option["files"]
        if file["name"].endswith(KEPT_SUFFIXES) and file["name"] not in NOT_WANTED
    ]


def _urls(file: dict[str, Any]) -> tuple[str, ...]:
    """Pinned to a revision first: a file may be uploaded again under the same name."""
    urls = [url for url in (file.get("urls") or [file["url"]]) if url.startswith(ORIGIN)]
    return tuple(sorted(urls, key=lambda url: "/resolve/main/" in url))


def _files(option: dict[str, Any]) -> tuple[OptionFile, ...]:
    """Weights first; the first part of a sharded model is the model, the other parts are shards."""
    order = list(Role)
    found = sorted(_kept(option), key=lambda file: (order.index(_role(file)), file["name"]))
    return tuple(
        OptionFile(
            name=file["name"],
            role=Role.SHARD if _role(file) == Role.MODEL and index else _role(file),
            size_bytes=file["size_bytes"],
            sha256=file["sha256"],
            urls=_urls(file),
        )
        for index, file in enumerate(found)
    )


def _role(file: dict[str, Any]) -> Role:
    name = file["name"]
    if file.get("role") == "projector":
        return Role.PROJECTOR
    if name.endswith((".gguf", ".safetensors")):
        return Role.MODEL
    if "token" in name or name in ("merges.txt", "vocab.json", "vocab.txt"):
        return Role.TOKENIZER
    return Role.CONFIG


def _whole(figure: float | None) -> int | None:
    return None if figure is None else int(figure)


def main() -> int:
    data = make()
    changed = not FLOOR.exists() or FLOOR.read_bytes() != data
    FLOOR.write_bytes(data)
    models = json.loads(data)["models"]
    options = sum(len(model["options"]) for model in models)
    print(f"{FLOOR.name}: {len(models)} models, {options} options, {len(data):,} bytes", end="")
    print("" if changed else ", unchanged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
