"""What addresses of models mean, and the entries that are made of them."""

import pytest
from msgspec.structs import replace

from modelhubd.entries.direct import (
    HuggingFaceSource,
    NotASource,
    Source,
    UrlSource,
    merged,
    repository_entry,
    source_of,
    url_entry,
    wanted_option,
)
from modelhubd.entries.grouping import NotAModel
from modelhubd.entries.hugging_face import Listing, Repository
from modelhubd.trust.names import is_model_id
from modelhubd.wire.catalog import Format, Role

ENDPOINT = "https://huggingface.co"
COMMIT, OTHER = "01" * 20, "02" * 20
SHA = "ab" * 32


def read(text: str) -> Source:
    return source_of(text, endpoint=ENDPOINT, allow_origins=())


def listing(*names: str, commit: str = COMMIT, sha256: str = SHA, library: str | None = None) -> Listing:
    return Listing(
        commit=commit,
        names=names,
        sizes=dict.fromkeys(names, 10),
        digests={name: sha256 for name in names if not name.endswith(".json")},
        library=library,
        card={"license": "mit"},
    )


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("hf:Acme/Tiny", HuggingFaceSource(Repository("Acme", "Tiny"))),
        ("hf://Acme/Tiny", HuggingFaceSource(Repository("Acme", "Tiny"))),
        ("hf:Acme/Tiny:Q4_K_M", HuggingFaceSource(Repository("Acme", "Tiny"), quantization="Q4_K_M")),
        ("hf:Acme/Tiny@v1.0", HuggingFaceSource(Repository("Acme", "Tiny", "v1.0"))),
        (
            "hf:Acme/Tiny@refs/pr/3:f16",
            HuggingFaceSource(Repository("Acme", "Tiny", "refs/pr/3"), None, "f16"),
        ),
        ("hf:Acme/Tiny/sub/a.gguf", HuggingFaceSource(Repository("Acme", "Tiny"), "sub/a.gguf")),
        ("hf:Acme/Tiny@v1/a.gguf", HuggingFaceSource(Repository("Acme", "Tiny", "v1"), "a.gguf")),
        (
            f"{ENDPOINT}/Acme/Tiny/resolve/main/a.gguf?download=true",
            HuggingFaceSource(Repository("Acme", "Tiny", "main"), "a.gguf"),
        ),
        (
            f"{ENDPOINT}/Acme/Tiny/blob/v2/s/a.gguf",
            HuggingFaceSource(Repository("Acme", "Tiny", "v2"), "s/a.gguf"),
        ),
        ("https://x.example.org/d/a%20b.gguf", UrlSource("https://x.example.org/d/a%20b.gguf", "a b.gguf")),
        (
            f"https://x.example.org/a.gguf#sha256={SHA.upper()}",
            UrlSource("https://x.example.org/a.gguf", "a.gguf", SHA),
        ),
        (f"{ENDPOINT}/a.gguf", UrlSource(f"{ENDPOINT}/a.gguf", "a.gguf")),
    ],
)
def test_an_address_means_a_repository_or_a_file(text: str, source: Source) -> None:
    assert read(text) == source
    assert is_model_id(source.model_id)


