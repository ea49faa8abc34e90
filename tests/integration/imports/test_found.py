"""What other tools hold is found, told apart, and imported without anything of theirs being touched."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhubd.errors import InvalidInput, NotFound
from modelhubd.wire.imports import FoundAnswer, FoundModel, ImportMode
from tests.integration.imports.tools import hugging_face, jan, ollama, write
from tests.integration.imports.world import World, sha256, snapshot

FOUR, EIGHT = b"weights of four bits", b"weights of eight bits"


async def found(world: World) -> dict[str, FoundModel]:
    answer = await looked(world)
    return {f"{item.tool} {item.name}": item for item in answer.items}


async def looked(world: World) -> FoundAnswer:
    await world.finder.look()
    return await world.finder.answer()


async def test_every_tool_is_looked_into_and_left_alone(world: World) -> None:
    home = world.home
    await world.know("acme/tiny", q4={"tiny-q4.gguf": FOUR}, q8={"tiny-q8.gguf": EIGHT})
    await world.know("acme/seeing", all={"m.gguf": b"a model that sees", "mmproj.gguf": b"its eyes, ten"})
    cache = home / ".cache" / "huggingface" / "hub"
    hugging_face(
        cache,
        "acme/tiny-GGUF",
        {"tiny-Q4_K_M.gguf": FOUR, "sub/tiny-Q8_0.gguf": EIGHT, "README.md": b"# Tiny, a model"},
    )
    hugging_face(
        cache,
        "acme/mlx",
        {"model.safetensors": b"safetensors, many", "config.json": b"{}", "tokenizer.json": b"{}"},
    )
    write(home / ".lmstudio/models/acme/tiny/tiny-Q4_K_M.gguf", FOUR)
    write(home / ".lmstudio/models/acme/tiny/tiny-Q8_0.gguf.part", FOUR)
    ollama(home / ".ollama/models", "tiny", "8b", model=EIGHT)
    ollama(
        home / ".ollama/models", "seeing", "latest", model=b"a model that sees", projector=b"its eyes, ten"
    )
    write(home / ".cache/llama.cpp/acme_tiny_tiny-00001-of-00002.gguf", b"part one of it")
    write(home / ".cache/llama.cpp/acme_tiny_tiny-00002-of-00002.gguf", b"part two of it")
    write(home / ".cache/llama.cpp/other.gguf", b"another")
    write(home / ".cache/llama.cpp/other.gguf.downloadInProgress", b"half")
    write(home / ".cache/llama.cpp/manifest=acme=tiny=latest.json", b"{}")
    jan(home / ".local/share/Jan/data", "acme/tiny", b"what jan has", b"jans eyes, ten")
    write(home / "jan/models/older/older.gguf", b"an older one")
    write(home / ".local/share/nomic.ai/GPT4All/orca-mini.gguf", b"orca")
    write(home / ".local/share/nomic.ai/GPT4All/incomplete-orca-2.gguf", b"or")
    before = snapshot(home)
    items = await found(world)
    assert set(items) == {
        "hugging-face acme/tiny-GGUF:Q4_K_M",
        "hugging-face acme/tiny-GGUF:Q8_0",
        "hugging-face acme/mlx",
        "lm-studio acme/tiny",
        "ollama tiny:8b",
        "ollama seeing:latest",
        "llama.cpp acme_tiny_tiny-00001-of-00002",
        "llama.cpp other",
        "jan acme/tiny",
        "jan older",
        "gpt4all orca-mini",
    }
    first = items["hugging-face acme/tiny-GGUF:Q4_K_M"]
    assert first.model == "acme/tiny@1:q4"
    assert first.files[0].sha256 == sha256(FOUR)
    assert first.where.startswith("~/.cache/huggingface/hub/models--acme--tiny-GGUF/snapshots/")
    assert items["hugging-face acme/mlx"].format == "safetensors"
    assert items["ollama tiny:8b"].model == "acme/tiny@1:q8"
    seeing = items["ollama seeing:latest"]
    assert seeing.model == "acme/seeing@1:all"
    assert [file.name for file in seeing.files] == ["seeing-latest.gguf", "mmproj-seeing-latest.gguf"]
    assert len(items["llama.cpp acme_tiny_tiny-00001-of-00002"].files) == 2
    assert len(items["jan acme/tiny"].files) == 2
    assert items["lm-studio acme/tiny"].model is None, (
        "nobody has told its digest, and it is not read for that"
    )
    for item in items.values():
        assert ImportMode.LINK in item.modes
    for name in ("hugging-face acme/tiny-GGUF:Q4_K_M", "ollama seeing:latest"):
        (made,) = (await world.bring(None, found=items[name].id)).imported
        assert made.recognised
    code, words = await world.refused(None, found=items["lm-studio acme/tiny"].id)
    assert (code, "acme/tiny@1:q4" in words) == ("already_installed", True), "the digest tells"
    assert {name: facts[1:3] for name, facts in snapshot(home).items()} == {
        name: facts[1:3] for name, facts in before.items()
    }
    again = await found(world)
    assert again["ollama seeing:latest"].library_id is not None
    assert again["hugging-face acme/tiny-GGUF:Q4_K_M"].library_id is not None
    assert again["ollama tiny:8b"].library_id is None


def of_hugging_face(home: Path) -> None:
    hugging_face(home / ".cache/huggingface/hub", "acme/tiny-GGUF", {"called-otherwise-Q4_K_M.gguf": FOUR})


def of_lm_studio(home: Path) -> None:
    write(home / ".lmstudio/models/acme/tiny/called-otherwise.gguf", FOUR)


def of_ollama(home: Path) -> None:
    ollama(home / ".ollama/models", "otherwise", "latest", model=FOUR)


def of_llama_cpp(home: Path) -> None:
    write(home / ".cache/llama.cpp/called_otherwise.gguf", FOUR)


def of_jan(home: Path) -> None:
    jan(home / ".local/share/Jan/data", "called/otherwise", FOUR)


def of_gpt4all(home: Path) -> None:
    write(home / ".local/share/nomic.ai/GPT4All/called-otherwise.gguf", FOUR)


SIX = (of_hugging_face, of_lm_studio, of_ollama, of_llama_cpp, of_jan, of_gpt4all)


@pytest.mark.parametrize("put", SIX, ids=[put.__name__ for put in SIX])
async def test_what_each_tool_holds_is_recognised_by_its_digest(
    world: World, put: Callable[[Path], None]
) -> None:
    await world.know("acme/tiny", q4={"tiny-q4.gguf": FOUR}, q8={"tiny-q8.gguf": EIGHT})
    put(world.home)
    before = snapshot(world.home)
    (item,) = (await found(world)).values()
    tells = put in (of_hugging_face, of_ollama)  # their layouts state digests
    assert item.model == ("acme/tiny@1:q4" if tells else None)
    (made,) = (await world.bring(None, found=item.id)).imported
    assert (made.model, made.version, made.option, made.recognised) == ("acme/tiny", 1, "q4", True)
    assert made.how in ("hard_link", "clone"), "it costs no space"
    assert (world.models / "acme/tiny/1/q4/tiny-q4.gguf").read_bytes() == FOUR
    await world.library.remove(made.library_id)
    assert snapshot(world.home) == before, "never modified, never deleted with our entry"


async def test_what_is_found_cannot_be_moved_away(world: World) -> None:
    ollama(world.home / ".ollama/models", "tiny", "8b", model=EIGHT)
    (item,) = (await found(world)).values()
    with pytest.raises(InvalidInput):
        await world.start(None, "move", found=item.id)
    with pytest.raises(NotFound):
        await world.start(None, found="f" * 16)


async def test_a_blob_can_be_used_where_it_is(world: World) -> None:
    await world.know("acme/tiny", q8={"tiny.gguf": EIGHT})
    ollama(world.home / ".ollama/models", "tiny", "8b", model=EIGHT)
    (item,) = (await found(world)).values()
    assert ImportMode.REFERENCE in item.modes
    await world.bring(None, "reference", found=item.id)
    artifact = await world.library.resolve("acme/tiny")
    assert world.library.model_path(artifact)[0].name == f"sha256-{sha256(EIGHT)}"
    (item,) = (await found(world)).values()
    assert item.shared


async def test_bytes_that_are_there_twice_are_told_with_what_they_cost(world: World) -> None:
    await world.know("acme/tiny", q8={"tiny.gguf": EIGHT})
    ollama(world.home / ".ollama/models", "tiny", "8b", model=EIGHT)
    hugging_face(world.home / ".cache/huggingface/hub", "acme/tiny", {"tiny.gguf": EIGHT})
    (double,) = (await looked(world)).doubled
    assert (double.sha256, double.wasted_bytes, len(double.places)) == (sha256(EIGHT), len(EIGHT), 2)
    item = next(item for item in (await looked(world)).items if item.tool == "ollama")
    (made,) = (await world.bring(None, found=item.id)).imported
    answer = await looked(world)
    if made.how == "hard_link":
        assert answer.wasted_bytes == len(EIGHT), "a link costs nothing"
    await world.library.remove(made.library_id)
    await world.bring(None, "copy", found=item.id)
    assert (await looked(world)).wasted_bytes == 2 * len(EIGHT)


async def test_the_environment_says_where_tools_keep_their_models(world: World) -> None:
    other = world.folder / "elsewhere"
    world.environ.update(
        HF_HOME=str(other / "hf"), OLLAMA_MODELS=str(other / "ollama"), LLAMA_CACHE=str(other / "llama")
    )
    hugging_face(other / "hf" / "hub", "acme/tiny", {"tiny.gguf": EIGHT})
    ollama(other / "ollama", "tiny", "8b", model=EIGHT)
    write(other / "llama" / "tiny.gguf", EIGHT)
    assert {name.split()[0] for name in await found(world)} == {"hugging-face", "ollama", "llama.cpp"}
    world.environ["HF_HUB_CACHE"] = str(other / "nothing")
    assert {name.split()[0] for name in await found(world)} == {"ollama", "llama.cpp"}


async def test_layouts_that_lie_give_nothing(world: World) -> None:
    home = world.home
    secret = write(home / "secret.gguf", b"not a model of theirs")
    models = home / ".ollama" / "models"
    good = json.loads(ollama(models, "good", "1", model=EIGHT).read_bytes())
    layer = good["layers"][0]

    def bad(tag: str, **changes: object) -> None:
        body = {**good, "layers": [{**layer, **changes}]}
        write(models / "manifests/registry.ollama.ai/library/bad" / tag, json.dumps(body).encode())

    bad("size", size=len(EIGHT) + 1)
    bad("huge", size=2**70)
    bad("negative", size=-1)
    bad("up", digest="sha256:../../../../secret.gguf")
    bad("short", digest="sha256:abc")
    bad("none", digest=None)
    bad("missing", digest=f"sha256:{'0' * 64}")
    planted = models / "blobs" / f"sha256-{'1' * 64}"
    planted.symlink_to(secret)
    bad("planted", digest=f"sha256:{'1' * 64}", size=secret.stat().st_size)
    write(models / "manifests/registry.ollama.ai/library/bad/deep", b"[" * 100_000)
    write(models / "manifests/registry.ollama.ai/library/bad/large", b" " * 2_000_000)
    write(models / "manifests/registry.ollama.ai/library/bad/binary", bytes(range(256)))
    (models / "manifests/registry.ollama.ai/library/loop").symlink_to(models / "manifests")
    cache = home / ".cache/huggingface/hub"
    snapshot_folder = hugging_face(cache, "acme/evil", {"good.gguf": FOUR})
    (snapshot_folder / "evil.gguf").symlink_to(secret)
    (snapshot_folder / "dangling.gguf").symlink_to("../../blobs/nothing")
    (snapshot_folder / "round").symlink_to(snapshot_folder)
    (cache / "models--link--repo").symlink_to(home)
    data = home / ".local/share/Jan/data"
    write(data / "llamacpp/models/evil/model.yml", b"model_path: ../../../../secret.gguf\n")
    write(data / "llamacpp/models/evil2/model.yml", f"model_path: {secret}\n".encode())
    items = await found(world)
    assert set(items) == {"ollama good:1", "hugging-face acme/evil"}
    assert [file.name for file in items["hugging-face acme/evil"].files] == ["good.gguf"]


async def test_a_cache_that_changes_while_it_is_imported_is_refused(world: World) -> None:
    await world.know("acme/tiny", q8={"tiny.gguf": EIGHT})
    ollama(world.home / ".ollama/models", "tiny", "8b", model=EIGHT)
    (item,) = (await found(world)).values()
    blob = world.home / ".ollama/models/blobs" / f"sha256-{sha256(EIGHT)}"
    blob.write_bytes(EIGHT.upper())
    assert (await world.refused(None, found=item.id))[0] == "source_changed"
    blob.unlink()
    assert (await world.refused(None, found=item.id))[0] == "cannot_read"


async def test_a_blob_that_is_not_what_its_name_says_is_not_recognised(world: World) -> None:
    await world.know("acme/tiny", q8={"tiny.gguf": EIGHT})
    ollama(world.home / ".ollama/models", "tiny", "8b", model=EIGHT)
    (world.home / ".ollama/models/blobs" / f"sha256-{sha256(EIGHT)}").write_bytes(EIGHT.upper())
    (item,) = (await found(world)).values()
    assert item.model == "acme/tiny@1:q8", "so its name says"
    assert (await world.refused(None, found=item.id))[0] == "not_a_model"


async def test_a_folder_that_cannot_be_read_is_passed_over(world: World, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    closed = world.home / ".lmstudio/models/acme"
    write(closed / "tiny/tiny.gguf", FOUR)
    closed.chmod(0)
    try:
        assert await found(world) == {}
    finally:
        closed.chmod(0o700)
