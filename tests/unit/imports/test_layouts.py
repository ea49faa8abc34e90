"""Manifests and folders of other tools as a stranger may have written them."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelhubd.library.found import gpt4all, hugging_face, jan, llama_cpp, lm_studio, ollama
from modelhubd.library.found.doubles import Copy, doubled
from modelhubd.library.found.held import Budget, TooMuch, groups_among
from modelhubd.library.found.ollama import MODEL, PROJECTOR, Layer, weights_of
from modelhubd.library.found.service import look_at_tools

DIGEST = "ab" * 32
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)
LAYERS = st.fixed_dictionaries(
    {},
    optional={
        "mediaType": st.sampled_from([MODEL, PROJECTOR, "other"]) | JSON,
        "digest": st.sampled_from([f"sha256:{DIGEST}", f"sha256:{DIGEST}\n", "sha256:../x", "md5:1"]) | JSON,
        "size": st.integers(-10, 2**70) | JSON,
    },
)
NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=30
).filter(lambda name: name not in (".", ".."))


def layer(kind: str = MODEL, **changes: object) -> dict[str, object]:
    return {"mediaType": kind, "digest": f"sha256:{DIGEST}", "size": 10} | changes


def manifest(*layers: object) -> bytes:
    return json.dumps({"layers": layers}).encode()


def test_the_layers_of_a_model_are_its_weights_and_its_projector() -> None:
    eyes = layer(PROJECTOR, digest=f"sha256-{'cd' * 32}", size=5)
    found = weights_of(manifest(eyes, layer(), layer("application/vnd.ollama.image.template", digest=0)))
    assert found == (Layer(MODEL, DIGEST, 10), Layer(PROJECTOR, "cd" * 32, 5))


@pytest.mark.parametrize(
    "data",
    [
        manifest(),
        manifest(layer(), layer()),
        manifest(layer(PROJECTOR)),
        manifest(layer(), layer(PROJECTOR), layer(PROJECTOR)),
        manifest(layer(size=0)),
        manifest(layer(size=True)),
        manifest(layer(size=2**53)),
        manifest(layer(size="10")),
        manifest(layer(digest="sha256:" + "AB" * 32)),
        manifest(layer(digest="sha256:" + DIGEST + "/..")),
        manifest(*[layer()] * 300),
        b'{"layers": {}}',
        b"[]",
        b"{}",
        b"\xff",
        b"",
        b"[" * 100_000,
    ],
)
def test_a_manifest_that_lies_is_none(data: bytes) -> None:
    assert weights_of(data) is None


@given(st.binary(max_size=200) | st.lists(LAYERS | JSON, max_size=4).map(lambda layers: manifest(*layers)))
def test_any_bytes_are_a_manifest_or_none(data: bytes) -> None:
    for found in weights_of(data) or ():
        assert len(found.sha256) == 64
        assert 0 < found.size_bytes < 2**53


@given(
    st.text(max_size=300) | st.builds("model_path: {}\nmmproj_path: '{}'".format, st.text(max_size=40), NAMES)
)
def test_a_description_of_jan_never_leads_out(text: str) -> None:
    for place in jan.paths_of(text.encode("utf-8", "replace")).values():
        assert not place.is_absolute()
        assert ".." not in place.parts


def test_a_description_of_jan_is_read() -> None:
    text = b'name: x\nmodel_path: a/b.gguf\nmmproj_path: "c d.gguf" \nmodel_path_2: no\n'
    assert {key: str(path) for key, path in jan.paths_of(text).items()} == {
        "model_path": "a/b.gguf",
        "mmproj_path": "c d.gguf",
    }


@given(st.lists(NAMES.map(lambda name: f"{name}.gguf") | NAMES, max_size=12))
def test_any_names_are_grouped_and_none_twice(names: list[str]) -> None:
    members = [weight for one in groups_among(set(names)) for weight in one.weights]
    assert len(members) == len(set(members))
    assert set(members) <= set(names)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.lists(NAMES.filter(lambda name: len(name.encode()) < 100), min_size=1, max_size=5),
            st.binary(max_size=40),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_any_tree_in_the_place_of_a_cache_is_looked_at_in_bounded_time(
    tmp_path_factory: pytest.TempPathFactory, tree: list[tuple[list[str], bytes, bool]]
) -> None:
    home = tmp_path_factory.mktemp("home")
    bases = (
        ".cache/huggingface/hub/models--a--b/snapshots/x", ".ollama/models/manifests/h/n/m",
        ".lmstudio/models/p/m", ".local/share/Jan/data/llamacpp/models/x", ".cache/llama.cpp",
    )  # fmt: skip
    for base in bases:
        (home / base).mkdir(parents=True)
        for parts, content, link in tree:
            target = home.joinpath(base, *parts)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                if link:
                    target.symlink_to("/etc" if len(content) % 2 else "..")
                else:
                    target.write_bytes(content)
            except OSError:
                continue
    began = time.monotonic()
    for place in look_at_tools({}, home):
        for held in place.models:
            for file in held.files.values():
                assert file.path.is_relative_to(home)
    assert time.monotonic() - began < 20


def test_a_folder_of_millions_is_not_read_to_its_end(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number}.gguf").touch()
    with pytest.raises(TooMuch):
        Budget(entries=40).names(tmp_path)
    ticks = iter([0.0, *[100.0] * 1000])
    for number in range(50, 600):
        (tmp_path / f"{number}.gguf").touch()
    with pytest.raises(TooMuch):
        Budget(entries=1023, seconds=20, clock_s=lambda: next(ticks)).names(tmp_path)
    assert Budget().names(tmp_path / "nothing") == []


def test_names_that_are_no_text_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.gguf")).touch()
    (tmp_path / "good.gguf").touch()
    assert [named.name for named in Budget().names(tmp_path)] == ["good.gguf"]


def test_tools_are_looked_for_where_they_say(tmp_path: Path) -> None:
    environ = {"XDG_CACHE_HOME": "/c", "XDG_DATA_HOME": "/d"}
    assert hugging_face.roots(environ, tmp_path) == [Path("/c/huggingface/hub")]
    assert llama_cpp.roots(environ, tmp_path)[0] == Path("/c/llama.cpp")
    assert jan.roots(environ, tmp_path)[0] == Path("/d/Jan/data")
    assert gpt4all.roots(environ, tmp_path)[0] == Path("/d/nomic.ai/GPT4All")
    assert lm_studio.roots(environ, tmp_path)[0] == tmp_path / ".lmstudio/models"
    assert ollama.roots({}, tmp_path)[0] == tmp_path / ".ollama/models"


def test_names_of_one_inode_are_not_there_twice() -> None:
    def copy(inode: int, where: str, sha256: str = DIGEST, size: int = 10) -> Copy:
        return Copy(sha256, size, 1, inode, where)

    assert doubled([copy(1, "a"), copy(1, "b")]) == ()
    assert doubled([copy(1, "a"), copy(2, "a", "ff" * 32)]) == ()
    (found,) = doubled([copy(1, "a"), copy(1, "b"), copy(2, "c"), copy(3, "d")])
    assert (found.wasted_bytes, found.places) == (20, ("a", "b", "c", "d"))
    small = [copy(4, "e", "ee" * 32, 1), copy(5, "f", "ee" * 32, 1)]
    assert [one.wasted_bytes for one in doubled([*small, copy(1, "a"), copy(2, "b")])] == [10, 1]


def test_jans_data_is_where_its_settings_say(tmp_path: Path) -> None:
    place = tmp_path / ".local/share/Jan"
    place.mkdir(parents=True)
    settings = place / "settings.json"
    assert jan.roots({}, tmp_path)[0] == place / "data"
    settings.write_text('{"data_folder": "/mnt/large/jan", "quick_ask": false}')
    assert jan.roots({}, tmp_path)[0] == Path("/mnt/large/jan")
    assert jan.roots({"JAN_DATA_FOLDER": "/else"}, tmp_path) == [Path("/else")]
    for bad in (
        "{",
        '{"data_folder": "relative"}',
        '{"data_folder": 7}',
        "[" * 100_000,
        '{"data_folder": "/\\u0000"}',
    ):
        settings.write_text(bad)
        assert jan.roots({}, tmp_path)[0] == place / "data", bad[:40]


def test_what_jan_kept_before_lies_at_any_of_a_few_depths(tmp_path: Path) -> None:
    for name in (
        "models/tiny/tiny.gguf",
        "models/huggingface.co/acme/tiny/main/model.gguf",
        "models/loose.gguf",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"GGUF of a model")
    found = sorted(held.name for held in jan.models(tmp_path, Budget()))
    assert found == ["huggingface.co/acme/tiny/main", "tiny"]
