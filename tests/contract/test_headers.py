"""A model whose entry states no shape is judged by the header of its file, read at its origin."""

from pathlib import Path

from modelhubd.formats.gguf import read_gguf
from tests.contract.world import World, entry, local_file

MODEL = "lab/unstated"


def listed(world: World, model_files: Path, name: str = "chat.gguf", **rest: object) -> str:
    file = local_file(model_files / name, world.origin)
    world.list_locally(entry(MODEL, file, **rest), file="headers")
    return f"/catalog/models/{MODEL}"


def asked(world: World, name: str) -> int:
    return len(world.origin.requests(f"/{name}"))


def test_the_shape_comes_from_the_file_and_the_verdict_with_it(world: World, model_files: Path) -> None:
    path, before = listed(world, model_files), asked(world, "chat.gguf")
    found = world.get(path)
    data = (model_files / "chat.gguf").read_bytes()
    shape = read_gguf(data, len(data)).architecture
    assert found["architecture"]["hidden_size"] == shape.hidden_size
    assert found["architecture"]["n_layers"] == shape.n_layers
    assert found["fit"]["verdict"] == "compatible"
    assert found["fit"]["assumes"] == {"ctx": shape.context_length, "kv_type": "f16"}
    assert world.get(path) == found
    assert asked(world, "chat.gguf") == before + 1, "it is kept"
    outbound = world.get("/status")["outbound"]
    assert [item["connections"] for item in outbound if item["purpose"] == "header"] == [1]


def test_the_badge_of_such_a_model_is_the_estimate_of_the_installed_one(
    world: World, model_files: Path
) -> None:
    path = listed(world, model_files)
    badge = world.get(path)["fit"]
    world.download(MODEL, until="completed")
    (installed,) = world.get("/library", q=MODEL)["items"]
    settings = {"ctx": badge["assumes"]["ctx"], "kv_type_k": "f16", "kv_type_v": "f16"}
    found = world.post(f"/library/{installed['id']}/estimate", {"settings": settings})
    header = (model_files / "chat.gguf").stat().st_size - found["weights_bytes"]
    assert 0 < header < 100_000
    assert badge["needed_bytes"] == found["total_bytes"] + header


def test_what_an_entry_states_is_not_asked_for(world: World, model_files: Path) -> None:
    data = (model_files / "embedding.gguf").read_bytes()
    shape = read_gguf(data, len(data)).architecture
    stated = {name: getattr(shape, name) for name in ("n_layers", "n_heads", "n_kv_heads", "hidden_size")}
    stated |= {"head_dim_k": shape.head_dim_k, "context_length": 512}
    path = listed(world, model_files, "embedding.gguf", architecture=stated)
    before = asked(world, "embedding.gguf")
    assert world.get(path)["architecture"]["hidden_size"] == shape.hidden_size
    assert asked(world, "embedding.gguf") == before


def test_a_file_that_tells_nothing_leaves_the_model_as_it_was_stated(world: World, model_files: Path) -> None:
    path = listed(world, model_files, "corrupt.gguf")
    found = world.get(path)
    assert found["architecture"].get("hidden_size") is None
    before = asked(world, "corrupt.gguf")
    assert world.get(path) == found
    assert asked(world, "corrupt.gguf") == before, "it is not asked again at once"


def test_a_forced_download_asks_for_no_header(world: World, model_files: Path) -> None:
    file = local_file(model_files / "alien.gguf", world.origin)
    world.list_locally(entry("lab/forced", file), file="forced")
    before = asked(world, "alien.gguf")
    world.download("lab/forced", until="completed")
    assert asked(world, "alien.gguf") == before + 1, "the download itself"
