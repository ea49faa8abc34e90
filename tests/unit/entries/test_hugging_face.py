"""What the API of Hugging Face may answer, and what it must not lead to."""

import string
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelhubd.entries.direct import HuggingFaceSource, repository_entry
from modelhubd.entries.grouping import NotAModel
from modelhubd.entries.hugging_face import NotUnderstood, Repository, api_url, file_url, read_listing
from modelhubd.entries.rules import faults_in_entry

COMMIT = "0123456789" * 4
SHA = "ab" * 32
ENDPOINT = "https://huggingface.co"
REPOSITORY = Repository("Acme", "Tiny-GGUF", "v1/x")


def answer(*files: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"sha": COMMIT, "siblings": list(files)} | rest


def large(name: str, size: int = 10) -> dict[str, Any]:
    return {"rfilename": name, "size": 134, "lfs": {"sha256": SHA, "size": size}}


def test_addresses_are_pinned_and_escaped() -> None:
    assert api_url(f"{ENDPOINT}/", REPOSITORY) == (
        "https://huggingface.co/api/models/Acme/Tiny-GGUF/revision/v1%2Fx?blobs=true"
    )
    assert file_url(ENDPOINT, REPOSITORY, COMMIT, "a b/c+d.gguf") == (
        f"https://huggingface.co/Acme/Tiny-GGUF/resolve/{COMMIT}/a%20b/c%2Bd.gguf"
    )


def test_sizes_and_digests_are_those_of_the_large_files() -> None:
    found = read_listing(
        answer(large("a.gguf", 7), {"rfilename": "b.json", "size": 3}, {"rfilename": "c"}, gated="manual")
    )
    assert found.names == ("a.gguf", "b.json", "c")
    assert found.sizes == {"a.gguf": 7, "b.json": 3}
    assert found.digests == {"a.gguf": SHA}
    assert found.gated
    assert read_listing(answer({"rfilename": "a", "lfs": {"sha256": SHA}, "size": 4})).sizes == {"a": 4}


@pytest.mark.parametrize(
    "wrong",
    [
        [], None, {}, {"sha": COMMIT}, answer() | {"sha": "main"}, answer() | {"sha": COMMIT[:39] + "\n"},
        answer({"rfilename": "a", "size": -1}), answer({"rfilename": 5}), answer({"rfilename": "a" * 1025}),
        answer({"rfilename": "a", "lfs": {"sha256": "AB" * 32}}),
    ],
)  # fmt: skip
def test_what_is_no_such_answer_is_refused(wrong: Any) -> None:
    with pytest.raises(NotUnderstood):
        read_listing(wrong)


NAMES = st.one_of(
    st.from_regex(
        r"[A-Za-z0-9._-]{1,12}-Q[2-8]_[0K](_[SML])?(-0000[1-3]-of-0000[1-3])?\.gguf", fullmatch=True
    ),
    st.sampled_from(
        ["../up.gguf", "/etc/passwd", "a\\b.gguf", "con.gguf", "-x.gguf", "mmproj-F16.gguf", "config.json"]
    ),
    st.from_regex(r"model(-0000[1-2]-of-00002)?\.safetensors", fullmatch=True),
    st.text(alphabet=string.printable, min_size=1, max_size=20),
)
FILES = st.lists(
    st.fixed_dictionaries(
        {"rfilename": NAMES},
        optional={
            "size": st.one_of(st.integers(-1, 1 << 70), st.none()),
            "lfs": st.fixed_dictionaries(
                {"sha256": st.sampled_from([SHA, "cd" * 32, "x"]), "size": st.integers(0, 1 << 62)}
            ),
        },
    ),
    max_size=8,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    files=FILES,
    rest=st.dictionaries(st.sampled_from(["gated", "cardData", "library_name"]), JSON),
    named=NAMES,
)
def test_whatever_it_answers_becomes_a_sound_entry_or_a_refusal(
    files: list[dict[str, Any]], rest: dict[str, Any], named: str
) -> None:
    whole = msgspec.json.decode(msgspec.json.encode(answer(*files) | rest)) if _fits(files) else None
    for file in (None, named):
        source = HuggingFaceSource(Repository("acme", "x"), file)
        try:
            entry = repository_entry(source, read_listing(whole), ENDPOINT)
        except (NotUnderstood, NotAModel):
            continue
        assert not faults_in_entry(entry)
        assert not entry.verified
        for option in entry.options:
            for item in option.files:
                assert ".." not in item.name and not item.name.startswith("/")
                assert item.urls[0].startswith(f"{ENDPOINT}/acme/x/resolve/{COMMIT}/")


def _fits(files: list[dict[str, Any]]) -> bool:
    """Whether JSON of ours can say it."""
    return all(-(1 << 63) <= (file.get("size") or 0) < 1 << 64 for file in files)