@pytest.mark.parametrize(
    "text",
    [
        "", "hf:", "hf:acme", "hf:acme/", "hf:acme/x/", "hf:acme/x:", "hf:acme/x@", "hf:acme/../x",
        "hf:acme/x/../y.gguf", "hf:acme/x/y.bin", "hf:acme/x/-y.gguf", "hf:acme/x\n", "hf:-a/x", "acme/tiny",
        "file:///etc/passwd", "http://x.example.org/a.gguf", "https://x.example.org/",
        "https://x.example.org/a.bin", "https://user:pw@x.example.org/a.gguf", "https://127.0.0.1/a.gguf",
        "https://x.example.org/%2e%2e/a.gguf", "https://x.example.org/a.gguf#sha256=12",
        "https://x.example.org/a.gguf#x", f"{ENDPOINT}/a/b/resolve/main/../x.gguf",
        "https://x.example.org/" + "a" * 3000 + ".gguf", f"{ENDPOINT}/a/b/resolve/main/x.bin",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_model_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(NotASource, match=r".{15}"):
        read(text)


def test_ids_are_told_apart() -> None:
    long = "a" * 90
    ids = {
        read(text).model_id
        for text in (
            "hf:acme/x", "hf:acme/x.y", "hf:acme/x_y", "hf:acme/x-y", f"hf:acme/{long}", f"hf:acme/{long}b",
            "https://x.example.org/a.gguf", "https://y.example.org/a.gguf", "https://x.example.org/b/a.gguf",
            "https://x.example.org/a.gguf?x=1",
        )
    }  # fmt: skip
    assert len(ids) == 10
    assert all(is_model_id(found) for found in ids)
    assert read("hf:Acme/X").model_id == read("hf:acme/x").model_id == "hf.acme/x"
    assert is_model_id(UrlSource("https://x.example.org/+.gguf", "+.gguf").model_id)


def test_a_repository_becomes_options_with_their_projector() -> None:
    source = HuggingFaceSource(Repository("Acme", "Tiny"))
    entry = repository_entry(source, listing("a-Q4_0.gguf", "a-Q8_0.gguf", "mmproj-F16.gguf"), ENDPOINT)
    assert [option.id for option in entry.options] == ["gguf-q4_0", "gguf-q8_0"]
    assert [file.role for file in entry.options[0].files] == [Role.MODEL, Role.PROJECTOR]
    assert (entry.capabilities, entry.license.name, entry.version) == (("vision",), "mit", 1)
    assert entry.options[0].size_bytes == 20
    assert wanted_option(entry, source) is None
    assert wanted_option(entry, replace_quantization(source, "q8_0")) == "gguf-q8_0"
    assert wanted_option(entry, replace_quantization(source, "GGUF-Q4_0")) == "gguf-q4_0"
    with pytest.raises(NotAModel, match="Q4_0, Q8_0"):
        wanted_option(entry, replace_quantization(source, "F16"))


def replace_quantization(source: HuggingFaceSource, quantization: str) -> HuggingFaceSource:
    return HuggingFaceSource(source.repository, None, quantization)


def test_a_named_file_comes_with_its_parts_and_nothing_else() -> None:
    names = [f"one-0000{n}-of-00002.gguf" for n in (1, 2)]
    source = HuggingFaceSource(Repository("Acme", "Tiny"), names[1])
    entry = repository_entry(source, listing(*names, "two.gguf", "mmproj.gguf"), ENDPOINT)
    assert [file.name for file in entry.options[0].files] == [*names, "mmproj.gguf"]
    assert wanted_option(entry, source) == entry.options[0].id == "gguf"
    with pytest.raises(NotAModel, match="no file"):
        repository_entry(source, listing("two.gguf"), ENDPOINT)


def test_mlx_is_told_from_other_safetensors_by_its_library() -> None:
    source = HuggingFaceSource(Repository("Acme", "Tiny"))
    names = ("config.json", "model.safetensors")
    for library, kind in (("mlx", Format.MLX), ("transformers", Format.SAFETENSORS)):
        (option,) = repository_entry(source, listing(*names, library=library), ENDPOINT).options
        assert option.format is kind
        assert not option.has_digests, "a small file has none"


def test_an_unsound_entry_is_none() -> None:
    with pytest.raises(NotAModel, match="cannot be taken"):
        url_entry(UrlSource("https://x.example.org/a.gguf", "a.gguf", SHA), -5)


def test_a_file_of_its_own_is_one_option() -> None:
    source = UrlSource("https://x.example.org/tiny-Q4_0.gguf", "tiny-Q4_0.gguf")
    entry = url_entry(source, 7)
    assert (entry.publisher, entry.display_name) == ("x.example.org", "tiny-Q4_0")
    assert wanted_option(entry, source) == "gguf-q4_0"
    assert not entry.options[0].has_digests


def test_other_bytes_under_the_same_names_are_the_next_version() -> None:
    source = HuggingFaceSource(Repository("Acme", "Tiny"))
    first = repository_entry(source, listing("a-Q4_0.gguf"), ENDPOINT)
    assert merged(None, first) == first
    more = repository_entry(source, listing("a-Q8_0.gguf", commit=OTHER), ENDPOINT)
    both = merged(first, more)
    assert (both.version, [option.id for option in both.options]) == (1, ["gguf-q8_0", "gguf-q4_0"])
    changed = repository_entry(source, listing("a-Q4_0.gguf", sha256="cd" * 32), ENDPOINT)
    assert merged(replace(both, version=3), changed) == replace(changed, version=4)
