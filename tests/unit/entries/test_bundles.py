"""What a manifest may say, and what it may not."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.entries import bundles
from modelhubd.entries.bundles import BadBundle, read_manifest, write_manifest
from modelhubd.entries.content import canonical
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile, Role

SHA = hashlib.sha256(b"model").hexdigest()
NOW = "2026-03-01T12:00:00.000Z"


def entry(model: str = "acme/tiny", version: int = 1, **more: Any) -> CatalogEntry:
    file = OptionFile(name="tiny.gguf", role=Role.MODEL, size_bytes=5, sha256=SHA)
    option = Option(id="gguf-q4", format=Format.GGUF, size_bytes=5, files=(file,))
    return CatalogEntry(id=model, version=version, options=(option,), **more)


def sound(**changes: Any) -> dict[str, Any]:
    """A manifest as a dictionary, with some fields replaced."""
    document: dict[str, Any] = json.loads(write_manifest("kit", NOW, [(entry(), "gguf-q4")]))
    return document | changes


def test_what_is_written_is_read_again_with_the_digest_of_its_bytes() -> None:
    data = write_manifest(
        "kit", NOW, [(entry(), "gguf-q4"), (entry("acme/other", 3, tags=("a",)), "gguf-q4")]
    )
    found = read_manifest(data)
    assert (found.name, found.created_at) == ("kit", NOW)
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert [item.reference for item in found.items] == ["acme/tiny@1:gguf-q4", "acme/other@3:gguf-q4"]
    assert [file.path for file in found.files] == [
        "acme/tiny/1/gguf-q4/tiny.gguf",
        "acme/other/3/gguf-q4/tiny.gguf",
    ]
    assert found.size_bytes == 10
    assert found.items[1].entry == entry("acme/other", 3, tags=("a",))
    assert found.items[0].folder == "acme/tiny/1/gguf-q4"


def test_two_options_of_one_version_share_its_entry() -> None:
    both = entry()
    second = OptionFile(name="big.gguf", size_bytes=9, sha256="ab" * 32)
    both = CatalogEntry(
        id=both.id,
        options=(*both.options, Option(id="gguf-q8", format=Format.GGUF, size_bytes=9, files=(second,))),
    )
    data = write_manifest("kit", NOW, [(both, "gguf-q4"), (both, "gguf-q8")])
    assert len(json.loads(data)["entries"]) == 1
    assert [item.option.id for item in read_manifest(data).items] == ["gguf-q4", "gguf-q8"]


def without_digest(document: dict[str, Any]) -> None:
    del document["entries"][0]["options"][0]["files"][0]["sha256"]


def named(name: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["entries"][0]["options"][0]["files"][0]["name"] = name

    return change


def lying_size(document: dict[str, Any]) -> None:
    document["entries"][0]["options"][0]["size_bytes"] = 7


def twice(document: dict[str, Any]) -> None:
    document["models"] *= 2


def entry_twice(document: dict[str, Any]) -> None:
    document["entries"] *= 2


def unused_entry(document: dict[str, Any]) -> None:
    document["entries"].append(document["entries"][0] | {"id": "acme/unused"})


def unknown_option(document: dict[str, Any]) -> None:
    document["models"][0]["option"] = "gguf-q5"


def other_version(document: dict[str, Any]) -> None:
    document["models"][0]["version"] = 2


def unknown_in_model(document: dict[str, Any]) -> None:
    document["models"][0]["path"] = "/etc"


HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], None] | dict[str, Any], str]] = {
    "a file without a digest": (without_digest, "no size and SHA-256"),
    "a name that leaves the folder": (named("../../x.gguf"), "leaves its folder"),
    "an absolute name": (named("/etc/x.gguf"), "absolute"),
    "a reserved name": (named("con.gguf"), "reserved"),
    "a name with a NUL": (named("a\0.gguf"), "control or invisible"),
    "a name with a look-alike": (named("tіny.gguf"), "character other than"),
    "a pickle": (named("tiny.pkl"), "may only hold files that end in"),
    "a script": (named("run.sh"), "may only hold files that end in"),
    "a size that is not the sum": (lying_size, "but its files have"),
    "a model twice": (twice, "is there twice"),
    "an entry twice": (entry_twice, "is there twice"),
    "an entry without files": (unused_entry, "has an entry and no files"),
    "an option that no entry has": (unknown_option, "no entry describes it"),
    "a version that no entry has": (other_version, "no entry describes it"),
    "an unknown field": ({"run": "x"}, "unknown field"),
    "an unknown field of a model": (unknown_in_model, "unknown field"),
    "no models": ({"models": []}, "1 to 1000 models"),
    "a name that is a path": ({"name": "../kit"}, "/name"),
    "a name with two dots": ({"name": "a..b"}, "/name"),
    "a schema of the future": ({"schema": 2, "news": 1}, "update modelhub"),
    "a schema that never was": ({"schema": 0}, "never in use"),
    "a schema that is no number": ({"schema": "1"}, "/schema"),
    "entries that are none": ({"entries": 3}, "/entries"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_manifest_with_a_fault_is_refused_whole(case: str) -> None:
    change, said = HOSTILE[case]
    document = sound()
    if isinstance(change, dict):
        document |= change
    else:
        change(document)
    with pytest.raises(BadBundle, match=said):
        read_manifest(canonical(document))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "Expected `object`"),
        (b"[" * 100_000, "cannot be read|nested"),
        (b"[" * 300_000, "objects and arrays"),
        (b" " * (bundles.MANIFEST_MAX + 1), "larger than 4 MiB"),
        (b'{"name":"a","name":"b"}', "stands twice"),
        (b'{"schema":' + b"9" * 5000 + b"}", "not a number"),
    ],
    ids=["empty", "not-text", "a-list", "deep", "many", "large", "doubled", "long-number"],
)
def test_what_is_no_manifest_is_refused_within_bounds(data: bytes, said: str) -> None:
    with pytest.raises(BadBundle, match=said):
        read_manifest(data)


def test_a_manifest_has_one_form_only() -> None:
    data = canonical(sound())
    read_manifest(data)
    for other in (data + b"\n", data.replace(b":", b": ", 1), b"\xef\xbb\xbf" + data):
        with pytest.raises(BadBundle, match="canonical"):
            read_manifest(other)


def test_files_that_cannot_lie_side_by_side_are_refused() -> None:
    document = sound()
    file = document["entries"][0]["options"][0]["files"][0]
    document["entries"][0]["options"][0]["files"].append(file | {"name": "TINY.gguf", "role": "shard"})
    document["entries"][0]["options"][0]["size_bytes"] = 10
    with pytest.raises(BadBundle, match="side by side"):
        read_manifest(canonical(document))


def test_a_bundle_has_no_more_files_than_can_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "FILES_MAX", 0)
    with pytest.raises(BadBundle, match="more than 0 files"):
        read_manifest(canonical(sound()))


def test_an_entry_that_could_not_be_read_again_is_not_written() -> None:
    with pytest.raises(BadBundle):
        write_manifest("kit", NOW, [(entry("not an id"), "gguf-q4")])


def places_in(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Of everything in a document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(found for key, inner in pairs for found in places_in(inner, (*place, key)))]


PLACES = [place for place in places_in(sound()) if place]
PLACES += [place for place in PLACES if place[-1] == "name"] * 8  # what would lead elsewhere
LEADING = ["../x", "/etc/passwd", "a/../../b", "x\n", "acme/tiny", "a\\b", "..", ""]
ANYTHING: Any = st.sampled_from(LEADING) | (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just([]) | st.just({})
)


@given(st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=2))
def test_any_lie_in_a_manifest_is_refused_or_leads_nowhere(lies: list[tuple[tuple[Any, ...], Any]]) -> None:
    document = sound()
    for (*above, last), lie in lies:
        holder: Any = document
        try:
            for key in above:
                holder = holder[key]
            holder[last] = lie
        except (TypeError, KeyError, IndexError):
            continue  # an earlier lie took its place away
    try:
        bundle = read_manifest(canonical(document))
    except BadBundle:
        return
    for file in bundle.files:
        assert not {"", ".", ".."} & set(file.path.split("/")), file
        assert file.path.isprintable() and "\\" not in file.path
        assert file.size_bytes >= 0 and len(file.sha256) == 64


@given(st.binary(max_size=300))
def test_any_bytes_are_a_manifest_or_refused(data: bytes) -> None:
    with pytest.raises(BadBundle):
        read_manifest(data)
