"""Facts become entries: what gets in, under which ids, in which order."""

import json
from pathlib import Path
from typing import Any

import pytest

from modelhubd.floor.loader import load_floor
from modelhubd.floor.make import make
from modelhubd.wire.catalog import CatalogEntry, Role

SHA = {name: f"{number:064x}" for number, name in enumerate(("a", "b", "c", "d"), start=1)}


def file(
    name: str, sha256: str | None = SHA["a"], size_bytes: int | None = 10, **more: Any
) -> dict[str, Any]:
    url = f"https://huggingface.co/lab/m/resolve/main/{name}"
    return {"name": name, "url": url, "size_bytes": size_bytes, "sha256": sha256} | more


def option(repo: str, *files: dict[str, Any], quantization: str = "Q4_K_M", **more: Any) -> dict[str, Any]:
    return {
        "format": "gguf", "origin": "huggingface", "hf_repo": repo, "quantization": quantization,
        "files": list(files),
    } | more  # fmt: skip


def model(*options: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "tiny-1b", "display_name": "Tiny 1B", "publisher": "Lab", "base_hf_repo": "lab/tiny",
        "parameters": 1, "capabilities": ["chat"], "license": {"spdx_or_ref": "MIT", "name": "MIT License"},
        "tags": [], "context_length": 8, "arch_id": None, "version_history": [],
        "hardware": {"min_ram_bytes": None, "recommended_ram_bytes": None}, "options": list(options),
    } | more  # fmt: skip


def shape(**more: Any) -> dict[str, Any]:
    return {
        "arch_id": "tiny", "family": "llama3", "n_layers": 8, "n_heads": 4, "n_kv_heads": 2, "head_dim": 16,
        "hidden_size": 64, "intermediate_size": 128, "vocab_size": 100, "context_length": 32,
        "attention": {"type": "full"}, "moe": None, "kv_bytes_per_token_fp16": 1024,
    } | more  # fmt: skip


def made(
    tmp_path: Path, *models: dict[str, Any], shapes: tuple[dict[str, Any], ...] = ()
) -> list[CatalogEntry]:
    facts: dict[str, Any] = {
        "catalog-facts": list(models),
        "arch-facts": list(shapes),
        "descriptions": {item["id"]: "A tiny model." for item in models},
        "publishers": {"Lab": {"slug": "lab", "name": "The Lab"}},
        "licenses": {"MIT": {"url": "https://spdx.org/licenses/MIT.html", "commercial": True}},
    }
    for name, value in facts.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    return list(load_floor(make(tmp_path)))


def test_an_entry_has_the_publisher_description_and_licence_that_we_wrote(tmp_path: Path) -> None:
    (entry,) = made(tmp_path, model(option("lab/m", file("m.gguf"))))
    assert (entry.id, entry.publisher, entry.description) == ("lab/tiny-1b", "The Lab", "A tiny model.")
    assert entry.license.url == "https://spdx.org/licenses/MIT.html"
    assert entry.homepage == "https://huggingface.co/lab/tiny"


def test_an_option_without_a_size_or_a_digest_stays_out(tmp_path: Path) -> None:
    whole = option("lab/m", file("m.gguf"))
    bare = option("lab/m", file("n.gguf", sha256=None), quantization="Q8_0")
    sizeless = option("lab/m", file("n.gguf", size_bytes=None), quantization="Q6_K")
    empty = option("lab/m", quantization="Q5_K_M")
    (entry,) = made(tmp_path, model(whole, bare, sizeless, empty))
    assert [item.id for item in entry.options] == ["gguf-q4_k_m"]


def test_an_option_of_another_origin_stays_out_and_a_model_without_options_too(tmp_path: Path) -> None:
    assert made(tmp_path, model(option("lab/m", file("m.gguf"), origin="elsewhere"))) == []


def test_of_two_options_alike_the_pinned_one_keeps_the_plain_id(tmp_path: Path) -> None:
    pinned = f"https://huggingface.co/b/m/resolve/{'1' * 40}/m.gguf"
    moving = "https://huggingface.co/b/m/resolve/main/m.gguf"
    first = option("A/m", file("m.gguf"))
    second = option("B/m", file("m.gguf", sha256=SHA["b"], urls=[moving, pinned]))
    (entry,) = made(tmp_path, model(first, second))
    found = {item.id: item for item in entry.options}
    assert found.keys() == {"gguf-q4_k_m", "gguf-q4_k_m-a"}
    assert found["gguf-q4_k_m"].quantizer == "B"
    assert found["gguf-q4_k_m"].files[0].urls == (pinned, moving)


def test_of_two_options_of_one_quantizer_the_one_from_a_single_source_stays(tmp_path: Path) -> None:
    mixed = option("A/m", file("m.gguf", size_and_sha256_from="different sources"))
    single = option("A/m", file("n.gguf", sha256=SHA["b"], size_and_sha256_from="same source"))
    (entry,) = made(tmp_path, model(mixed, single))
    assert [item.files[0].name for item in entry.options] == ["n.gguf"]


