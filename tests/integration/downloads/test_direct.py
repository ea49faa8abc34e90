"""Models by their address: a real daemon, a stand-in for Hugging Face and its CDN, and any other origin."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.world import World, a_world
from tests.fakes.hugging_face import HuggingFace, Repository, commit_of, hugging_face
from tests.fakes.origin import Origin, body, sha256
from tests.fakes.tiny_gguf import write_chat

TOKEN = "hf_secret0123456789"


@dataclass(frozen=True)
class Reach:
    world: World
    hub: HuggingFace


def noise(seed: int, size: int = 3000) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture(scope="module")
def chats(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("chats")
    return {
        f"Tiny-{name.upper()}.gguf": write_chat(folder / f"{name}.gguf", quantization=name).read_bytes()
        for name in ("q8_0", "f16")
    }


@pytest.fixture(scope="module")
def reach(tmp_path_factory: pytest.TempPathFactory, chats: dict[str, bytes]) -> Iterator[Reach]:
    repositories = {
        "Acme/Tiny-GGUF": Repository(chats | {"README.md": b"# Tiny", "mmproj-F16.gguf": noise(1)}),
        "acme/split": Repository(
            {
                **{f"Q4_K_M/big-Q4_K_M-0000{n}-of-00002.gguf": noise(10 + n) for n in (1, 2)},
                "big-Q8_0.gguf": noise(13, 5000),
            }
        ),
        "acme/secret": Repository({"s-Q4_0.gguf": noise(20)}, token=TOKEN, gated="manual"),
        "acme/hidden": Repository({"h-Q4_0.gguf": noise(21)}, token="another", gated=True),
        "acme/moving": Repository({"m-Q4_0.gguf": noise(30)}),
        "acme/liar": Repository({"l-Q4_0.gguf": noise(40)}),
        "acme/away": Repository({"a-Q4_0.gguf": noise(41)}, redirect="http://169.254.169.254/latest/"),
        "acme/several": Repository({"one-Q4_0.gguf": noise(50), "two-Q4_0.gguf": noise(51)}),
        "acme/mlx": Repository(
            {"config.json": b'{"model_type":"llama"}', "model.safetensors": noise(60)}, library="mlx"
        ),
        "acme/empty": Repository({"README.md": b"nothing"}),
        "acme/broken": Repository({}, raw=b"<html>"),
    }
    home = tmp_path_factory.mktemp("home")
    with hugging_face() as hub, Origin() as origin:
        hub.repositories.update(repositories)
        tokens = home / "config/tokens.toml"
        tokens.parent.mkdir(parents=True)
        tokens.write_text(f'"{hub.url}" = "{TOKEN}"\n')
        tokens.chmod(0o600)
        allowed = ",".join((origin.url, hub.url, hub.cdn))
        with a_world(
            home, origin, MODELHUB_DOWNLOADS_HF_ENDPOINT=hub.url, MODELHUB_DOWNLOADS_ALLOW_ORIGINS=allowed
        ) as world:
            yield Reach(world, hub)


def pulled(reach: Reach, source: str) -> Any:
    """The artifact that a source came to."""
    made = reach.world.post("/downloads", {"source": source, "force": True}, status=201)
    done = reach.world.reached(made["id"], "completed", "failed")
    assert done["state"] == "completed", done["error"]
    return next(
        item
        for item in reach.world.get("/library")["items"]
        if all(item[key] == done[key] for key in ("model", "version", "option"))
    )


def contents(reach: Reach, artifact: Any) -> dict[str, bytes]:
    folder = reach.world.daemon.home / "models" / artifact["model"]
    folder = folder / str(artifact["version"]) / artifact["option"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_quantization_comes_with_its_projector_pinned_to_a_commit(
    reach: Reach, chats: dict[str, bytes]
) -> None:
    artifact = pulled(reach, "hf:Acme/Tiny-GGUF:q8_0")
    assert (artifact["model"], artifact["version"], artifact["option"]) == (
        "hf.acme/tiny-gguf", 1, "gguf-q8_0",
    )  # fmt: skip
    assert artifact["verified_at"] is not None, "its SHA-256 were named by the API"
    assert contents(reach, artifact) == {
        "Tiny-Q8_0.gguf": chats["Tiny-Q8_0.gguf"], "mmproj-F16.gguf": noise(1),
    }  # fmt: skip
    detail = reach.world.get("/catalog/models/hf.acme/tiny-gguf")
    assert detail["verified"] is False
    assert {option["id"] for option in detail["options"]} == {"gguf-q8_0", "gguf-f16"}
    urls = [url for option in detail["options"] for file in option["files"] for url in file["urls"]]
    assert all(f"/resolve/{commit_of('first')}/" in url for url in urls)
    assert detail["homepage"] == f"{reach.hub.url}/Acme/Tiny-GGUF"
    assert reach.world.get("/catalog/models", q="tiny-gguf")["total"] == 0, "no catalog lists it"


def test_without_a_quantization_the_best_that_fits_is_taken_and_said_to_be_here(reach: Reach) -> None:
    artifact = pulled(reach, "hf:Acme/Tiny-GGUF")
    assert artifact["option"] == "gguf-f16", "the largest that fits"
    refused = reach.world.refused("POST", "/downloads", 409, {"source": "hf:Acme/Tiny-GGUF:f16"})
    assert refused["code"] == "already_installed"


def test_parts_come_together_by_quantization_or_by_the_name_of_one(reach: Reach) -> None:
    names = {f"Q4_K_M/big-Q4_K_M-0000{n}-of-00002.gguf" for n in (1, 2)}
    artifact = pulled(reach, "hf:acme/split/Q4_K_M/big-Q4_K_M-00001-of-00002.gguf")
    assert contents(reach, artifact).keys() == names
    assert pulled(reach, f"{reach.hub.url}/acme/split/blob/main/big-Q8_0.gguf")["option"] == "gguf-q8_0"
    assert len(reach.world.get("/catalog/models/hf.acme/split")["options"]) == 2


def test_a_token_goes_to_its_origin_and_no_further(reach: Reach) -> None:
    assert contents(reach, pulled(reach, "hf:acme/secret")) == {"s-Q4_0.gguf": noise(20)}
    asked = [known for path, known in reach.hub.asked if "acme/secret" in path]
    assert asked and set(asked) == {f"Bearer {TOKEN}"}
    assert {known for path, known in reach.hub.at_cdn if "acme/secret" in path} == {None}
    refused = reach.world.refused("POST", "/downloads", 403, {"source": "hf:acme/hidden"})
    assert refused["code"] == "not_permitted"
    assert "tokens.toml" in refused["detail"]


def test_another_commit_with_other_bytes_is_another_version_beside_the_old_one(reach: Reach) -> None:
    first = pulled(reach, "hf:acme/moving")
    reach.hub.repositories["acme/moving"] = Repository({"m-Q4_0.gguf": noise(31)}, commit=commit_of("second"))
    second = pulled(reach, "hf:acme/moving")
    assert (first["version"], second["version"]) == (1, 2)
    assert contents(reach, first) == {"m-Q4_0.gguf": noise(30)}
    assert contents(reach, second) == {"m-Q4_0.gguf": noise(31)}
    refused = reach.world.refused(
        "POST", "/downloads", 404, {"source": f"hf:acme/moving@{commit_of('first')}"}
    )
    assert refused["code"] == "repository_not_found"


def test_a_file_that_is_not_what_the_api_says_is_never_seen(reach: Reach) -> None:
    lie = hashlib.sha256(b"other").hexdigest()
    size = len(noise(40))
    reach.hub.repositories["acme/liar"].changes["siblings"] = [
        {"rfilename": "l-Q4_0.gguf", "size": size, "lfs": {"sha256": lie, "size": size}}
    ]
    made = reach.world.post("/downloads", {"source": "hf:acme/liar", "force": True}, status=201)
    assert reach.world.reached(made["id"], "failed")["error"]["code"] == "checksum_mismatch"
    made = reach.world.post("/downloads", {"source": "hf:acme/away", "force": True}, status=201)
    assert reach.world.reached(made["id"], "failed")["error"]["code"] == "forbidden_url"


@pytest.mark.parametrize(
    ("source", "status", "code"),
    [
        ("hf:acme/none", 404, "repository_not_found"),
        ("hf:acme/split:q2_k", 404, "no_model_there"),
        ("hf:acme/split/other.gguf", 404, "no_model_there"),
        ("hf:acme/several", 404, "no_model_there"),
        ("hf:acme/empty", 404, "no_model_there"),
        ("hf:acme/broken", 503, "wrong_content"),
        ("hf:acme", 422, "invalid_input"),
        ("hf:acme/x/../y.gguf", 422, "invalid_input"),
        ("ftp://models.example.org/x.gguf", 422, "invalid_input"),
        ("http://127.0.0.1:1/x.gguf", 422, "invalid_input"),
        ("https://10.0.0.1/x.gguf", 422, "invalid_input"),
        ("https://models.example.org/x.bin", 422, "invalid_input"),
        ("https://models.example.org/x.gguf#md5=1", 422, "invalid_input"),
    ],
)
def test_other_sources_are_refused_in_words(reach: Reach, source: str, status: int, code: str) -> None:
    refused = reach.world.refused("POST", "/downloads", status, {"source": source})
    assert refused["code"] == code
    assert len(refused["detail"]) > 30


def test_one_of_several_models_is_named_by_its_file(reach: Reach) -> None:
    artifact = pulled(reach, "hf:acme/several/two-Q4_0.gguf")
    assert contents(reach, artifact) == {"two-Q4_0.gguf": noise(51)}


def test_small_files_without_a_digest_leave_it_unverified(reach: Reach) -> None:
    artifact = pulled(reach, "hf:acme/mlx")
    assert (artifact["format"], artifact["verified_at"], artifact["digest"]) == ("mlx", None, None)


def test_a_file_anywhere_is_unverified_unless_its_digest_is_named(reach: Reach) -> None:
    world = reach.world
    world.origin.serve("/models/tiny.gguf", 4000, {"prefix": "GGUF"}, seed=70)
    world.origin.serve("/models/known.gguf", 4000, seed=71)
    unsure = pulled(reach, f"{world.origin.url}/models/tiny.gguf")
    assert (unsure["verified_at"], unsure["digest"], unsure["size_bytes"]) == (None, None, 4000)
    address = f"{world.origin.url}/models/known.gguf#sha256={sha256(71, 4000)}"
    sure = pulled(reach, address)
    assert sure["verified_at"] is not None
    assert contents(reach, sure) == {"known.gguf": body(71, 4000)}
    assert reach.world.refused("POST", "/downloads", 409, {"source": address})["code"] == "already_installed"
    assert world.refused("POST", "/downloads", 404, {"source": f"{world.origin.url}/none.gguf"})


def test_a_model_and_a_source_exclude_each_other(reach: Reach) -> None:
    both = {"model": "acme/tiny", "source": "hf:acme/split"}
    for body_ in ({}, both):
        assert reach.world.refused("POST", "/downloads", 422, body_)["errors"]


def test_policies_refuse_addresses_and_what_has_no_digest(reach: Reach) -> None:
    world = reach.world
    world.origin.serve("/models/late.gguf", 4000, {"prefix": "GGUF"}, seed=72)
    late = {"source": f"{world.origin.url}/models/late.gguf", "force": True}
    try:
        world.ask("PUT", "/policy", {"require_digest": True})
        refused = world.refused("POST", "/downloads", 403, late)
        assert refused["code"] == "refused_by_policy" and "require_digest" in refused["detail"]
        world.ask("PUT", "/policy", {"direct_urls": False, "require_digest": False})
        asked = len(reach.hub.asked)
        for source in ("hf:acme/split", late["source"]):
            refused = world.refused("POST", "/downloads", 403, {"source": source})
            assert refused["code"] == "refused_by_policy" and "direct_urls" in refused["detail"]
        assert len(reach.hub.asked) == asked, "nobody was asked"
    finally:
        world.ask("PUT", "/policy", {"direct_urls": None, "require_digest": None})