def test_the_parts_of_a_sharded_model_come_in_order_the_first_as_the_model(tmp_path: Path) -> None:
    parts = [file(f"m-0000{n}-of-00003.gguf", sha256=SHA[d]) for n, d in ((3, "c"), (1, "a"), (2, "b"))]
    projector = file("mmproj.gguf", sha256=SHA["d"], role="projector")
    (entry,) = made(tmp_path, model(option("lab/m", projector, *parts), capabilities=["vision"]))
    (only,) = entry.options
    assert [item.role for item in only.files] == [Role.MODEL, Role.SHARD, Role.SHARD, Role.PROJECTOR]
    assert only.files[0].name == "m-00001-of-00003.gguf"
    assert only.size_bytes == 40
    assert entry.capabilities == ("vision",)


def test_a_model_whose_files_cannot_see_is_not_said_to_see(tmp_path: Path) -> None:
    (entry,) = made(
        tmp_path, model(option("lab/m", file("m.gguf")), capabilities=["chat", "vision"], tags=["vision"])
    )
    assert entry.capabilities == ("chat",)
    assert entry.tags == ()
    assert entry.description == "A tiny model. The files offered here are for text only."


def test_memory_stated_for_one_option_is_not_asked_of_the_others(tmp_path: Path) -> None:
    stated: dict[str, Any] = {"min_ram_bytes": 8, "recommended_ram_bytes": 16, "source": None}
    of_one = stated | {"source": {"note": "for the Q8_0 option"}}
    first, second = made(
        tmp_path,
        model(option("lab/m", file("m.gguf")), hardware=stated),
        model(option("lab/n", file("n.gguf")), hardware=of_one, id="tiny-2b"),
    )
    assert (first.hardware.min_ram_bytes, first.hardware.recommended_ram_bytes) == (8, 16)
    assert second.hardware.min_ram_bytes is second.hardware.recommended_ram_bytes is None


def test_a_folder_keeps_what_loading_takes_and_leaves_the_rest(tmp_path: Path) -> None:
    names = [
        "config.json",
        "model.safetensors",
        "LICENSE",
        "tokenizer.json",
        "vocab.txt",
        "chat_template.jinja",
    ]
    folder = option("lab/m", *(file(name) for name in names), format="mlx", quantization="4bit")
    (entry,) = made(tmp_path, model(folder))
    (only,) = entry.options
    assert [(item.name, item.role) for item in only.files] == [
        ("model.safetensors", Role.MODEL),
        ("chat_template.jinja", Role.CONFIG),
        ("config.json", Role.CONFIG),
        ("tokenizer.json", Role.TOKENIZER),
        ("vocab.txt", Role.TOKENIZER),
    ]


def test_the_release_date_becomes_version_one(tmp_path: Path) -> None:
    history = [{"version": "Tiny 1", "date": "2024-05-01"}, {"version": "Tiny 2", "date": "2025-02-03"}]
    (entry,) = made(tmp_path, model(option("lab/m", file("m.gguf")), version_history=history))
    (note,) = entry.versions
    assert (note.version, note.published_at, note.notes) == (1, "2025-02-03T00:00:00Z", "Tiny 2")
    assert entry.published_at == note.published_at


def test_the_shape_comes_from_the_architecture_facts(tmp_path: Path) -> None:
    tiny = model(option("lab/m", file("m.gguf")), arch_id="tiny")
    moe = {"n_experts": 8, "n_active": 2, "active_parameters": 3.3e9}
    (entry,) = made(tmp_path, tiny, shapes=(shape(moe=moe),))
    assert entry.architecture.family == "llama"
    assert (entry.architecture.head_dim_k, entry.architecture.feed_forward_size) == (16, 128)
    assert entry.architecture.kv_bytes_per_token_f16 == 1024
    assert (entry.architecture.n_experts, entry.architecture.n_experts_used) == (8, 2)
    assert entry.active_parameters == 3_300_000_000


def test_layers_without_a_kv_cache_have_no_heads_for_it(tmp_path: Path) -> None:
    hybrid = shape(
        arch_id="big-a3b", family="qwen3.5",
        attention={"type": "hybrid", "n_full_layers": 2, "n_linear_layers": 6},
    )  # fmt: skip
    tiny = model(option("lab/m", file("m.gguf")), arch_id="big-a3b")
    (entry,) = made(tmp_path, tiny, shapes=(hybrid,))
    assert entry.architecture.n_kv_heads == (0, 0, 0, 2, 0, 0, 0, 2)
    assert entry.architecture.family == "qwen35moe"


def test_a_model_that_nobody_described_stops_the_making(tmp_path: Path) -> None:
    made(tmp_path, model(option("lab/m", file("m.gguf"))))
    (tmp_path / "descriptions.json").write_text("{}")
    with pytest.raises(ValueError, match=r"descriptions\.json lacks 'tiny-1b'"):
        make(tmp_path)


def test_equal_facts_give_equal_bytes_and_models_stand_by_id(tmp_path: Path) -> None:
    two = (model(option("lab/m", file("m.gguf")), id="b"), model(option("lab/m", file("m.gguf")), id="a"))
    assert [entry.id for entry in made(tmp_path, *two)] == ["lab/a", "lab/b"]
    assert make(tmp_path) == make(tmp_path)
